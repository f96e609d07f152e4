//! Causal grouped-query self-attention.

pub mod cache;

use crate::backend::{AttentionSpec, Backend};
use crate::device::Device;
use crate::error::Result;
use crate::kv_cache::KvCache;
use crate::linear::Linear;
use crate::norm::RmsNorm;
use crate::rope::RopePositions;
use crate::tensor::Tensor;
use crate::weights::Weights;

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

/// `o_proj(softmax(q·kᵀ/√d)·v)` with rope on queries and keys: the reference's
/// `Qwen3TTSTalkerAttention`, `Qwen3TTSAttention` and `Qwen3TTSTokenizerV2DecoderAttention`.
#[derive(Clone)]
pub struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    qk_norm: Option<(RmsNorm, RmsNorm)>,
    config: AttentionConfig,
}

impl Attention {
    /// Reads `q_proj`, `k_proj`, `v_proj`, `o_proj`, and `q_norm` and `k_norm` if configured.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights, config: &AttentionConfig, device: &Device) -> Result<Self> {
        let hidden = config.hidden_size;
        let q_size = config.num_attention_heads * config.head_dim;
        let kv_size = config.num_key_value_heads * config.head_dim;
        let linear = |name: &str, inputs, outputs| {
            let bias = config.attention_bias;
            Linear::load_maybe_bias(&weights.under(name), inputs, outputs, bias, device)
        };
        let norm =
            |name: &str, eps| RmsNorm::load(&weights.under(name), config.head_dim, eps, device);
        Ok(Self {
            q_proj: linear("q_proj", hidden, q_size)?,
            k_proj: linear("k_proj", hidden, kv_size)?,
            v_proj: linear("v_proj", hidden, kv_size)?,
            o_proj: linear("o_proj", q_size, hidden)?,
            qk_norm: match config.qk_norm {
                Some(eps) => Some((norm("q_norm", eps)?, norm("k_norm", eps)?)),
                None => None,
            },
            config: config.clone(),
        })
    }

    /// `x` `[1, time, hidden_size]` continues the sequence in `cache`; same shape out.
    #[track_caller]
    pub fn step(&self, x: &Tensor, positions: &RopePositions, cache: &mut KvCache) -> Tensor {
        self.step_many(x, &mut [Span { positions, cache }])
    }

    /// The rows of `x` continue several sequences, one after the other.
    #[track_caller]
    pub(crate) fn step_many(&self, x: &Tensor, spans: &mut [Span<'_>]) -> Tensor {
        let time = x.dim(1);
        let spec = self.config.spec();
        let [q, k, v] = Linear::forward_many([&self.q_proj, &self.k_proj, &self.v_proj], x);
        let mut q = q.reshape(&[1, time, spec.heads, spec.head_dim]);
        let mut k = k.reshape(&[1, time, spec.kv_heads, spec.head_dim]);
        if let Some((q_norm, k_norm)) = &self.qk_norm {
            q = q_norm.forward(&q);
            k = k_norm.forward(&k);
        }
        let y = on_backend!(q, B => B::attention_many(spans, &q, &k, &v, spec));
        self.o_proj.forward(&y)
    }
}

/// The rows of one sequence in a step of several.
pub(crate) struct Span<'a> {
    /// As many as there are rows.
    pub positions: &'a RopePositions,
    pub cache: &'a mut KvCache,
}
