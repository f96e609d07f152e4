//! The sizes that all transformers of a checkpoint have in common.

use crate::check::Check;
use crate::error::Result;

/// Sizes of a transformer: of the talker, the code predictor, or one half of the codec.
///
/// Read from the section of the transformer, as by
/// [`TalkerConfig::transformer`](crate::TalkerConfig::transformer).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TransformerSizes {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward blocks.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// True if the attention projections have biases.
    pub attention_bias: bool,
    /// Term under the root of every norm.
    pub norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
}

impl TransformerSizes {
    /// Checks the sizes; `norm_eps` is the field's name in the section.
    pub(crate) fn validate(&self, check: &Check, norm_eps: &str) -> Result<()> {
        check.dimension("hidden_size", self.hidden_size)?;
        check.dimension("intermediate_size", self.intermediate_size)?;
        check.count("num_hidden_layers", self.num_hidden_layers)?;
        check.attention(self.num_attention_heads, self.num_key_value_heads, self.head_dim)?;
        check.positive(norm_eps, self.norm_eps)?;
        check.positive("rope_theta", self.rope_theta)
    }
}
