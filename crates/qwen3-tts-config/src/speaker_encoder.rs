//! `speaker_encoder_config`: the ECAPA-TDNN that turns a reference recording into a speaker
//! embedding.

use serde::Deserialize;

use crate::check::{Check, MAX_COUNT};
use crate::error::Result;

/// Shape of the speaker encoder of base models (`Qwen3TTSSpeakerEncoderConfig`).
///
/// Published files give `enc_dim` and `sample_rate` only; the other defaults of the official
/// class are those of the model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SpeakerEncoderConfig {
    /// Mel bands of the input.
    pub mel_dim: usize,
    /// Width of the speaker embedding (x-vector), equal to the talker's `hidden_size`.
    pub enc_dim: usize,
    /// Channels after each block. All but the last are equal, for the residual connections; the
    /// last block takes the outputs of the blocks between the first and itself side by side.
    pub enc_channels: Vec<usize>,
    /// Kernel size of each block.
    pub enc_kernel_sizes: Vec<usize>,
    /// Dilation of each block.
    pub enc_dilations: Vec<usize>,
    /// Channels of the attentive pooling.
    pub enc_attention_channels: usize,
    /// Number of channel groups of a Res2Net block.
    pub enc_res2net_scale: usize,
    /// Channels of a squeeze-and-excitation block.
    pub enc_se_channels: usize,
    /// Sample rate of the recording in Hz, 24 000.
    pub sample_rate: u32,
}

impl Default for SpeakerEncoderConfig {
    fn default() -> Self {
        Self {
            mel_dim: 128,
            enc_dim: 1024,
            enc_channels: vec![512, 512, 512, 512, 1536],
            enc_kernel_sizes: vec![5, 3, 3, 3, 1],
            enc_dilations: vec![1, 2, 3, 4, 1],
            enc_attention_channels: 128,
            enc_res2net_scale: 8,
            enc_se_channels: 128,
            sample_rate: 24_000,
        }
    }
}

impl SpeakerEncoderConfig {
    /// Sample rate of the mel spectrogram that the encoder was trained on, in Hz.
    const SAMPLE_RATE: u32 = 24_000;

    /// Checks that the section describes an encoder.
    ///
    /// # Errors
    /// Returns [`ConfigError::Value`](crate::ConfigError::Value) for the first field that does not.
    pub fn validate(&self) -> Result<()> {
        let check = Check::section("speaker_encoder_config.");
        check.dimension("mel_dim", self.mel_dim)?;
        check.dimension("enc_dim", self.enc_dim)?;
        check.dimension("enc_attention_channels", self.enc_attention_channels)?;
        check.dimension("enc_se_channels", self.enc_se_channels)?;
        let (rate, expected) = (self.sample_rate, Self::SAMPLE_RATE);
        check.that(rate == expected, "sample_rate", format!("{expected} Hz"), rate)?;
        self.validate_blocks(&check)
    }

    fn validate_blocks(&self, check: &Check) -> Result<()> {
        let blocks = self.enc_channels.len();
        check.between("enc_channels.length", blocks, 3, 64)?;
        let why = "one for each of enc_channels";
        check.equal("enc_kernel_sizes.length", self.enc_kernel_sizes.len(), blocks, why)?;
        check.equal("enc_dilations.length", self.enc_dilations.len(), blocks, why)?;
        for &size in &self.enc_kernel_sizes {
            check.between("enc_kernel_sizes", size, 1, MAX_COUNT - 1)?;
        }
        for &dilation in &self.enc_dilations {
            check.between("enc_dilations", dilation, 1, MAX_COUNT - 1)?;
        }
        let (inner, last) = (self.enc_channels[0], self.enc_channels[blocks - 1]);
        check.dimension("enc_channels", inner)?;
        check.dimension("enc_channels", last)?;
        let found = format!("{:?}", self.enc_channels);
        let equal = self.enc_channels[..blocks - 1].iter().all(|&channels| channels == inner);
        let expected = "equal entries before the last, for the residual connections";
        check.that(equal, "enc_channels", expected, &found)?;
        let joined = (blocks - 2) * inner;
        let expected = format!("{joined} as the last entry ({} times {inner})", blocks - 2);
        check.that(last == joined, "enc_channels", expected, &found)?;
        check.count("enc_res2net_scale", self.enc_res2net_scale)?;
        let divides = inner.is_multiple_of(self.enc_res2net_scale);
        let expected = format!("a divisor of enc_channels ({inner})");
        check.that(divides, "enc_res2net_scale", expected, self.enc_res2net_scale)
    }
}
