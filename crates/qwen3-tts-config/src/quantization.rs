//! `quantization`: the scheme in which MLX packed the weights of a checkpoint.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::check::Check;
use crate::error::Result;

/// The section that MLX writes twice, as `quantization` and as `quantization_config`: affine
/// groups, with exceptions by layer.
///
/// A group of `group_size` weights shares a scale and a bias, `w = scale · q + bias`. The loader
/// takes bits and group size from the shapes of each layer's tensors; this section is checked so
/// that a scheme that the loader cannot read is refused by its name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Quantization {
    /// Number of weights that share a scale and a bias: 32, 64 or 128.
    #[serde(default = "group_size")]
    pub group_size: usize,
    /// Bits of a weight: 2, 3, 4, 5, 6 or 8.
    #[serde(default = "bits")]
    pub bits: usize,
    /// The scheme, `affine`, which null and an absent field mean too; the loader reads no other.
    #[serde(default)]
    pub mode: Option<String>,
    /// The tool that quantised the weights, `mlx` if it is named; the loader reads no other.
    #[serde(default)]
    pub quant_method: Option<String>,
    /// Exceptions by the full name of the layer, such as `talker.model.layers.0.mlp.down_proj`.
    #[serde(flatten, deserialize_with = "layers")]
    pub layers: BTreeMap<String, LayerQuantization>,
}

/// The exception of one layer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum LayerQuantization {
    /// `false` for a layer in full precision; `true` for the scheme of all others.
    Quantized(bool),
    /// A scheme of its own.
    Groups {
        /// Number of weights that share a scale and a bias.
        #[serde(default = "group_size")]
        group_size: usize,
        /// Bits of a weight.
        #[serde(default = "bits")]
        bits: usize,
        /// The scheme, `affine`.
        #[serde(default)]
        mode: Option<String>,
    },
}

/// Group size that MLX's `quantize` has if none is given.
fn group_size() -> usize {
    64
}

/// Bits that MLX's `quantize` has if none are given.
fn bits() -> usize {
    4
}

impl Quantization {
    /// Group sizes that the loader reads.
    const GROUP_SIZES: [usize; 3] = [32, 64, 128];
    /// Bits that the loader reads.
    pub const BITS: [usize; 6] = [2, 3, 4, 5, 6, 8];

    /// Returns the group size and the bits of a layer, such as
    /// `talker.model.layers.0.mlp.down_proj`.
    pub fn of_layer(&self, layer: &str) -> (usize, usize) {
        match self.layers.get(layer) {
            Some(&LayerQuantization::Groups { group_size, bits, .. }) => (group_size, bits),
            _ => (self.group_size, self.bits),
        }
    }

    /// Checks the section, whose name with a dot is `section`.
    pub(crate) fn validate(&self, section: &'static str) -> Result<()> {
        let check = Check::section(section);
        if let Some(method) = &self.quant_method {
            let expected = "\"mlx\": no other scheme can be read";
            check.that(method == "mlx", "quant_method", expected, format!("\"{method}\""))?;
        }
        groups(&check, "", (self.group_size, self.bits), self.mode.as_deref())?;
        for (name, layer) in &self.layers {
            if let LayerQuantization::Groups { group_size, bits, mode } = layer {
                groups(&check, &format!("{name}."), (*group_size, *bits), mode.as_deref())?;
            }
        }
        Ok(())
    }
}

fn groups(
    check: &Check,
    layer: &str,
    (group_size, bits): (usize, usize),
    mode: Option<&str>,
) -> Result<()> {
    let field = |name: &str| format!("{layer}{name}");
    if let Some(mode) = mode {
        let expected = "\"affine\": no other mode can be read";
        check.that(mode == "affine", &field("mode"), expected, format!("\"{mode}\""))?;
    }
    let known = Quantization::GROUP_SIZES.contains(&group_size);
    check.that(known, &field("group_size"), "32, 64 or 128", group_size)?;
    let known = Quantization::BITS.contains(&bits);
    check.that(known, &field("bits"), "2, 3, 4, 5, 6 or 8", bits)
}

/// Reads the exceptions. Other fields, which tools add as they please, are ignored.
fn layers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, LayerQuantization>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Field {
        Layer(LayerQuantization),
        Other(IgnoredAny),
    }
    let fields = BTreeMap::<String, Field>::deserialize(deserializer)?;
    let layers = fields.into_iter().filter_map(|(name, field)| match field {
        Field::Layer(layer) => Some((name, layer)),
        Field::Other(_) => None,
    });
    Ok(layers.collect())
}
