//! The transformer that decoder and encoder share in kind.

use qwen3_tts_config::TransformerSizes;
use qwen3_tts_nn::{AttentionConfig, TransformerConfig};

/// Returns the transformer of these sizes with scaled residual branches.
pub(crate) fn transformer_config(sizes: &TransformerSizes) -> TransformerConfig {
    let mut attention =
        AttentionConfig::new(sizes.hidden_size, sizes.num_attention_heads, sizes.head_dim);
    attention.num_key_value_heads = sizes.num_key_value_heads;
    attention.attention_bias = sizes.attention_bias;
    let mut transformer = TransformerConfig::new(
        attention,
        sizes.num_hidden_layers,
        sizes.intermediate_size,
        sizes.norm_eps as f32,
        sizes.rope_theta as f32,
    );
    transformer.layer_scale = true;
    transformer
}
