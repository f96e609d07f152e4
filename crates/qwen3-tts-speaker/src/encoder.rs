//! The encoder: a recording to the vector of its voice.

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
/// It keeps nothing between recordings; its weights are float32, whatever the checkpoint's type.
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
    /// tensor is missing or has another shape or data type, or if there is another one under
    /// `speaker_encoder.`.
    pub fn load(config: &SpeakerEncoderConfig, weights: &Weights, device: &Device) -> Result<Self> {
        validate(config)?;
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
        let mel = MelConfig { n_mels: config.mel_dim, ..MelConfig::default() };
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

    /// The configuration it was loaded with.
    pub fn config(&self) -> &SpeakerEncoderConfig {
        &self.config
    }

    /// The width of a speaker vector.
    pub fn dim(&self) -> usize {
        self.config.enc_dim
    }

    /// Samples a second of a recording: 24 000.
    pub fn sample_rate(&self) -> u32 {
        self.mel_spectrogram.config().sample_rate
    }

    /// The shortest recording that gives a vector.
    pub fn min_samples(&self) -> usize {
        let mel = self.mel_spectrogram.config();
        // Frames are as many as windows fit into the padded recording.
        let windows = (self.min_frames() - 1) * mel.hop_length + mel.n_fft;
        (windows - 2 * mel.padding()).max(mel.min_samples())
    }

    /// The shortest spectrogram that gives a vector: the convolutions mirror what is there.
    pub fn min_frames(&self) -> usize {
        let blocks = self.blocks.iter().map(SqueezeExcitationRes2NetBlock::min_time);
        let ends = [self.tdnn.min_time(), self.mfa.min_time()];
        blocks.chain(ends).max().unwrap_or(1)
    }

    /// The vector `[dim]` of a mono recording at 24 kHz, whose samples are in −1..=1 by custom.
    ///
    /// # Errors
    /// When the recording is shorter than [`SpeakerEncoder::min_samples`], or a sample is not a
    /// finite number; when the weights give a vector that is none.
    pub fn embed(&self, samples_24khz: &[f32]) -> Result<Vec<f32>> {
        let (found, needed) = (samples_24khz.len(), self.min_samples());
        if found < needed {
            return Err(Error::TooShort { found, needed, sample_rate: self.sample_rate() });
        }
        self.embed_mel(self.mel_spectrogram.compute(samples_24khz)?.view())
    }

    /// The vector `[dim]` of a logarithmic mel spectrogram `[frames, mel_dim]`.
    ///
    /// # Errors
    /// When the spectrogram has fewer than [`SpeakerEncoder::min_frames`], or other than `mel_dim`
    /// bands, or values that are no numbers; when the weights give a vector that is none.
    pub fn embed_mel(&self, mel: ArrayView2<'_, f32>) -> Result<Vec<f32>> {
        self.check(mel)?;
        let values = mel.iter().copied().collect();
        let mel = Tensor::from_vec(values, &[1, mel.nrows(), mel.ncols()], &self.device);
        Ok(self.forward(&mel).to_finite_vec("the values of the speaker vector")?)
    }

    /// `[1, time, mel_dim]` to `[1, 1, enc_dim]`.
    fn forward(&self, mel: &Tensor) -> Tensor {
        let mut x = self.tdnn.forward(mel);
        let mut outputs = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            x = block.forward(&x);
            outputs.push(x.clone());
        }
        // The first block does not take part.
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

/// Refuses what the forward pass could not go through.
fn validate(config: &SpeakerEncoderConfig) -> Result<()> {
    let SpeakerEncoderConfig { enc_channels, enc_kernel_sizes, enc_dilations, .. } = config;
    let check = |holds, field, expected: String, found: String| match holds {
        true => Ok(()),
        false => Err(Error::Config { field, expected, found }),
    };
    let rate = MelConfig::default().sample_rate;
    let found = config.sample_rate;
    check(found == rate, "sample_rate", format!("{rate} Hz"), found.to_string())?;
    let n = enc_channels.len();
    check(n >= 3, "enc_channels", "3 or more".into(), format!("{n} entries"))?;
    for (field, list) in [("enc_kernel_sizes", enc_kernel_sizes), ("enc_dilations", enc_dilations)]
    {
        let holds = list.len() == n && list.iter().all(|size| (1..1 << 10).contains(size));
        check(holds, field, format!("{n} sizes from 1 to 1023"), format!("{list:?}"))?;
    }
    let inner = &enc_channels[..n - 1];
    let equal = inner.iter().all(|channels| *channels == inner[0]);
    let expected = "equal entries before the last, for the residual connections".into();
    check(equal, "enc_channels", expected, format!("{enc_channels:?}"))?;
    let joined = inner[0].checked_mul(n - 2);
    let expected = format!("{} times {} as the last entry", n - 2, inner[0]);
    let holds = joined == Some(enc_channels[n - 1]);
    check(holds, "enc_channels", expected, format!("{enc_channels:?}"))?;
    let scale = config.enc_res2net_scale;
    let holds = scale > 0 && inner[0].is_multiple_of(scale);
    let expected = format!("a divisor of enc_channels ({})", inner[0]);
    check(holds, "enc_res2net_scale", expected, scale.to_string())?;
    let sizes = [
        ("enc_channels", inner[0]),
        ("enc_dim", config.enc_dim),
        ("enc_attention_channels", config.enc_attention_channels),
        ("enc_se_channels", config.enc_se_channels),
    ];
    let wrong = sizes.into_iter().find(|(_, size)| !(1..=1 << 16).contains(size));
    match wrong {
        Some((field, size)) => check(false, field, "1 to 65536".into(), size.to_string()),
        None => Ok(()),
    }
}
