//! The formats of files: names, endings, and what each can hold.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::sample_format::SampleFormat;

/// Format of an audio file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// WAV with 16-bit, 24-bit or float samples.
    #[default]
    Wav,
    /// FLAC with 16-bit or 24-bit samples.
    Flac,
    /// MP3.
    Mp3,
    /// AAC-LC in ADTS.
    Aac,
    /// Opus in OGG.
    Opus,
    /// Samples without a header, little-endian.
    Pcm,
}

/// Sample rates in Hz that can be asked for.
const RATES: [u32; 6] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];
/// Those of Opus.
const OPUS_RATES: [u32; 4] = [8_000, 16_000, 24_000, 48_000];
/// Bit rates in kbit/s that MP3 has at every sample rate.
const MP3_BITRATES: [u32; 10] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160];

impl Format {
    /// All formats.
    pub const ALL: [Self; 6] = [Self::Wav, Self::Flac, Self::Mp3, Self::Aac, Self::Opus, Self::Pcm];

    /// Returns the name, which is the first ending too.
    pub fn name(self) -> &'static str {
        self.extensions()[0]
    }

    /// Returns the endings of file names, without dots.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Wav => &["wav", "wave"],
            Self::Flac => &["flac"],
            Self::Mp3 => &["mp3"],
            Self::Aac => &["aac"],
            Self::Opus => &["opus", "ogg", "oga"],
            Self::Pcm => &["pcm", "raw"],
        }
    }

    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Flac => "audio/flac",
            Self::Mp3 => "audio/mpeg",
            Self::Aac => "audio/aac",
            Self::Opus => "audio/ogg",
            Self::Pcm => "audio/pcm",
        }
    }

    /// Returns the sample formats, of which there are none for compressed samples.
    pub fn sample_formats(self) -> &'static [SampleFormat] {
        match self {
            Self::Wav | Self::Pcm => &SampleFormat::ALL,
            Self::Flac => &[SampleFormat::S16, SampleFormat::S24],
            Self::Mp3 | Self::Aac | Self::Opus => &[],
        }
    }

    /// Returns the sample rates in Hz.
    pub fn sample_rates(self) -> &'static [u32] {
        match self {
            Self::Wav | Self::Flac | Self::Mp3 | Self::Aac | Self::Pcm => &RATES,
            Self::Opus => &OPUS_RATES,
        }
    }

    /// Returns the bit rates in kbit/s that can be chosen, if any.
    pub fn bitrates(self) -> Vec<u32> {
        match self {
            Self::Wav | Self::Flac | Self::Pcm => Vec::new(),
            Self::Mp3 => MP3_BITRATES.to_vec(),
            Self::Aac => (16..=160).collect(),
            Self::Opus => (6..=256).collect(),
        }
    }

    /// Returns the format that the ending of a file name tells, in upper or lower case; `None` without
    /// an ending.
    ///
    /// # Errors
    /// Returns [`Error::UnknownEnding`] for any other ending.
    pub fn of_path(path: &Path) -> Result<Option<Self>> {
        let Some(ending) = path.extension() else { return Ok(None) };
        let ending = ending.to_string_lossy().to_ascii_lowercase();
        let has_it = |format: &Self| format.extensions().contains(&&*ending);
        match Self::ALL.into_iter().find(has_it) {
            Some(format) => Ok(Some(format)),
            None => Err(Error::UnknownEnding { found: ending, valid: Self::endings().join(", ") }),
        }
    }

    /// Returns the names of all formats.
    pub fn names() -> Vec<&'static str> {
        Self::ALL.into_iter().map(Self::name).collect()
    }

    /// Returns the endings of all formats, with dots.
    fn endings() -> Vec<String> {
        let endings = Self::ALL.into_iter().flat_map(Self::extensions);
        endings.map(|ending| format!(".{ending}")).collect()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wav => "WAV",
            Self::Flac => "FLAC",
            Self::Mp3 => "MP3",
            Self::Aac => "AAC",
            Self::Opus => "Opus",
            Self::Pcm => "PCM",
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    /// Returns the format of this name.
    ///
    /// # Errors
    /// Returns [`Error::UnknownFormat`] if no format has it.
    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        let valid = || Self::names().join(", ");
        found.ok_or_else(|| Error::UnknownFormat { found: name.to_owned(), valid: valid() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_tells_the_format() {
        for (name, format) in [
            ("a.wav", Some(Format::Wav)),
            ("a.b.FLAC", Some(Format::Flac)),
            ("a.aac", Some(Format::Aac)),
            ("dir.opus/a.OgG", Some(Format::Opus)),
            ("a.raw", Some(Format::Pcm)),
            ("a", None),
            (".wav", None),
        ] {
            assert_eq!(Format::of_path(Path::new(name)), Ok(format), "{name}");
        }
        let said = Format::of_path(Path::new("a.wma")).unwrap_err().to_string();
        assert!(said.starts_with("the ending .wma is not one of .wav, .wave, .flac,"), "{said}");
    }

    #[test]
    fn every_name_and_ending_belongs_to_one_format() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            for ending in format.extensions() {
                let path = format!("a.{ending}");
                assert_eq!(Format::of_path(Path::new(&path)), Ok(Some(format)), "{ending}");
            }
        }
        let said = "wma".parse::<Format>().unwrap_err().to_string();
        assert!(said.contains("\"wma\"") && said.contains("wav, flac"), "{said}");
    }
}
