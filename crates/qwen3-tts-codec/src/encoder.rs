//! The encoder: samples to frames of codes.

use qwen3_tts_config::SpeechTokenizerConfig;
use qwen3_tts_nn::{
    CausalConv1d, ConvConfig, ConvState, Device, Ids, MlpKind, NormKind, Padding, Tensor,
    Transformer, TransformerState, Weights,
};

use crate::error::{Error, Result};
use crate::seanet::{SeanetEncoder, SeanetState};
use crate::split_rvq::SplitRvqEncoder;
use crate::transformer::transformer_config;

/// The speech tokenizer's encoder, the reference's `Qwen3TTSTokenizerV2Encoder`: Mimi
/// ([Défossez et al. 2024](https://arxiv.org/abs/2410.00037)) without its decoder. It keeps nothing
/// between recordings, and is `Send` and `Sync` as the [`CodecDecoder`](crate::CodecDecoder) is.
pub struct CodecEncoder {
    encoder: SeanetEncoder,
    encoder_transformer: Transformer,
    downsample: CausalConv1d,
    quantizer: SplitRvqEncoder,
    samples_per_frame: usize,
    device: Device,
}

/// A recording that is being encoded in steps.
pub struct Encoding {
    samples: Vec<f32>,
    /// Number of samples that have gone through the encoder.
    encoded: usize,
    state: EncoderState,
    /// Latents that the quantizer takes, `[1, frames, hidden_size]` each.
    latents: Vec<Tensor>,
}

/// State of the encoder's causal parts.
struct EncoderState {
    encoder: SeanetState,
    encoder_transformer: TransformerState,
    downsample: ConvState,
}

impl CodecEncoder {
    /// Number of frames whose samples are encoded at a time, which bounds the memory.
    const BLOCK: usize = 12;

    /// Prefixes of the tensors that encoding does not read in full: those of the decoder, and those
    /// of the quantizer, which has projections for decoding and more codebooks than the talker.
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
        let mut transformer = transformer_config(&encoder.transformer());
        transformer.mlp = MlpKind::Gelu;
        transformer.norm = NormKind::Layer;
        transformer.final_norm = false;
        Ok(Self {
            encoder: SeanetEncoder::load(encoder, &weights.under("encoder"), device)?,
            encoder_transformer: Transformer::load(
                &weights.under("encoder_transformer"),
                &transformer,
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

    /// Returns the number of samples per frame.
    pub fn samples_per_frame(&self) -> usize {
        self.samples_per_frame
    }

    /// Encodes mono samples at the codec's rate to `⌈samples / samples_per_frame⌉` frames of codes.
    ///
    /// # Errors
    /// Returns [`Error::NoSamples`] if there is no sample, [`Error::NonFiniteSample`] if one is NaN
    /// or infinite, and [`Error::Nn`] if the model computes NaN or infinity.
    pub fn encode(&self, samples: &[f32]) -> Result<Vec<Vec<u32>>> {
        let mut encoding = self.begin(samples.to_vec())?;
        loop {
            if let Some(codes) = self.advance(&mut encoding)? {
                return Ok(codes);
            }
        }
    }

    /// Begins to encode mono samples in steps, for callers that have other work in between. The
    /// codes are those of [`CodecEncoder::encode`].
    ///
    /// # Errors
    /// Returns [`Error::NoSamples`] if there is no sample, and [`Error::NonFiniteSample`] if one is
    /// NaN or infinite.
    pub fn begin(&self, samples: Vec<f32>) -> Result<Encoding> {
        if samples.is_empty() {
            return Err(Error::NoSamples);
        }
        if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
            return Err(Error::NonFiniteSample { index });
        }
        let state = EncoderState {
            encoder: self.encoder.new_state(),
            encoder_transformer: self.encoder_transformer.new_state(),
            downsample: self.downsample.new_state(),
        };
        Ok(Encoding { samples, encoded: 0, state, latents: Vec::new() })
    }

    /// Encodes the next second of a recording. Returns the codes when all of it is encoded.
    ///
    /// # Errors
    /// Returns [`Error::Nn`] if the model computes NaN or infinity.
    pub fn advance(&self, encoding: &mut Encoding) -> Result<Option<Vec<Vec<u32>>>> {
        let Encoding { samples, encoded, state, latents } = encoding;
        let rest = &samples[*encoded..];
        let block = &rest[..rest.len().min(Self::BLOCK * self.samples_per_frame)];
        if !block.is_empty() {
            let x = Tensor::from_vec(block.to_vec(), &[1, block.len(), 1], &self.device);
            let latent = self.step(&x, state);
            latent.to_finite_vec("the encoded samples")?;
            latents.push(latent);
            *encoded += block.len();
        }
        if *encoded < samples.len() {
            return Ok(None);
        }
        let latent = Tensor::cat(&latents.iter().collect::<Vec<_>>(), 1);
        let books = self.quantizer.encode(&latent)?;
        frames(&books, latent.dim(1)).map(Some)
    }

    fn step(&self, samples: &Tensor, state: &mut EncoderState) -> Tensor {
        let x = self.encoder.step(samples, &mut state.encoder);
        // The configured window is not applied, as on the reference's default path.
        let x = self.encoder_transformer.step(&x, &mut state.encoder_transformer);
        self.downsample.step(&x, &mut state.downsample)
    }
}

/// Transposes codes by codebook to codes by frame.
fn frames(books: &[Ids], n_frames: usize) -> Result<Vec<Vec<u32>>> {
    let codes = Ids::read(books)?;
    let frame = |t: usize| codes.iter().skip(t).step_by(n_frames).copied().collect();
    Ok((0..n_frames).map(frame).collect())
}
