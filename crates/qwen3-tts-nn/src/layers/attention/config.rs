//! The sizes of an attention layer.

use crate::backend::attention::AttentionSpec;

/// What distinguishes the attentions of the talker, the code predictor and the codec.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttentionConfig {
    /// Channels in and out.
    pub hidden_size: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; each serves `num_attention_heads / num_key_value_heads` query heads.
    pub num_key_value_heads: usize,
    /// Channels of a head, whatever `hidden_size / num_attention_heads` is.
    pub head_dim: usize,
    /// Whether the projections have a bias.
    pub attention_bias: bool,
    /// `Some(eps)`: queries and keys are normalised by head before rope.
    pub qk_norm: Option<f32>,
    /// Each position sees at most this many positions, itself included.
    pub sliding_window: Option<usize>,
}

impl AttentionConfig {
    /// Attention with as many key heads as query heads, no bias, no norm and no window.
    pub fn new(hidden_size: usize, num_attention_heads: usize, head_dim: usize) -> Self {
        Self {
            hidden_size,
            num_attention_heads,
            num_key_value_heads: num_attention_heads,
            head_dim,
            attention_bias: false,
            qk_norm: None,
            sliding_window: None,
        }
    }

    pub(crate) fn spec(&self) -> AttentionSpec {
        AttentionSpec {
            heads: self.num_attention_heads,
            kv_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            window: self.sliding_window,
        }
    }
}
