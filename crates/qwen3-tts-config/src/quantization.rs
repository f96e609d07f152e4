//! `quantization`: how MLX packed the weights of a checkpoint.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Result;
use crate::check::Check;

/// The `quantization` section that MLX writes: affine groups, with exceptions by layer.
///
/// A group of `group_size` weights shares a scale and a bias, `w = scale · q + bias`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Quantization {
    /// Weights that share a scale and a bias.
    pub group_size: usize,
    /// Bits of a weight.
    pub bits: usize,
    /// The scheme; only `affine` is known.
    #[serde(default = "affine")]
    pub mode: String,
    /// Exceptions, by the full name of the layer, as `talker.model.layers.0.mlp.down_proj`.
    #[serde(flatten)]
    pub layers: BTreeMap<String, LayerQuantization>,
}

/// What is different for one layer.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum LayerQuantization {
    /// `false`: kept in full precision; `true`: as everywhere.
    Quantized(bool),
    /// A group size and a width of its own.
    Groups {
        /// Weights that share a scale and a bias.
        group_size: usize,
        /// Bits of a weight.
        bits: usize,
    },
}

fn affine() -> String {
    "affine".to_owned()
}

impl Quantization {
    pub(crate) fn validate(&self) -> Result<()> {
        let check = Check::section("quantization.");
        check.that(self.mode == "affine", "mode", "\"affine\"", &self.mode)?;
        groups(&check, self.group_size, self.bits)?;
        for layer in self.layers.values() {
            if let LayerQuantization::Groups { group_size, bits } = *layer {
                groups(&check, group_size, bits)?;
            }
        }
        Ok(())
    }
}

fn groups(check: &Check, group_size: usize, bits: usize) -> Result<()> {
    let sizes = [32, 64, 128];
    check.that(sizes.contains(&group_size), "group_size", "32, 64 or 128", group_size)?;
    let widths = [2, 3, 4, 5, 6, 8];
    check.that(widths.contains(&bits), "bits", "2, 3, 4, 5, 6 or 8", bits)
}
