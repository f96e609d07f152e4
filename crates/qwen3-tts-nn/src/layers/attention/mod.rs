//! Causal grouped-query self-attention.

mod cache;
mod config;

pub use cache::KvCache;
pub use config::AttentionConfig;

use super::linear::Linear;
use super::norm::RmsNorm;
use crate::backend::Backend;
use crate::backend::attention::Span;
use crate::backend::rope::RopePositions;
use crate::error::Result;
use crate::tensor::dispatch::on_backend;
use crate::tensor::{Device, Tensor};
use crate::weights::Weights;

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
    /// Reads `q_proj`, `k_proj`, `v_proj`, `o_proj`, and if configured `q_norm` and `k_norm`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
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

    /// Continues the sequence in `cache` with `x` `[1, time, hidden_size]`; same shape out.
    #[track_caller]
    pub fn step(&self, x: &Tensor, positions: &RopePositions, cache: &mut KvCache) -> Tensor {
        self.step_many(x, &mut [SequenceRows { positions, cache }])
    }

    /// Continues several sequences, whose rows follow each other in `x`.
    #[track_caller]
    pub(crate) fn step_many(&self, x: &Tensor, sequences: &mut [SequenceRows<'_>]) -> Tensor {
        let time = x.dim(1);
        let spec = self.config.spec();
        let rows: usize = sequences.iter().map(|rows| rows.positions.n_tokens).sum();
        assert_eq!(rows, time, "positions of {:?}", x.shape());
        for rows in sequences.iter() {
            rows.positions.check_head_dim(spec.head_dim);
        }
        let [q, k, v] = Linear::forward_many([&self.q_proj, &self.k_proj, &self.v_proj], x);
        let mut q = q.reshape(&[1, time, spec.heads, spec.head_dim]);
        let mut k = k.reshape(&[1, time, spec.kv_heads, spec.head_dim]);
        if let Some((q_norm, k_norm)) = &self.qk_norm {
            q = q_norm.forward(&q);
            k = k_norm.forward(&k);
        }
        let y = on_backend!(q, B => {
            let mut spans: Vec<Span<'_, _>> = sequences
                .iter_mut()
                .map(|rows| Span { positions: rows.positions, cache: rows.cache.of_mut::<B>() })
                .collect();
            let (q, k, v) = (q.of::<B>(), k.of::<B>(), v.of::<B>());
            Tensor::on::<B>(B::attention_many(&mut spans, q, k, v, spec))
        });
        self.o_proj.forward(&y)
    }
}

/// The rows of one sequence in a batched step.
pub(crate) struct SequenceRows<'a> {
    /// One position for each row.
    pub positions: &'a RopePositions,
    /// Keys and values of the sequence's earlier rows.
    pub cache: &'a mut KvCache,
}
