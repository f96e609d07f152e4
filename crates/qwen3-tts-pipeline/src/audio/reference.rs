//! Reference audio: recordings in all common formats, as mono samples at 24 kHz.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use qwen3_tts_dsp::resample;

use super::decode::{Recording, decode};
use super::error::AudioError;
use super::examine::examine;
use super::limits::{AudioLimits, AudioWarning};
use super::source::{Source, read_pipe};
use crate::{Error, Result};

/// Sample rate of the encoders in Hz.
const SAMPLE_RATE: u32 = 24_000;

/// A recording as the encoders take it, with the warnings from reading it.
///
/// WAV, AIFF, CAF, FLAC, MP3, AAC, OGG, M4A and WebM are read, with the codecs listed in
/// `docs/recordings.md`, at 4 to 384 kHz and with up to 32 channels. The samples are the mean of the
/// channels, computed as the official package does; if the channels cancel each other, the strongest
/// one is used. Of a damaged file, what is there is used, with a warning.
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
#[non_exhaustive]
pub struct ReferenceAudio {
    /// Mono samples at [`ReferenceAudio::SAMPLE_RATE`], all finite.
    pub samples: Vec<f32>,
    /// Sample rate of the recording in Hz.
    pub source_sample_rate: u32,
    /// Number of channels of the recording.
    pub source_channels: usize,
    /// Defects of the recording.
    pub warnings: Vec<AudioWarning>,
}

impl ReferenceAudio {
    /// Sample rate in Hz of [`ReferenceAudio::samples`].
    pub const SAMPLE_RATE: u32 = SAMPLE_RATE;
    /// Longest silence in seconds that can be appended.
    pub const MAX_TRAILING_SILENCE: f64 = 10.0;

    /// Reads a file, up to `limits.max_seconds`. A pipe is read into memory, up to 1 GiB.
    ///
    /// # Errors
    /// Returns [`Error::Read`] if the file cannot be read, and [`Error::Audio`] if it is not a
    /// recording, is damaged, or does not keep the limits.
    pub fn read(path: impl AsRef<Path>, limits: &AudioLimits) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let read = |source| Error::Read { file: name.clone(), source };
        let file = File::open(path).map_err(|source| match address(&name) {
            Some((file, found)) => Error::Audio { file, source: AudioError::NotAFile { found } },
            None => read(source),
        })?;
        let metadata = file.metadata().map_err(read)?;
        if metadata.is_dir() {
            return Err(read(std::io::ErrorKind::IsADirectory.into()));
        }
        match metadata.is_file() {
            true => Self::from_source(Source::File(&file), &name, limits),
            false => Self::from_reader(file, &name, limits),
        }
    }

    /// Reads a stream to its end, up to 1 GiB, and decodes it up to `limits.max_seconds`. Error
    /// messages call the recording `name`.
    ///
    /// # Errors
    /// Returns errors as [`Self::read`] does.
    pub fn from_reader(reader: impl Read, name: &str, limits: &AudioLimits) -> Result<Self> {
        let bytes = read_pipe(reader);
        let bytes = bytes.map_err(|source| Error::Read { file: name.to_owned(), source })?;
        Self::from_bytes(&bytes, name, limits)
    }

    /// Decodes the bytes of a file. Error messages call the recording `name`.
    ///
    /// # Errors
    /// Returns [`Error::Audio`] as [`Self::read`] does.
    pub fn from_bytes(bytes: &[u8], name: &str, limits: &AudioLimits) -> Result<Self> {
        Self::from_source(Source::Bytes(bytes), name, limits)
    }

    /// Takes mono samples at 4 to 384 kHz. Error messages call the recording `name`.
    ///
    /// # Errors
    /// Returns [`Error::Audio`] if the samples are not finite or do not keep the limits.
    pub fn from_samples(
        samples: Vec<f32>,
        sample_rate: u32,
        name: &str,
        limits: &AudioLimits,
    ) -> Result<Self> {
        Self::accept(
            Recording::from_samples(&samples, sample_rate, limits.max_seconds),
            name,
            limits,
        )
    }

    /// Returns the length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(SAMPLE_RATE)
    }

    /// Appends silence. It keeps a cloned voice from repeating the end of a recording that stops in
    /// the middle of a word.
    ///
    /// # Errors
    /// Returns [`Error::Request`] unless 0 ≤ `seconds` ≤ [`ReferenceAudio::MAX_TRAILING_SILENCE`].
    pub fn with_trailing_silence(mut self, seconds: f64) -> Result<Self> {
        let longest = Self::MAX_TRAILING_SILENCE;
        if !(0.0..=longest).contains(&seconds) {
            return Err(Error::Request(format!(
                "the silence after the reference audio is {seconds} seconds; expected 0 to {longest}"
            )));
        }
        let silence = (seconds * f64::from(SAMPLE_RATE)).round() as usize;
        self.samples.resize(self.samples.len() + silence, 0.0);
        Ok(self)
    }

    fn from_source(source: Source<'_>, name: &str, limits: &AudioLimits) -> Result<Self> {
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
        let levels = examine(&recording, limits)?;
        let mut warnings = recording.warnings;
        if recording.is_cut {
            warnings.push(AudioWarning::Cut { seconds: limits.max_seconds });
        }
        warnings.extend(levels);
        let samples = resample(&recording.samples, recording.sample_rate, SAMPLE_RATE);
        Ok(Self {
            samples: samples.expect("the decoder has checked the rate"),
            source_sample_rate: recording.sample_rate,
            source_channels: recording.channels,
            warnings,
        })
    }
}

/// Says what a name is if it is an address, with as much of it as a message can show.
fn address(name: &str) -> Option<(String, &'static str)> {
    let (scheme, _) = name.split_once(':')?;
    let found = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" | "ftp" | "s3" | "gs" | "hf" => "a web address",
        "file" => "a file URL",
        "data" => "a data URL",
        _ => return None,
    };
    let shown = name.char_indices().nth(80).map_or(name, |(end, _)| &name[..end]);
    Some((shown.to_owned(), found))
}
