//! Recordings of voices: files of every common format as mono samples at 24 kHz.

use std::fmt;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use symphonia::core::io::MediaSource;

use super::decode::{self, Recording, decode};
use super::error::AudioError;
use super::examine;
use super::resample::resample;
use crate::{Error, Result};

/// The rate in Hz that the encoders work at.
const SAMPLE_RATE: u32 = 24_000;

/// A recording as the encoders take it, and what was noticed while reading it.
///
/// WAV, FLAC, MP3, OGG Vorbis, and AAC or ALAC in M4A are read, at any usual rate and with any
/// number of channels, whose mean is taken as the official package takes it.
///
/// ```no_run
/// use qwen3_tts_pipeline::{AudioLimits, ReferenceAudio};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let audio = ReferenceAudio::read("ann.mp3", &AudioLimits::default())?;
/// for warning in &audio.warnings {
///     eprintln!("ann.mp3: {warning}");
/// }
/// println!("{:.1} s", audio.seconds());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceAudio {
    /// Mono samples at [`ReferenceAudio::SAMPLE_RATE`], each a finite number.
    pub samples: Vec<f32>,
    /// The recording's own rate in Hz.
    pub source_sample_rate: u32,
    /// The recording's own channels.
    pub source_channels: usize,
    /// What the user should know.
    pub warnings: Vec<AudioWarning>,
}

/// What a recording has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AudioLimits {
    /// The longest recording in seconds; of a longer one the rest is not even read.
    pub max_seconds: f64,
    /// The shortest recording in seconds.
    pub min_seconds: f64,
    /// Whether a recording in which nothing is louder than −60 dBFS will do.
    pub allow_silence: bool,
}

impl Default for AudioLimits {
    /// What makes a reference of a voice: 0.3 to 30 seconds in which there is something to hear.
    fn default() -> Self {
        Self { max_seconds: 30.0, min_seconds: 0.3, allow_silence: false }
    }
}

impl AudioLimits {
    /// Any recording up to an hour, silence too: for encoding rather than cloning.
    pub fn any() -> Self {
        Self { max_seconds: 3600.0, min_seconds: 0.0, allow_silence: true }
    }
}

/// What is wrong with a recording and does not keep it from being used.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum AudioWarning {
    /// It is longer than the limit, and what comes later was cut off.
    Cut {
        /// What is left.
        seconds: f64,
    },
    /// It was recorded too loud.
    Clipped {
        /// The share of its samples that are clipped, in 0..=1.
        share: f64,
    },
}

impl fmt::Display for AudioWarning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cut { seconds } => write!(
                f,
                "only the first {seconds} s are used, the rest is cut off: \
                 a transcript has to end where they end"
            ),
            Self::Clipped { share } => write!(
                f,
                "the recording is clipped ({:.1} % of its samples), which the voice may take on: \
                 record it at a lower level",
                100.0 * share
            ),
        }
    }
}

impl ReferenceAudio {
    /// Samples a second of what is read.
    pub const SAMPLE_RATE: u32 = SAMPLE_RATE;
    /// The longest silence that can be appended, in seconds.
    pub const MAX_TRAILING_SILENCE: f64 = 10.0;

    /// Reads a file, up to the limit.
    ///
    /// # Errors
    /// [`Error::Read`] if there is no such file, [`Error::Audio`] if it is no recording, damaged,
    /// or none that a voice can be taken from.
    pub fn read(path: impl AsRef<Path>, limits: &AudioLimits) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let read = |source| Error::Read { file: name.clone(), source };
        let file = File::open(path).map_err(read)?;
        if file.metadata().map_err(read)?.is_dir() {
            return Err(read(std::io::ErrorKind::IsADirectory.into()));
        }
        Self::from_source(Box::new(file), &name, limits)
    }

    /// Reads the bytes of a file; `name` is how a message calls them.
    ///
    /// # Errors
    /// [`Error::Audio`], as for a file.
    pub fn from_bytes(bytes: &[u8], name: &str, limits: &AudioLimits) -> Result<Self> {
        Self::from_source(Box::new(Cursor::new(bytes)), name, limits)
    }

    /// Takes mono samples at any usual rate; `name` is how a message calls them.
    ///
    /// # Errors
    /// [`Error::Audio`], as for a file.
    pub fn from_samples(
        mut samples: Vec<f32>,
        sample_rate: u32,
        name: &str,
        limits: &AudioLimits,
    ) -> Result<Self> {
        let recording = decode::check_rate(sample_rate).map(|()| {
            let max_frames = decode::max_frames(limits.max_seconds, sample_rate);
            let is_cut = samples.len() > max_frames;
            samples.truncate(max_frames);
            Recording { samples, sample_rate, channels: 1, is_cut }
        });
        Self::accept(recording, name, limits)
    }

    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(SAMPLE_RATE)
    }

    /// With silence after it, which keeps a voice from running on where its transcript ends in the
    /// middle of a word.
    ///
    /// # Errors
    /// [`Error::Request`] unless 0 ≤ `seconds` ≤ [`ReferenceAudio::MAX_TRAILING_SILENCE`].
    pub fn with_trailing_silence(mut self, seconds: f64) -> Result<Self> {
        let longest = Self::MAX_TRAILING_SILENCE;
        if !(0.0..=longest).contains(&seconds) {
            return Err(Error::Request(format!(
                "the silence after the reference: expected 0 to {longest} seconds, found {seconds}"
            )));
        }
        let silence = (seconds * f64::from(SAMPLE_RATE)).round() as usize;
        self.samples.resize(self.samples.len() + silence, 0.0);
        Ok(self)
    }

    fn from_source(
        source: Box<dyn MediaSource + '_>,
        name: &str,
        limits: &AudioLimits,
    ) -> Result<Self> {
        Self::accept(decode(source, limits.max_seconds), name, limits)
    }

    fn accept(
        recording: Result<Recording, AudioError>,
        name: &str,
        limits: &AudioLimits,
    ) -> Result<Self> {
        recording
            .and_then(|recording| Self::of(recording, limits))
            .map_err(|source| Error::Audio { file: name.to_owned(), source })
    }

    fn of(recording: Recording, limits: &AudioLimits) -> Result<Self, AudioError> {
        let mut warnings = Vec::new();
        if recording.is_cut {
            warnings.push(AudioWarning::Cut { seconds: limits.max_seconds });
        }
        warnings.extend(examine::examine(&recording, limits)?);
        Ok(Self {
            samples: resample(recording.samples, recording.sample_rate, SAMPLE_RATE),
            source_sample_rate: recording.sample_rate,
            source_channels: recording.channels,
            warnings,
        })
    }
}
