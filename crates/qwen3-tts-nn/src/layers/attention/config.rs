//! The sizes of an attention layer.

use qwen3_tts_kernels::KvType;

use crate::backend::attention::AttentionSpec;

/// The sizes and options of an attention layer, which differ between the talker, the code
/// predictor and the codec.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttentionConfig {
    /// Number of input and output channels.
    pub hidden_size: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads; each serves `num_attention_heads / num_key_value_heads` query heads.
    pub num_key_value_heads: usize,
    /// Channels of a head, whatever `hidden_size / num_attention_heads` is.
    pub head_dim: usize,
    /// True if the projections have a bias.
    pub attention_bias: bool,
    /// ε of the norms of queries and keys, applied by head before rope; `None` for no such norms.
    pub qk_norm: Option<f32>,
    /// Largest number of positions that a position attends to, itself included; `None` for no limit.
    pub sliding_window: Option<usize>,
    /// Data type of cached keys and values on the CPU; other devices use that of their activations.
    pub kv_type: KvType,
}

impl AttentionConfig {
    /// Returns attention with as many key heads as query heads, no bias, no norms, no window and a
    /// cache in float32.
    pub fn new(hidden_size: usize, num_attention_heads: usize, head_dim: usize) -> Self {
        Self {
            hidden_size,
            num_attention_heads,
            num_key_value_heads: num_attention_heads,
            head_dim,
            attention_bias: false,
            qk_norm: None,
            sliding_window: None,
            kv_type: KvType::F32,
        }
    }

    pub(crate) fn spec(&self) -> AttentionSpec {
        AttentionSpec {
            heads: self.num_attention_heads,
            kv_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            window: self.sliding_window,
            kv_type: self.kv_type,
        }
    }
}
