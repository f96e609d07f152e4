//! `quantization`: the scheme in which MLX packed the weights of a checkpoint.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::check::Check;
use crate::error::Result;

/// The `quantization` section that MLX writes: affine groups, with exceptions by layer.
///
/// A group of `group_size` weights shares a scale and a bias, `w = scale · q + bias`. The loader
/// takes bits and group size from the shapes of each layer's tensors; this section is checked so
/// that a scheme that the loader cannot read is refused by its name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Quantization {
    /// Number of weights that share a scale and a bias: 32, 64 or 128.
    pub group_size: usize,
    /// Bits of a weight: 4, 6 or 8.
    pub bits: usize,
    /// The scheme, `affine`; the loader reads no other.
    #[serde(default = "affine")]
    pub mode: String,
    /// Exceptions by the full name of the layer, such as `talker.model.layers.0.mlp.down_proj`.
    #[serde(flatten)]
    pub layers: BTreeMap<String, LayerQuantization>,
}

/// The exception of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum LayerQuantization {
    /// `false` for a layer in full precision; `true` for the scheme of all others.
    Quantized(bool),
    /// A group size and bits of its own.
    Groups {
        /// Number of weights that share a scale and a bias.
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
    check.that([4, 6, 8].contains(&bits), "bits", "4, 6 or 8", bits)
}
