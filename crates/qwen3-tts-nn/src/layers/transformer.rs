//! The pre-norm transformer that talker, code predictor and both halves of the codec share.

use qwen3_tts_kernels::KvType;

use super::attention::{Attention, AttentionConfig, KvCache, SequenceRows};
use super::mlp::{Mlp, MlpKind};
use super::norm::{Norm, NormKind};
use super::rope::Rope;
use crate::backend::rope::RopePositions;
use crate::error::Result;
use crate::tensor::Device;
use crate::tensor::Tensor;
use crate::weights::Weights;

/// The sizes and options of a [`Transformer`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransformerConfig {
    /// The attention of every layer.
    pub attention: AttentionConfig,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of inner channels of the feed-forward layers.
    pub intermediate_size: usize,
    /// Kind of the feed-forward layers.
    pub mlp: MlpKind,
    /// Kind of the norms before attention and feed-forward, and after the last layer.
    pub norm: NormKind,
    /// ε of the norms.
    pub norm_eps: f32,
    /// True if there is a norm after the last layer.
    pub final_norm: bool,
    /// Base frequency of rope.
    pub rope_theta: f32,
    /// True if residual branches are scaled by channel (`self_attn_layer_scale`,
    /// `mlp_layer_scale`).
    pub layer_scale: bool,
}

impl TransformerConfig {
    /// Returns a transformer with RMS norms, also after the last layer, SwiGLU and no layer scale.
    pub fn new(
        attention: AttentionConfig,
        num_hidden_layers: usize,
        intermediate_size: usize,
        norm_eps: f32,
        rope_theta: f32,
    ) -> Self {
        Self {
            attention,
            num_hidden_layers,
            intermediate_size,
            mlp: MlpKind::SwiGlu,
            norm: NormKind::Rms,
            norm_eps,
            final_norm: true,
            rope_theta,
            layer_scale: false,
        }
    }
}

impl TransformerConfig {
    fn load_norm(&self, weights: &Weights, name: &str, device: &Device) -> Result<Norm> {
        let hidden = self.attention.hidden_size;
        Norm::load(&weights.under(name), self.norm, hidden, self.norm_eps, device)
    }
}

/// Decoder layers and the final norm: the inside of `Qwen3TTSTalkerModel`,
/// `Qwen3TTSTalkerCodePredictorModel`, `Qwen3TTSTokenizerV2DecoderTransformerModel` and
/// `MimiTransformerModel`.
#[derive(Clone)]
pub struct Transformer {
    layers: Vec<Layer>,
    norm: Option<Norm>,
    rope: Rope,
    attention: AttentionConfig,
    device: Device,
}

/// The state of a sequence in a [`Transformer`]. A clone continues the sequence on its own.
#[derive(Clone)]
pub struct TransformerState {
    caches: Vec<KvCache>,
}

impl TransformerState {
    /// Returns the number of positions so far.
    pub fn position(&self) -> usize {
        self.caches.first().map_or(0, KvCache::len)
    }
}

impl Transformer {
    /// Reads `layers.{i}`, and if there is a final norm, `norm`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load(weights: &Weights, config: &TransformerConfig, device: &Device) -> Result<Self> {
        let layer = |i| Layer::load(&weights.under("layers").under(i), config, device);
        Ok(Self {
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_>>()?,
            norm: match config.final_norm {
                true => Some(config.load_norm(weights, "norm", device)?),
                false => None,
            },
            rope: Rope::new(config.attention.head_dim, config.rope_theta),
            attention: config.attention.clone(),
            device: device.clone(),
        })
    }

    /// Returns the transformer with another data type of cached keys and values; it applies to new
    /// states, on the CPU.
    pub fn with_kv_type(mut self, kv_type: KvType) -> Self {
        self.attention.kv_type = kv_type;
        self
    }

    /// Returns the state before the first position.
    pub fn new_state(&self) -> TransformerState {
        let cache = |_: &Layer| KvCache::new(&self.attention, &self.device);
        TransformerState { caches: self.layers.iter().map(cache).collect() }
    }

    /// Continues the sequence with `x` `[1, time, hidden_size]`; same shape out, after the final
    /// norm.
    #[track_caller]
    pub fn step(&self, x: &Tensor, state: &mut TransformerState) -> Tensor {
        self.step_many(x, &mut [(x.dim(1), state)])
    }

    /// Continues several sequences in one step, so that weights are read once for all. Each
    /// sequence comes with its number of rows; the rows follow each other in `x`
    /// `[1, time, hidden_size]`. Same shape out, after the final norm. Each row equals that of
    /// [`Transformer::step`], on the CPU bit for bit.
    ///
    /// # Panics
    /// Panics if the numbers do not add up to the rows of `x`.
    #[track_caller]
    pub fn step_many(
        &self,
        x: &Tensor,
        sequences: &mut [(usize, &mut TransformerState)],
    ) -> Tensor {
        let rows: usize = sequences.iter().map(|(n, _)| n).sum();
        assert_eq!(rows, x.dim(1), "rows of the sequences");
        let positions =
            |(n, state): &(usize, &mut TransformerState)| self.rope.positions(state.position(), *n);
        let positions: Vec<RopePositions> = sequences.iter().map(positions).collect();
        let mut x = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            let caches = sequences.iter_mut().map(|(_, state)| &mut state.caches[i]);
            let mut rows: Vec<SequenceRows<'_>> = positions
                .iter()
                .zip(caches)
                .map(|(positions, cache)| SequenceRows { positions, cache })
                .collect();
            x = layer.step(&x, &mut rows);
        }
        match &self.norm {
            Some(norm) => norm.forward(&x),
            None => x,
        }
    }
}

#[derive(Clone)]
struct Layer {
    input_layernorm: Norm,
    self_attn: Attention,
    self_attn_layer_scale: Option<Tensor>,
    post_attention_layernorm: Norm,
    mlp: Mlp,
    mlp_layer_scale: Option<Tensor>,
}

impl Layer {
    fn load(weights: &Weights, config: &TransformerConfig, device: &Device) -> Result<Self> {
        let hidden = config.attention.hidden_size;
        let scale = |name: &str| match config.layer_scale {
            true => weights.under(name).tensor("scale", &[hidden], device).map(Some),
            false => Ok(None),
        };
        Ok(Self {
            input_layernorm: config.load_norm(weights, "input_layernorm", device)?,
            self_attn: Attention::load(&weights.under("self_attn"), &config.attention, device)?,
            self_attn_layer_scale: scale("self_attn_layer_scale")?,
            post_attention_layernorm: config.load_norm(
                weights,
                "post_attention_layernorm",
                device,
            )?,
            mlp: Mlp::load(
                &weights.under("mlp"),
                config.mlp,
                hidden,
                config.intermediate_size,
                device,
            )?,
            mlp_layer_scale: scale("mlp_layer_scale")?,
        })
    }

    fn step(&self, x: &Tensor, sequences: &mut [SequenceRows<'_>]) -> Tensor {
        let y = self.self_attn.step_many(&self.input_layernorm.forward(x), sequences);
        let x = residual(x, &y, self.self_attn_layer_scale.as_ref());
        let y = self.mlp.forward(&self.post_attention_layernorm.forward(&x));
        residual(&x, &y, self.mlp_layer_scale.as_ref())
    }
}

fn residual(x: &Tensor, y: &Tensor, scale: Option<&Tensor>) -> Tensor {
    match scale {
        Some(scale) => x.scaled_add(y, scale),
        None => x.add(y),
    }
}
