//! `speech_tokenizer/config.json`: the codec between speech codes and audio.

use std::path::Path;

use serde::Deserialize;

use crate::activation::Activation;
use crate::check::{Check, MAX_COUNT, MAX_DIMENSION, MAX_ENTRIES};
use crate::error::Result;
use crate::json;
use crate::model::{ModelConfig, TOKENIZER_TYPE};
use crate::rope::RopeConfig;
use crate::talker::SUPPRESSED;
use crate::transformer::TransformerSizes;

/// A `speech_tokenizer/config.json` (`Qwen3TTSTokenizerV2Config`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct SpeechTokenizerConfig {
    /// Section of the decoder: codes to audio.
    pub decoder_config: DecoderConfig,
    /// Section of the encoder: audio to codes. A checkpoint without it can only decode.
    #[serde(default)]
    pub encoder_config: Option<EncoderConfig>,
    /// Number of the encoder's codebooks that the codes keep.
    pub encoder_valid_num_quantizers: usize,
    /// Sample rate of the audio that is encoded, in Hz.
    pub input_sample_rate: u32,
    /// Sample rate of decoded audio, in Hz.
    pub output_sample_rate: u32,
    /// Samples per frame when decoding.
    pub decode_upsample_rate: usize,
    /// Samples per frame when encoding.
    pub encode_downsample_rate: usize,
}

/// Shape of the decoder (`Qwen3TTSTokenizerV2DecoderConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct DecoderConfig {
    /// Number of entries of each codebook.
    pub codebook_size: usize,
    /// Width of a dequantised frame; codebook entries are half as wide.
    pub codebook_dim: usize,
    /// Width between the quantizer and the upsampling.
    pub latent_dim: usize,
    /// Channels after the first convolution; each decoder block halves them.
    pub decoder_dim: usize,
    /// Width of the transformer.
    pub hidden_size: usize,
    /// Width inside the feed-forward blocks of the transformer.
    pub intermediate_size: usize,
    /// Number of layers of the transformer.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Activation of the feed-forward blocks.
    pub hidden_act: Activation,
    /// Number of frames that a frame attends to, itself included.
    pub sliding_window: usize,
    /// Term under the root of every RMS norm.
    pub rms_norm_eps: f64,
    /// Rotary positions.
    #[serde(flatten)]
    pub rope: RopeConfig,
    /// True if the attention projections have biases.
    #[serde(default)]
    pub attention_bias: bool,
    /// Number of codebooks of a frame.
    pub num_quantizers: usize,
    /// Number of semantic codebooks among them, 1: the official decoder has no other case.
    #[serde(default = "one")]
    pub num_semantic_quantizers: usize,
    /// Upsampling factor of each decoder block.
    pub upsample_rates: Vec<usize>,
    /// Upsampling factor of each ConvNeXt stage before the decoder blocks.
    pub upsampling_ratios: Vec<usize>,
}

/// Shape of the encoder (`MimiConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct EncoderConfig {
    /// Number of audio channels.
    pub audio_channels: usize,
    /// Channels of the first convolution; each stage doubles them.
    pub num_filters: usize,
    /// Number of residual units of a stage.
    pub num_residual_layers: usize,
    /// Strides of the stages, in the order of decoding.
    pub upsampling_ratios: Vec<usize>,
    /// Kernel size of the first convolution.
    pub kernel_size: usize,
    /// Kernel size of the last convolution.
    pub last_kernel_size: usize,
    /// Kernel size of a residual unit.
    pub residual_kernel_size: usize,
    /// Factor of the dilation from one residual unit to the next.
    pub dilation_growth_rate: usize,
    /// Factor by which a residual unit is narrower inside.
    pub compress: usize,
    /// Padding mode of the convolutions.
    pub pad_mode: String,
    /// True if the convolutions are causal.
    pub use_causal_conv: bool,
    /// True if a residual unit's shortcut is a convolution.
    pub use_conv_shortcut: bool,
    /// Width of the transformer.
    pub hidden_size: usize,
    /// Width inside the feed-forward blocks of the transformer.
    pub intermediate_size: usize,
    /// Number of layers of the transformer.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Activation of the feed-forward blocks.
    pub hidden_act: Activation,
    /// Term under the root of every layer norm.
    pub norm_eps: f64,
    /// Rotary positions.
    #[serde(flatten)]
    pub rope: RopeConfig,
    /// Window of the attention as the file gives it. The official default path ignores it and
    /// attends to all earlier positions.
    #[serde(default)]
    pub sliding_window: Option<usize>,
    /// Number of entries of each codebook.
    pub codebook_size: usize,
    /// Width of a codebook entry.
    pub codebook_dim: usize,
    /// Number of codebooks in the checkpoint.
    pub num_quantizers: usize,
    /// Number of semantic codebooks among them.
    pub num_semantic_quantizers: usize,
    /// Width of the residuals that are quantised.
    pub vector_quantization_hidden_dimension: usize,
}

impl SpeechTokenizerConfig {
    /// Parses and checks the text of a `speech_tokenizer/config.json`.
    ///
    /// # Errors
    /// Returns a [`ConfigError`](crate::ConfigError) that names the first wrong field.
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = json::parse(text, Some(TOKENIZER_TYPE))?;
        config.validate()?;
        Ok(config)
    }

    /// Returns true if the text of a `config.json` says that it is a speech tokenizer's.
    pub fn is_named_in(text: &str) -> bool {
        json::model_type(text).is_some_and(|found| found == TOKENIZER_TYPE)
    }

    /// Reads and checks a `speech_tokenizer/config.json`.
    ///
    /// # Errors
    /// As [`Self::from_json`], and if the file cannot be read; both name the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        json::read(path.as_ref(), Self::from_json)
    }

    /// Returns the number of frames per second, 12.5 in the published codec.
    pub fn frame_rate(&self) -> f64 {
        f64::from(self.output_sample_rate) / self.decode_upsample_rate as f64
    }

    /// Checks the rates and both sections.
    ///
    /// # Errors
    /// Returns [`ConfigError::Value`](crate::ConfigError::Value) for the first wrong field.
    pub fn validate(&self) -> Result<()> {
        let check = Check::section("");
        check.between("input_sample_rate", self.input_sample_rate as usize, 8_000, 192_000)?;
        check.between("output_sample_rate", self.output_sample_rate as usize, 8_000, 192_000)?;
        check.dimension("encode_downsample_rate", self.encode_downsample_rate)?;
        self.decoder_config.validate()?;
        let factor = self.decoder_config.total_upsample();
        let why = "the product of decoder_config.upsample_rates and upsampling_ratios";
        check.equal("decode_upsample_rate", self.decode_upsample_rate, factor, why)?;
        self.validate_encoder(&check)
    }

    fn validate_encoder(&self, check: &Check) -> Result<()> {
        let kept = self.encoder_valid_num_quantizers;
        let decoded = self.decoder_config.num_quantizers;
        let why = "decoder_config.num_quantizers";
        check.equal("encoder_valid_num_quantizers", kept, decoded, why)?;
        let Some(encoder) = &self.encoder_config else { return Ok(()) };
        encoder.validate()?;
        let strides = product(&encoder.upsampling_ratios);
        let fits = self.encode_downsample_rate.is_multiple_of(strides);
        let expected =
            format!("a multiple of encoder_config.upsampling_ratios, product ({strides})");
        check.that(fits, "encode_downsample_rate", expected, self.encode_downsample_rate)?;
        // Frames per second of both directions, without a division.
        let encoded = u64::from(self.input_sample_rate) * self.decode_upsample_rate as u64;
        let decoded = u64::from(self.output_sample_rate) * self.encode_downsample_rate as u64;
        check.that(
            encoded == decoded,
            "output_sample_rate",
            "the frame rate of input_sample_rate / encode_downsample_rate",
            format!("{} Hz / {}", self.output_sample_rate, self.decode_upsample_rate),
        )?;
        let stored = encoder.num_quantizers;
        let expected = format!("at most encoder_config.num_quantizers ({stored})");
        check.that(kept <= stored, "encoder_valid_num_quantizers", expected, kept)
    }

    /// Checks that this codec can decode the codes that `model` generates.
    ///
    /// # Errors
    /// Returns [`ConfigError::Value`](crate::ConfigError::Value) for the first field of `model`
    /// that does not fit this codec.
    pub fn validate_for(&self, model: &ModelConfig) -> Result<()> {
        let check = Check::section("talker_config.");
        let talker = &model.talker_config;
        let decoder = &self.decoder_config;
        let why = "num_quantizers of the speech tokenizer";
        check.equal("num_code_groups", talker.num_code_groups, decoder.num_quantizers, why)?;
        let codes = decoder.codebook_size;
        let first = talker.first_suppressed_id() as usize;
        let expected =
            format!("at most {} (codebook_size {codes} + {SUPPRESSED})", codes + SUPPRESSED);
        check.that(first <= codes, "vocab_size", expected, talker.vocab_size)?;
        let predicted = talker.code_predictor_config.vocab_size;
        let expected = format!("at most codebook_size of the speech tokenizer ({codes})");
        check.that(predicted <= codes, "code_predictor_config.vocab_size", expected, predicted)
    }
}

impl DecoderConfig {
    /// Returns the number of samples per frame: the product of all upsampling factors.
    pub fn total_upsample(&self) -> usize {
        product(self.upsample_rates.iter().chain(&self.upsampling_ratios))
    }

    /// Returns the sizes of the transformer.
    pub fn transformer(&self) -> TransformerSizes {
        TransformerSizes {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            attention_bias: self.attention_bias,
            norm_eps: self.rms_norm_eps,
            rope_theta: self.rope.theta,
        }
    }

    fn validate(&self) -> Result<()> {
        let check = Check::section("decoder_config.");
        check.between("codebook_size", self.codebook_size, 1, MAX_ENTRIES)?;
        check.dimension("codebook_dim", self.codebook_dim)?;
        let even = self.codebook_dim.is_multiple_of(2);
        check.that(even, "codebook_dim", "an even number", self.codebook_dim)?;
        check.dimension("latent_dim", self.latent_dim)?;
        check.dimension("decoder_dim", self.decoder_dim)?;
        self.transformer().validate(&check, "rms_norm_eps")?;
        self.rope.validate(&check, self.head_dim)?;
        check.silu(self.hidden_act)?;
        check.between("sliding_window", self.sliding_window, 1, MAX_ENTRIES)?;
        check.between("num_quantizers", self.num_quantizers, 2, 64)?;
        let why = "the decoder has one";
        check.equal("num_semantic_quantizers", self.num_semantic_quantizers, 1, why)?;
        self.validate_upsampling(&check)
    }

    fn validate_upsampling(&self, check: &Check) -> Result<()> {
        check.between("upsample_rates.length", self.upsample_rates.len(), 1, 16)?;
        check.between("upsampling_ratios.length", self.upsampling_ratios.len(), 0, 16)?;
        for &rate in self.upsample_rates.iter().chain(&self.upsampling_ratios) {
            check.count("upsample_rates and upsampling_ratios", rate)?;
        }
        let total = self.total_upsample();
        check.between("upsample_rates and upsampling_ratios, product", total, 1, MAX_DIMENSION)?;
        let halvings = 1 << self.upsample_rates.len();
        check.that(
            self.decoder_dim.is_multiple_of(halvings),
            "decoder_dim",
            format!("a multiple of {halvings} (each of upsample_rates halves it)"),
            self.decoder_dim,
        )
    }
}

impl EncoderConfig {
    /// Returns the sizes of the transformer, whose attention projections have no biases.
    pub fn transformer(&self) -> TransformerSizes {
        TransformerSizes {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            attention_bias: false,
            norm_eps: self.norm_eps,
            rope_theta: self.rope.theta,
        }
    }

    fn validate(&self) -> Result<()> {
        let check = Check::section("encoder_config.");
        check.equal("audio_channels", self.audio_channels, 1, "mono")?;
        let only = "no other is implemented";
        check.equal("hidden_act", self.hidden_act, Activation::Gelu, only)?;
        check.equal("pad_mode", self.pad_mode.as_str(), "constant", only)?;
        check.equal("use_causal_conv", self.use_causal_conv, true, only)?;
        check.equal("use_conv_shortcut", self.use_conv_shortcut, false, only)?;
        check.dimension("num_filters", self.num_filters)?;
        check.between("num_residual_layers", self.num_residual_layers, 1, 8)?;
        check.count("kernel_size", self.kernel_size)?;
        check.count("last_kernel_size", self.last_kernel_size)?;
        check.count("residual_kernel_size", self.residual_kernel_size)?;
        check.between("dilation_growth_rate", self.dilation_growth_rate, 1, 16)?;
        let widest = self.dilation_growth_rate.pow(self.num_residual_layers as u32 - 1);
        let expected = format!("at most {MAX_COUNT} after num_residual_layers");
        check.that(widest <= MAX_COUNT, "dilation_growth_rate", expected, widest)?;
        check.count("compress", self.compress)?;
        let divides = self.num_filters.is_multiple_of(self.compress);
        let expected = format!("a multiple of compress ({})", self.compress);
        check.that(divides, "num_filters", expected, self.num_filters)?;
        self.transformer().validate(&check, "norm_eps")?;
        self.rope.validate(&check, self.head_dim)?;
        check.between("codebook_size", self.codebook_size, 1, MAX_ENTRIES)?;
        check.dimension("codebook_dim", self.codebook_dim)?;
        check.between("num_quantizers", self.num_quantizers, 2, 64)?;
        let semantic = self.num_semantic_quantizers;
        check.between("num_semantic_quantizers", semantic, 1, self.num_quantizers - 1)?;
        let width = self.vector_quantization_hidden_dimension;
        let why = "codebook_dim";
        check.equal("vector_quantization_hidden_dimension", width, self.codebook_dim, why)?;
        check.between("upsampling_ratios.length", self.upsampling_ratios.len(), 1, 16)?;
        for &ratio in &self.upsampling_ratios {
            check.count("upsampling_ratios", ratio)?;
        }
        let total = product(&self.upsampling_ratios);
        check.between("upsampling_ratios, product", total, 1, MAX_DIMENSION)
    }
}

fn product<'a>(factors: impl IntoIterator<Item = &'a usize>) -> usize {
    factors.into_iter().fold(1, |product, &factor| product.saturating_mul(factor))
}

fn one() -> usize {
    1
}
