//! Changes of the audio before it is encoded.

mod limiter;
mod loudness;
mod silence;
mod speed;

use crate::error::{Error, Result};
use loudness::Loudness;
use silence::Trimmer;
use speed::Stretcher;

/// The changes that are wanted. Without any, audio stays as it is, bit for bit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Effects {
    trim_silence: bool,
    speed: Option<f32>,
    loudness: Option<f64>,
}

impl Effects {
    /// Slowest and fastest speed.
    pub const SPEEDS: [f32; 2] = [0.25, 4.0];
    /// Lowest and highest loudness in LUFS.
    pub const LOUDNESSES: [f64; 2] = [-40.0, -6.0];

    /// Returns no changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether silence at the beginning and at the end is removed but for a short margin.
    pub fn trim_silence(mut self, trim_silence: bool) -> Self {
        self.trim_silence = trim_silence;
        self
    }

    /// Sets the speed as a multiple of the original one, at the same pitch.
    ///
    /// # Errors
    /// Returns [`Error::Speed`] unless it is in [`Effects::SPEEDS`].
    pub fn speed(mut self, found: f32) -> Result<Self> {
        let [slowest, fastest] = Self::SPEEDS;
        if !(slowest..=fastest).contains(&found) {
            let valid = format!("{slowest} to {fastest}");
            return Err(Error::Speed { found: found.to_string(), valid });
        }
        self.speed = Some(found).filter(|speed| *speed != 1.0);
        Ok(self)
    }

    /// Sets the loudness of the whole in LUFS, with peaks of at most −1 dBFS.
    ///
    /// # Errors
    /// Returns [`Error::Loudness`] unless it is in [`Effects::LOUDNESSES`].
    pub fn loudness(mut self, found: f64) -> Result<Self> {
        let [lowest, highest] = Self::LOUDNESSES;
        if !(lowest..=highest).contains(&found) {
            let valid = format!("{lowest} to {highest}");
            return Err(Error::Loudness { found: found.to_string(), valid });
        }
        self.loudness = Some(found);
        Ok(self)
    }

    /// Returns true if the first output needs the whole audio.
    pub fn needs_whole(&self) -> bool {
        self.loudness.is_some()
    }

    /// Begins to change mono audio at this rate in Hz.
    pub fn begin(&self, sample_rate: u32) -> EffectChain {
        EffectChain {
            trimmer: self.trim_silence.then(|| Trimmer::new(sample_rate)),
            stretcher: self.speed.map(|speed| Stretcher::new(sample_rate, speed)),
            loudness: self.loudness.map(|lufs| Loudness::new(sample_rate, lufs)),
            speed: self.speed.unwrap_or(1.0),
            n_outputs: 0,
            is_finished: false,
        }
    }

    /// Changes the whole audio.
    pub fn apply(&self, samples: &[f32], sample_rate: u32) -> Vec<f32> {
        let mut chain = self.begin(sample_rate);
        let mut output = chain.push(samples);
        output.extend(chain.finish());
        output
    }
}

/// Audio that is being changed block by block. The output does not depend on the blocks.
///
/// ```
/// # fn main() -> qwen3_tts_audio::Result<()> {
/// let effects = qwen3_tts_audio::Effects::new().speed(2.0)?;
/// let mut chain = effects.begin(24_000);
/// let mut output = chain.push(&[0.1; 24_000]);
/// output.extend(chain.finish());
/// assert_eq!(output.len(), 12_000);
/// assert_eq!(chain.position(24_000), 12_000);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EffectChain {
    trimmer: Option<Trimmer>,
    stretcher: Option<Stretcher>,
    loudness: Option<Loudness>,
    speed: f32,
    n_outputs: usize,
    is_finished: bool,
}

impl EffectChain {
    /// Adds samples, and returns the outputs that depend on no later ones.
    pub fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        let trimmed = match &mut self.trimmer {
            Some(trimmer) => trimmer.push(samples),
            None => samples.to_vec(),
        };
        let stretched = match &mut self.stretcher {
            Some(stretcher) => stretcher.push(&trimmed),
            None => trimmed,
        };
        self.deliver(stretched)
    }

    /// Returns the rest of the output. Nothing may be pushed afterwards.
    pub fn finish(&mut self) -> Vec<f32> {
        self.is_finished = true;
        let trimmed = self.trimmer.as_mut().map_or_else(Vec::new, Trimmer::finish);
        let stretched = match &mut self.stretcher {
            Some(stretcher) => {
                let mut rest = stretcher.push(&trimmed);
                rest.extend(stretcher.finish());
                rest
            }
            None => trimmed,
        };
        let mut output = self.deliver(stretched);
        if let Some(loudness) = &mut self.loudness {
            let rest = loudness.finish();
            self.n_outputs += rest.len();
            output.extend(rest);
        }
        output
    }

    /// Returns the number of output samples before the one at which an input sample lands. After the
    /// end it is at most the length of the output.
    pub fn position(&self, sample: usize) -> usize {
        let trimmed = self.trimmer.as_ref().map_or(0, Trimmer::n_trimmed);
        let position = sample.saturating_sub(trimmed) as f64 / f64::from(self.speed);
        let end = if self.is_finished { self.n_outputs } else { usize::MAX };
        (position.round() as usize).min(end)
    }

    /// Returns the number of output samples so far.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    fn deliver(&mut self, samples: Vec<f32>) -> Vec<f32> {
        match &mut self.loudness {
            Some(loudness) => {
                loudness.push(&samples);
                Vec::new()
            }
            None => {
                self.n_outputs += samples.len();
                samples
            }
        }
    }
}
