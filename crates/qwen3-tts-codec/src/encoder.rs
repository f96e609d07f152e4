//! The encoder: samples to frames of codes.

use qwen3_tts_config::{EncoderConfig, SpeechTokenizerConfig};
use qwen3_tts_nn::{
    AttentionConfig, CausalConv1d, ConvConfig, ConvState, Device, Ids, MlpKind, NormKind, Padding,
    Tensor, Transformer, TransformerConfig, Weights,
};

use crate::error::{Error, Result};
use crate::seanet::{SeanetEncoder, SeanetState};
use crate::split_rvq::SplitRvqEncoder;

/// The speech tokenizer's encoder, the reference's `Qwen3TTSTokenizerV2Encoder`: Mimi
/// ([Défossez et al. 2024](https://arxiv.org/abs/2410.00037)) without its decoder.
pub struct CodecEncoder {
    encoder: SeanetEncoder,
    encoder_transformer: Transformer,
    downsample: CausalConv1d,
    quantizer: SplitRvqEncoder,
    samples_per_frame: usize,
    device: Device,
}

/// Where a recording stands on its way through the encoder.
struct EncoderState {
    encoder: SeanetState,
    encoder_transformer: qwen3_tts_nn::TransformerState,
    downsample: ConvState,
}

impl CodecEncoder {
    /// Frames whose samples go through the convolutions at a time, which bounds the memory.
    const BLOCK: usize = 12;

    /// Tensors of the file that encoding does not read: those of the decoder, and of the quantizer
    /// the way back from codes and the codebooks past those that the talker knows.
    const IGNORED: &[&str] = &["decoder.", "encoder.quantizer."];

    /// Reads everything under `encoder.` that encoding needs.
    ///
    /// # Errors
    /// Returns [`Error::NoEncoder`] if the configuration has no encoder, and [`Error::Nn`] if a
    /// tensor is missing or has another shape or data type, or if the file holds a tensor that does
    /// not belong to the codec.
    pub fn load(
        config: &SpeechTokenizerConfig,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self> {
        let loaded = Self::read(config, weights, device)?;
        weights.finish(Self::IGNORED)?;
        Ok(loaded)
    }

    fn read(config: &SpeechTokenizerConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let encoder = config.encoder_config.as_ref().ok_or(Error::NoEncoder)?;
        let weights = weights.under("encoder");
        let hidden = encoder.hidden_size;
        let samples_per_frame = config.encode_downsample_rate;
        let stride = samples_per_frame / encoder.upsampling_ratios.iter().product::<usize>();
        let downsample = ConvConfig::new(hidden, hidden, 2 * stride).stride(stride).without_bias();
        let downsample = downsample.padding(Padding::Replicate);
        let n_codebooks = config.encoder_valid_num_quantizers;
        Ok(Self {
            encoder: SeanetEncoder::load(encoder, &weights.under("encoder"), device)?,
            encoder_transformer: Transformer::load(
                &weights.under("encoder_transformer"),
                &transformer_config(encoder),
                device,
            )?,
            downsample: CausalConv1d::load(&weights.under("downsample.conv"), downsample, device)?,
            quantizer: SplitRvqEncoder::load(
                encoder,
                n_codebooks,
                &weights.under("quantizer"),
                device,
            )?,
            samples_per_frame,
            device: device.clone(),
        })
    }

    /// Samples that one frame stands for.
    pub fn samples_per_frame(&self) -> usize {
        self.samples_per_frame
    }

    /// Mono samples at the codec's rate to `⌈samples / samples_per_frame⌉` frames of codes.
    ///
    /// # Errors
    /// When there is no sample, or one is NaN or infinite.
    pub fn encode(&self, samples: &[f32]) -> Result<Vec<Vec<u32>>> {
        if samples.is_empty() {
            return Err(Error::NoSamples);
        }
        if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
            return Err(Error::NonFiniteSample { index });
        }
        let latent = self.latent(samples);
        latent.to_finite_vec("the encoded samples")?;
        let books = self.quantizer.encode(&latent);
        frames(&books, latent.dim(1))
    }

    /// The latent that the quantizer sees, `[1, frames, hidden_size]`.
    fn latent(&self, samples: &[f32]) -> Tensor {
        let mut state = EncoderState {
            encoder: self.encoder.new_state(),
            encoder_transformer: self.encoder_transformer.new_state(),
            downsample: self.downsample.new_state(),
        };
        let block = |samples: &[f32]| {
            let x = Tensor::from_vec(samples.to_vec(), &[1, samples.len(), 1], &self.device);
            self.step(&x, &mut state)
        };
        let latents: Vec<Tensor> =
            samples.chunks(Self::BLOCK * self.samples_per_frame).map(block).collect();
        Tensor::cat(&latents.iter().collect::<Vec<_>>(), 1)
    }

    fn step(&self, samples: &Tensor, state: &mut EncoderState) -> Tensor {
        let x = self.encoder.step(samples, &mut state.encoder);
        // The configured window is not applied, as it is not on the reference's default path.
        let x = self.encoder_transformer.step(&x, &mut state.encoder_transformer);
        self.downsample.step(&x, &mut state.downsample)
    }
}

/// One run of codes for each codebook to one row for each frame.
fn frames(books: &[Ids], n_frames: usize) -> Result<Vec<Vec<u32>>> {
    let codes = Ids::read(books)?;
    let frame = |t: usize| codes.iter().skip(t).step_by(n_frames).copied().collect();
    Ok((0..n_frames).map(frame).collect())
}

fn transformer_config(config: &EncoderConfig) -> TransformerConfig {
    let mut attention =
        AttentionConfig::new(config.hidden_size, config.num_attention_heads, config.head_dim);
    attention.num_key_value_heads = config.num_key_value_heads;
    let mut transformer = TransformerConfig::new(
        attention,
        config.num_hidden_layers,
        config.intermediate_size,
        config.norm_eps as f32,
        config.rope_theta as f32,
    );
    transformer.mlp = MlpKind::Gelu;
    transformer.norm = NormKind::Layer;
    transformer.final_norm = false;
    transformer.layer_scale = true;
    transformer
}
