//! Decoded samples, mixed down.

use qwen3_tts_dsp::resample;

use crate::audio::error::AudioError;
use crate::audio::levels::Levels;
use crate::audio::limits::{AudioWarning, check_rate};

/// The audio of a file, up to a limit.
#[derive(Debug)]
pub struct Recording {
    /// Samples, the mean of all channels, or one of them if they cancel each other.
    pub samples: Vec<f32>,
    /// Sample rate in Hz.
    pub sample_rate: u32,
    /// Number of channels of the file.
    pub channels: usize,
    /// Levels of the channels.
    pub levels: Levels,
    /// True if the file goes on after the samples.
    pub is_cut: bool,
    /// Defects of the file.
    pub warnings: Vec<AudioWarning>,
}

impl Recording {
    /// Takes mono samples, up to `max_seconds`.
    pub fn from_samples(
        samples: &[f32],
        sample_rate: u32,
        max_seconds: f64,
    ) -> Result<Self, AudioError> {
        check_rate(sample_rate)?;
        let mut output = Output::new(None, max_seconds);
        output.add(samples, 1, sample_rate);
        output.finish(Vec::new())
    }
}

/// The samples of a recording, up to a limit.
pub struct Output {
    /// The channel to take; without one, the mean of all.
    channel: Option<usize>,
    max_seconds: f64,
    /// Largest number of channels so far.
    channels: usize,
    levels: Levels,
    /// Parts with a sample rate in Hz each: it may change within a file.
    parts: Vec<(u32, Vec<f32>)>,
}

impl Output {
    pub fn new(channel: Option<usize>, max_seconds: f64) -> Self {
        let (channels, levels, parts) = (0, Levels::default(), Vec::new());
        Self { channel, max_seconds, channels, levels, parts }
    }

    /// Appends interleaved samples. The mean is computed as numpy computes it for float32.
    pub fn add(&mut self, interleaved: &[f32], channels: usize, rate: u32) {
        if self.parts.last().is_none_or(|(last, _)| *last != rate) {
            self.parts.push((rate, Vec::new()));
        }
        let Some((_, samples)) = self.parts.last_mut() else { return };
        self.channels = self.channels.max(channels);
        for frame in interleaved.chunks_exact(channels) {
            let mean = frame.iter().sum::<f32>() / channels as f32;
            self.levels.add(frame, mean);
            let chosen = self.channel.and_then(|channel| frame.get(channel));
            samples.push(*chosen.unwrap_or(&mean));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        let seconds = |(rate, samples): &(u32, Vec<f32>)| samples.len() as f64 / f64::from(*rate);
        self.parts.iter().map(seconds).fold(0.0, |all, part| all + part)
    }

    /// True if there is more than the limit allows.
    pub fn is_full(&self) -> bool {
        match self.parts.as_slice() {
            [(rate, samples)] => samples.len() > self.max_frames(*rate),
            _ => self.seconds() > self.max_seconds,
        }
    }

    /// Joins the parts at the rate of the first one.
    pub fn finish(self, warnings: Vec<AudioWarning>) -> Result<Recording, AudioError> {
        let is_cut = self.is_full();
        let sample_rate = self.parts.first().ok_or(AudioError::Empty)?.0;
        let max_frames = self.max_frames(sample_rate);
        let Self { channels, levels, parts, .. } = self;
        let mut parts = parts.into_iter();
        let mut samples = parts.next().unwrap_or_default().1;
        for (rate, part) in parts {
            let part = resample(&part, rate, sample_rate);
            samples.extend(part.expect("the decoder has checked the rate"));
        }
        samples.truncate(max_frames);
        Ok(Recording { samples, sample_rate, channels, levels, is_cut, warnings })
    }

    fn max_frames(&self, rate: u32) -> usize {
        (self.max_seconds * f64::from(rate)).ceil() as usize
    }
}
