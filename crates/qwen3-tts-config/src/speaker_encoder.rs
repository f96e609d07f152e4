//! `speaker_encoder_config`: the ECAPA-TDNN that turns a reference recording into a voice.

use serde::Deserialize;

use crate::Result;
use crate::check::Check;

/// Shape of the speaker encoder of base models (`Qwen3TTSSpeakerEncoderConfig`).
///
/// Published files give `enc_dim` and `sample_rate` only; the other defaults of the official
/// class are the ones that the model has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct SpeakerEncoderConfig {
    /// Mel bins of the input.
    pub mel_dim: usize,
    /// Width of the speaker vector, equal to the talker's `hidden_size`.
    pub enc_dim: usize,
    /// Channels after each block.
    pub enc_channels: Vec<usize>,
    /// Kernel size of each block.
    pub enc_kernel_sizes: Vec<usize>,
    /// Dilation of each block.
    pub enc_dilations: Vec<usize>,
    /// Channels of the attentive pooling.
    pub enc_attention_channels: usize,
    /// Groups of a Res2Net block.
    pub enc_res2net_scale: usize,
    /// Channels of a squeeze-and-excitation block.
    pub enc_se_channels: usize,
    /// Sample rate of the recording in Hz.
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
    /// Checks the section by itself and against the talker's `hidden_size`.
    pub(crate) fn validate(&self, talker_hidden_size: usize) -> Result<()> {
        let check = Check::section("speaker_encoder_config.");
        check.dimension("mel_dim", self.mel_dim)?;
        let why = "talker_config.hidden_size: the vector is one position of its input";
        check.equal("enc_dim", self.enc_dim, talker_hidden_size, why)?;
        check.dimension("enc_attention_channels", self.enc_attention_channels)?;
        check.dimension("enc_se_channels", self.enc_se_channels)?;
        check.count("enc_res2net_scale", self.enc_res2net_scale)?;
        check.between("sample_rate", self.sample_rate as usize, 8_000, 192_000)?;
        self.validate_blocks(&check)
    }

    fn validate_blocks(&self, check: &Check) -> Result<()> {
        let blocks = self.enc_channels.len();
        check.between("enc_channels.length", blocks, 3, 64)?;
        let why = "one for each of enc_channels";
        check.equal("enc_kernel_sizes.length", self.enc_kernel_sizes.len(), blocks, why)?;
        check.equal("enc_dilations.length", self.enc_dilations.len(), blocks, why)?;
        for &channels in &self.enc_channels {
            check.dimension("enc_channels", channels)?;
        }
        for &size in self.enc_kernel_sizes.iter().chain(&self.enc_dilations) {
            check.count("enc_kernel_sizes and enc_dilations", size)?;
        }
        let scale = self.enc_res2net_scale;
        for &channels in &self.enc_channels[1..blocks - 1] {
            let expected = format!("multiples of enc_res2net_scale ({scale})");
            check.that(channels.is_multiple_of(scale), "enc_channels", expected, channels)?;
        }
        Ok(())
    }
}
