//! The pre-norm transformer that talker, code predictor and codec decoder share.

use crate::attention::{Attention, AttentionConfig};
use crate::device::Device;
use crate::error::Result;
use crate::kv_cache::KvCache;
use crate::mlp::SwiGlu;
use crate::norm::RmsNorm;
use crate::rope::{Rope, RopePositions};
use crate::tensor::Tensor;
use crate::weights::Weights;

/// The sizes of a [`Transformer`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransformerConfig {
    /// The attention of every layer.
    pub attention: AttentionConfig,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Inner channels of the feed-forward layers.
    pub intermediate_size: usize,
    /// ε of the norms.
    pub rms_norm_eps: f32,
    /// Base frequency of rope.
    pub rope_theta: f32,
    /// Whether residual branches are scaled by channel (`self_attn_layer_scale`,
    /// `mlp_layer_scale`).
    pub layer_scale: bool,
}

impl TransformerConfig {
    /// A transformer without layer scale.
    pub fn new(
        attention: AttentionConfig,
        num_hidden_layers: usize,
        intermediate_size: usize,
        rms_norm_eps: f32,
        rope_theta: f32,
    ) -> Self {
        Self {
            attention,
            num_hidden_layers,
            intermediate_size,
            rms_norm_eps,
            rope_theta,
            layer_scale: false,
        }
    }
}

/// Decoder layers and the final norm: the inside of `Qwen3TTSTalkerModel`,
/// `Qwen3TTSTalkerCodePredictorModel` and `Qwen3TTSTokenizerV2DecoderTransformerModel`.
#[derive(Clone)]
pub struct Transformer {
    layers: Vec<Layer>,
    norm: RmsNorm,
    rope: Rope,
    attention: AttentionConfig,
    device: Device,
}

/// Where a sequence stands in a [`Transformer`]. A clone continues it on its own.
#[derive(Clone)]
pub struct TransformerState {
    caches: Vec<KvCache>,
}

impl TransformerState {
    /// The number of positions seen so far.
    pub fn position(&self) -> usize {
        self.caches.first().map_or(0, KvCache::len)
    }
}

impl Transformer {
    /// Reads `layers.{i}` and `norm`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights, config: &TransformerConfig, device: &Device) -> Result<Self> {
        let layer = |i| Layer::load(&weights.under("layers").under(i), config, device);
        let hidden = config.attention.hidden_size;
        Ok(Self {
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_>>()?,
            norm: RmsNorm::load(&weights.under("norm"), hidden, config.rms_norm_eps, device)?,
            rope: Rope::new(config.attention.head_dim, config.rope_theta),
            attention: config.attention.clone(),
            device: device.clone(),
        })
    }

    /// The state before the first position.
    pub fn new_state(&self) -> TransformerState {
        let cache = |_: &Layer| KvCache::new(&self.attention, &self.device);
        TransformerState { caches: self.layers.iter().map(cache).collect() }
    }

    /// `x` `[1, time, hidden_size]` continues the sequence; same shape out, after the final norm.
    #[track_caller]
    pub fn step(&self, x: &Tensor, state: &mut TransformerState) -> Tensor {
        let positions = self.rope.positions(state.position(), x.dim(1));
        let mut x = x.clone();
        for (layer, cache) in self.layers.iter().zip(&mut state.caches) {
            x = layer.step(&x, &positions, cache);
        }
        self.norm.forward(&x)
    }
}

#[derive(Clone)]
struct Layer {
    input_layernorm: RmsNorm,
    self_attn: Attention,
    self_attn_layer_scale: Option<Tensor>,
    post_attention_layernorm: RmsNorm,
    mlp: SwiGlu,
    mlp_layer_scale: Option<Tensor>,
}

impl Layer {
    fn load(weights: &Weights, config: &TransformerConfig, device: &Device) -> Result<Self> {
        let hidden = config.attention.hidden_size;
        let norm =
            |name: &str| RmsNorm::load(&weights.under(name), hidden, config.rms_norm_eps, device);
        let scale = |name: &str| match config.layer_scale {
            true => weights.under(name).tensor("scale", &[hidden], device).map(Some),
            false => Ok(None),
        };
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            self_attn: Attention::load(&weights.under("self_attn"), &config.attention, device)?,
            self_attn_layer_scale: scale("self_attn_layer_scale")?,
            post_attention_layernorm: norm("post_attention_layernorm")?,
            mlp: SwiGlu::load(&weights.under("mlp"), hidden, config.intermediate_size, device)?,
            mlp_layer_scale: scale("mlp_layer_scale")?,
        })
    }

    fn step(&self, x: &Tensor, positions: &RopePositions, cache: &mut KvCache) -> Tensor {
        let y = self.self_attn.step(&self.input_layernorm.forward(x), positions, cache);
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
