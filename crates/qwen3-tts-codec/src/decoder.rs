//! The decoder: frames of codes to samples, in steps of any length.

use qwen3_tts_config::DecoderConfig;
use qwen3_tts_nn::{
    CausalConv1d, ConvConfig, ConvState, Device, Linear, SnakeBeta, Tensor, Transformer,
    TransformerState, Weights,
};

use crate::decoder_block::{DecoderBlock, DecoderBlockState};
use crate::error::{Error, Result};
use crate::quantizer::SplitResidualVectorQuantizer;
use crate::transformer::transformer_config;
use crate::upsample::{Upsample, UpsampleState};

/// The speech tokenizer's decoder, the reference's `Qwen3TTSTokenizerV2Decoder`.
///
/// Every part of it is causal: decoding in [steps](CodecDecoder::step) of any length gives the
/// samples of the whole sequence.
///
/// A decoder keeps nothing between streams; the state of a stream is a [`DecoderState`]. It is
/// `Send`, and `Sync` too in a build without the feature `mlx`: in an `Arc`, one decoder then
/// serves any number of threads. On MLX, whose graphs are bound to the thread that built them, a
/// decoder is used on the thread that loaded it.
pub struct CodecDecoder {
    quantizer: SplitResidualVectorQuantizer,
    pre_conv: CausalConv1d,
    pre_transformer: PreTransformer,
    upsample: Vec<Upsample>,
    /// The reference's `decoder.0`; `decoder.1` to `.4` are the blocks, then `decoder.5` and
    /// `decoder.6`.
    conv_in: CausalConv1d,
    blocks: Vec<DecoderBlock>,
    snake_out: SnakeBeta,
    conv_out: CausalConv1d,
    config: DecoderConfig,
}

/// The state of a stream of codes. A clone continues the stream independently. It is `Send` and
/// `Sync` as the [`CodecDecoder`] is.
#[derive(Clone)]
pub struct DecoderState {
    pre_conv: ConvState,
    pre_transformer: TransformerState,
    upsample: Vec<UpsampleState>,
    conv_in: ConvState,
    blocks: Vec<DecoderBlockState>,
    conv_out: ConvState,
}

/// A point inside the decoder, for [`CodecDecoder::step_observed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// After the quantizer.
    Quantizer,
    /// After `pre_conv`.
    PreConv,
    /// After `pre_transformer`.
    PreTransformer,
    /// After `upsample.{i}`.
    Upsample(usize),
    /// After `decoder.{i}`.
    Decoder(usize),
}

impl CodecDecoder {
    /// Number of frames that [`CodecDecoder::decode`] decodes at a time, which bounds its memory.
    const BLOCK: usize = 16;

    /// Prefixes of the tensors that decoding does not read: those of the encoder, and those that
    /// only the training of the codec reads.
    const IGNORED: &[&str] = &[
        "encoder.",
        "decoder.quantizer.rvq_first.input_proj.",
        "decoder.quantizer.rvq_rest.input_proj.",
    ];

    /// Reads everything under `decoder.` that decoding needs.
    ///
    /// # Errors
    /// Returns [`Error::Nn`] if a tensor is missing or has another shape or data type, or if the
    /// file holds a tensor that does not belong to the codec.
    pub fn load(config: &DecoderConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let loaded = Self::read(config, weights, device)?;
        weights.finish(Self::IGNORED)?;
        Ok(loaded)
    }

    fn read(config: &DecoderConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let weights = weights.under("decoder");
        let vocoder = weights.under("decoder");
        let (latent, dim) = (config.latent_dim, config.decoder_dim);
        let n_blocks = config.upsample_rates.len();
        let out_dim = dim >> n_blocks;
        let upsample = |(i, &factor): (usize, &usize)| {
            Upsample::load(&weights.under("upsample").under(i), latent, factor, device)
        };
        let block = |(i, &rate): (usize, &usize)| {
            DecoderBlock::load(&vocoder.under(i + 1), dim >> i, dim >> (i + 1), rate, device)
        };
        let conv = |weights: Weights, inputs, outputs, taps| {
            CausalConv1d::load(
                &weights.under("conv"),
                ConvConfig::new(inputs, outputs, taps),
                device,
            )
        };
        let pre_transformer = weights.under("pre_transformer");
        let quantizer = weights.under("quantizer");
        Ok(Self {
            quantizer: SplitResidualVectorQuantizer::load(config, &quantizer, device)?,
            pre_conv: conv(weights.under("pre_conv"), config.codebook_dim, latent, 3)?,
            pre_transformer: PreTransformer::load(config, &pre_transformer, device)?,
            upsample: config
                .upsampling_ratios
                .iter()
                .enumerate()
                .map(upsample)
                .collect::<qwen3_tts_nn::Result<_>>()?,
            conv_in: conv(vocoder.under(0), latent, dim, 7)?,
            blocks: config
                .upsample_rates
                .iter()
                .enumerate()
                .map(block)
                .collect::<qwen3_tts_nn::Result<_>>()?,
            snake_out: SnakeBeta::load(&vocoder.under(n_blocks + 1), out_dim, device)?,
            conv_out: conv(vocoder.under(n_blocks + 2), out_dim, 1, 7)?,
            config: config.clone(),
        })
    }

    /// Returns the configuration that the decoder was loaded with.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Returns the number of samples per frame.
    pub fn samples_per_frame(&self) -> usize {
        self.config.total_upsample()
    }

    /// Returns the state before the first frame.
    pub fn new_state(&self) -> DecoderState {
        DecoderState {
            pre_conv: self.pre_conv.new_state(),
            pre_transformer: self.pre_transformer.model.new_state(),
            upsample: self.upsample.iter().map(Upsample::new_state).collect(),
            conv_in: self.conv_in.new_state(),
            blocks: self.blocks.iter().map(DecoderBlock::new_state).collect(),
            conv_out: self.conv_out.new_state(),
        }
    }

    /// Decodes the next frames of a stream to samples in −1..=1. A frame is one code for each
    /// codebook.
    ///
    /// # Errors
    /// Returns [`Error::FrameLength`] or [`Error::CodeOutOfRange`] if a frame does not fit the
    /// codec; the state is unchanged then. Returns [`Error::Nn`] if a sample is NaN or infinite;
    /// the stream cannot continue then.
    pub fn step<F: AsRef<[u32]>>(
        &self,
        frames: &[F],
        state: &mut DecoderState,
    ) -> Result<Vec<f32>> {
        self.step_observed(frames, state, &mut |_, _| ())
    }

    /// Decodes as [`CodecDecoder::step`] does, and calls `observe` with the activations of each
    /// [`Stage`], channels-last: all of them in order, but possibly in several chunks.
    ///
    /// # Errors
    /// As [`CodecDecoder::step`].
    pub fn step_observed<F: AsRef<[u32]>>(
        &self,
        frames: &[F],
        state: &mut DecoderState,
        observe: &mut dyn FnMut(Stage, &Tensor),
    ) -> Result<Vec<f32>> {
        self.check(frames)?;
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let mut pass = |stage, x: Tensor| {
            observe(stage, &x);
            x
        };
        let mut x = pass(Stage::Quantizer, self.quantizer.decode(frames));
        x = pass(Stage::PreConv, self.pre_conv.step(&x, &mut state.pre_conv));
        x = self.pre_transformer.step(&x, &mut state.pre_transformer);
        x = pass(Stage::PreTransformer, x);
        for (i, (upsample, state)) in self.upsample.iter().zip(&mut state.upsample).enumerate() {
            x = pass(Stage::Upsample(i), upsample.step(&x, state));
        }
        x = pass(Stage::Decoder(0), self.conv_in.step(&x, &mut state.conv_in));
        let mut samples = Vec::with_capacity(frames.len() * self.samples_per_frame());
        self.vocode(0, &x, state, observe, &mut samples)?;
        Ok(samples)
    }

    /// Runs `x` through the blocks from `first` on and the layers after them. Each chunk passes all
    /// of them before the next one, while it is in the caches.
    fn vocode(
        &self,
        first: usize,
        x: &Tensor,
        state: &mut DecoderState,
        observe: &mut dyn FnMut(Stage, &Tensor),
        samples: &mut Vec<f32>,
    ) -> Result<()> {
        let Some(block) = self.blocks.get(first) else {
            let x = self.snake_out.forward(x);
            observe(Stage::Decoder(first + 1), &x);
            let x = self.conv_out.step(&x, &mut state.conv_out);
            observe(Stage::Decoder(first + 2), &x);
            // Clamping hides infinity and a maximum hides NaN, so the check comes first.
            let values = x.to_finite_vec("the decoded samples")?;
            samples.extend(values.into_iter().map(|sample| sample.clamp(-1.0, 1.0)));
            return Ok(());
        };
        for piece in x.pieces(block.inputs_at_once()) {
            let y = block.step(&piece, &mut state.blocks[first]);
            observe(Stage::Decoder(first + 1), &y);
            self.vocode(first + 1, &y, state, observe, samples)?;
        }
        Ok(())
    }

    /// Decodes a whole sequence in bounded memory; the samples are those of a single step.
    ///
    /// # Errors
    /// As [`CodecDecoder::step`].
    pub fn decode<F: AsRef<[u32]>>(&self, frames: &[F]) -> Result<Vec<f32>> {
        self.check(frames)?;
        let mut state = self.new_state();
        let mut samples = Vec::with_capacity(frames.len() * self.samples_per_frame());
        for block in frames.chunks(Self::BLOCK) {
            samples.extend(self.step(block, &mut state)?);
        }
        Ok(samples)
    }

    /// Decodes as the reference's `chunked_decode` does: in independent chunks of `chunk_size`
    /// frames, each after `left_context_size` frames of context. The reference uses 300 and 25.
    ///
    /// Past the first chunk the samples differ from those of [`CodecDecoder::decode`], since the
    /// decoder sees far more than 25 frames back. It exists for comparison with the reference.
    ///
    /// # Errors
    /// As [`CodecDecoder::step`]; returns [`Error::ChunkSize`] if the chunk size is 0.
    pub fn chunked_decode<F: AsRef<[u32]>>(
        &self,
        frames: &[F],
        chunk_size: usize,
        left_context_size: usize,
    ) -> Result<Vec<f32>> {
        if chunk_size == 0 {
            return Err(Error::ChunkSize);
        }
        let mut samples = Vec::new();
        for start in (0..frames.len()).step_by(chunk_size) {
            // The reference takes all earlier frames if they are no more than the context.
            let context = left_context_size.min(start);
            let end = (start + chunk_size).min(frames.len());
            let chunk = self.decode(&frames[start - context..end])?;
            samples.extend_from_slice(&chunk[context * self.samples_per_frame()..]);
        }
        Ok(samples)
    }

    fn check<F: AsRef<[u32]>>(&self, frames: &[F]) -> Result<()> {
        let (expected, codebook_size) = (self.config.num_quantizers, self.config.codebook_size);
        for (frame, codes) in frames.iter().map(AsRef::as_ref).enumerate() {
            if codes.len() != expected {
                return Err(Error::FrameLength { frame, expected, found: codes.len() });
            }
            let wrong = codes.iter().position(|code| *code as usize >= codebook_size);
            if let Some(codebook) = wrong {
                let code = codes[codebook];
                return Err(Error::CodeOutOfRange { frame, codebook, code, codebook_size });
            }
        }
        Ok(())
    }
}

/// `output_proj(model(input_proj(x)))`, the reference's
/// `Qwen3TTSTokenizerV2DecoderTransformerModel`: attention over a sliding window.
struct PreTransformer {
    input_proj: Linear,
    model: Transformer,
    output_proj: Linear,
}

impl PreTransformer {
    fn load(
        config: &DecoderConfig,
        weights: &Weights,
        device: &Device,
    ) -> qwen3_tts_nn::Result<Self> {
        let (latent, hidden) = (config.latent_dim, config.hidden_size);
        let mut transformer = transformer_config(&config.transformer());
        transformer.attention.sliding_window = Some(config.sliding_window);
        let proj = |name: &str, inputs, outputs| {
            Linear::load_with_bias(&weights.under(name), inputs, outputs, device)
        };
        Ok(Self {
            input_proj: proj("input_proj", latent, hidden)?,
            model: Transformer::load(weights, &transformer, device)?,
            output_proj: proj("output_proj", hidden, latent)?,
        })
    }

    fn step(&self, x: &Tensor, state: &mut TransformerState) -> Tensor {
        self.output_proj.forward(&self.model.step(&self.input_proj.forward(x), state))
    }
}
