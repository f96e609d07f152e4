//! The encoder: from a recording to the speaker embedding of its voice.

use ndarray::ArrayView2;
use qwen3_tts_config::SpeakerEncoderConfig;
use qwen3_tts_dsp::{MelConfig, MelSpectrogram};
use qwen3_tts_nn::{ConvConfig, Device, SameConv1d, Tensor, Weights};

use crate::blocks::{SeRes2NetConfig, SqueezeExcitationRes2NetBlock, TimeDelayNetBlock};
use crate::error::{Error, Result};
use crate::pooling::AttentiveStatisticsPooling;

/// An ECAPA-TDNN, the reference's `Qwen3TTSSpeakerEncoder` together with its
/// `extract_speaker_embedding` ([Desplanques et al. 2020](https://arxiv.org/abs/2005.07143)).
///
/// It keeps nothing between recordings. Its weights are float32 in memory, for any data type of the
/// checkpoint.
///
/// It is `Send`, and `Sync` too in a build without the feature `mlx`: in an `Arc`, one encoder then
/// serves any number of threads. On MLX, whose graphs are bound to the thread that built them, an
/// encoder is used on the thread that loaded it.
pub struct SpeakerEncoder {
    mel_spectrogram: MelSpectrogram,
    /// `blocks.0`.
    tdnn: TimeDelayNetBlock,
    /// `blocks.1` and on.
    blocks: Vec<SqueezeExcitationRes2NetBlock>,
    mfa: TimeDelayNetBlock,
    asp: AttentiveStatisticsPooling,
    fc: SameConv1d,
    config: SpeakerEncoderConfig,
    device: Device,
}

impl SpeakerEncoder {
    /// Reads everything under `speaker_encoder.`.
    ///
    /// # Errors
    /// Returns [`Error::Config`] if the configuration describes no encoder, and [`Error::Nn`] if a
    /// tensor is missing or has another shape or data type, or if another tensor lies under
    /// `speaker_encoder.`.
    pub fn load(config: &SpeakerEncoderConfig, weights: &Weights, device: &Device) -> Result<Self> {
        config.validate()?;
        let weights = weights.under("speaker_encoder");
        let channels = &config.enc_channels;
        let n_blocks = channels.len() - 1;
        let pooled = channels[n_blocks];
        let conv = |inputs, i: usize| {
            ConvConfig::new(inputs, channels[i], config.enc_kernel_sizes[i])
                .dilation(config.enc_dilations[i])
        };
        let tdnn =
            |name: &str, config| TimeDelayNetBlock::load(&weights.under(name), config, device);
        let block = |i| {
            let config = SeRes2NetConfig {
                channels: channels[i],
                kernel_size: config.enc_kernel_sizes[i],
                dilation: config.enc_dilations[i],
                scale: config.enc_res2net_scale,
                se_channels: config.enc_se_channels,
            };
            let weights = weights.under("blocks").under(i);
            SqueezeExcitationRes2NetBlock::load(&weights, &config, device)
        };
        let attention_channels = config.enc_attention_channels;
        let fc = ConvConfig::new(2 * pooled, config.enc_dim, 1);
        let mel = MelConfig::default().n_mels(config.mel_dim);
        let loaded = Self {
            mel_spectrogram: MelSpectrogram::new(mel)?,
            tdnn: tdnn("blocks.0", conv(config.mel_dim, 0))?,
            blocks: (1..n_blocks).map(block).collect::<qwen3_tts_nn::Result<_>>()?,
            mfa: tdnn("mfa", conv(pooled, n_blocks))?,
            asp: AttentiveStatisticsPooling::load(
                &weights.under("asp"),
                pooled,
                attention_channels,
                device,
            )?,
            fc: SameConv1d::load(&weights.under("fc"), fc, device)?,
            config: config.clone(),
            device: device.clone(),
        };
        weights.finish(&[])?;
        Ok(loaded)
    }

    /// Returns the configuration that the encoder was loaded with.
    pub fn config(&self) -> &SpeakerEncoderConfig {
        &self.config
    }

    /// Returns the width of a speaker embedding.
    pub fn dim(&self) -> usize {
        self.config.enc_dim
    }

    /// Returns the sample rate of a recording in Hz, 24 000.
    pub fn sample_rate(&self) -> u32 {
        self.mel_spectrogram.config().sample_rate
    }

    /// Returns the length in samples of the shortest recording that gives an embedding.
    pub fn min_samples(&self) -> usize {
        let mel = self.mel_spectrogram.config();
        // The number of frames is the number of windows that fit into the padded recording.
        let windows = (self.min_frames() - 1) * mel.hop_length + mel.n_fft;
        (windows - 2 * mel.padding()).max(mel.min_samples())
    }

    /// Returns the number of frames of the shortest spectrogram that gives an embedding: one that
    /// the convolutions can mirror at its edges.
    pub fn min_frames(&self) -> usize {
        let blocks = self.blocks.iter().map(SqueezeExcitationRes2NetBlock::min_time);
        let ends = [self.tdnn.min_time(), self.mfa.min_time()];
        blocks.chain(ends).max().unwrap_or(1)
    }

    /// Computes the speaker embedding `[dim]` of a mono recording at 24 kHz, whose samples are in
    /// −1..=1 by convention.
    ///
    /// # Errors
    /// Returns [`Error::TooShort`] if the recording is shorter than
    /// [`SpeakerEncoder::min_samples`], [`Error::Dsp`] if a sample is NaN or infinite, and
    /// [`Error::Nn`] if the model computes NaN or infinity.
    pub fn embed(&self, samples_24khz: &[f32]) -> Result<Vec<f32>> {
        let (found, needed) = (samples_24khz.len(), self.min_samples());
        if found < needed {
            return Err(Error::TooShort { found, needed, sample_rate: self.sample_rate() });
        }
        self.embed_mel(self.mel_spectrogram.compute(samples_24khz)?.view())
    }

    /// Computes the speaker embedding `[dim]` of a logarithmic mel spectrogram `[frames, mel_dim]`.
    ///
    /// # Errors
    /// Returns [`Error::MelShape`] if the spectrogram has fewer than [`SpeakerEncoder::min_frames`]
    /// frames or other than `mel_dim` bands, [`Error::MelNonFinite`] if a value is NaN or infinite,
    /// and [`Error::Nn`] if the model computes NaN or infinity.
    pub fn embed_mel(&self, mel: ArrayView2<'_, f32>) -> Result<Vec<f32>> {
        self.check(mel)?;
        let values = mel.iter().copied().collect();
        let mel = Tensor::from_vec(values, &[1, mel.nrows(), mel.ncols()], &self.device);
        Ok(self.forward(&mel).to_finite_vec("the values of the speaker embedding")?)
    }

    /// Maps `[1, time, mel_dim]` to `[1, 1, enc_dim]`.
    fn forward(&self, mel: &Tensor) -> Tensor {
        let mut x = self.tdnn.forward(mel);
        let mut outputs = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            x = block.forward(&x);
            outputs.push(x.clone());
        }
        // The output of the first block is left out, as in the reference.
        let x = self.mfa.forward(&Tensor::cat(&outputs.iter().collect::<Vec<_>>(), 2));
        self.fc.forward(&self.asp.forward(&x))
    }

    fn check(&self, mel: ArrayView2<'_, f32>) -> Result<()> {
        let (frames, bands) = mel.dim();
        let (needed_frames, needed_bands) = (self.min_frames(), self.config.mel_dim);
        if frames < needed_frames || bands != needed_bands {
            return Err(Error::MelShape { frames, bands, needed_frames, needed_bands });
        }
        match mel.indexed_iter().find(|(_, value)| !value.is_finite()) {
            Some(((frame, band), &value)) => Err(Error::MelNonFinite { frame, band, value }),
            None => Ok(()),
        }
    }
}
