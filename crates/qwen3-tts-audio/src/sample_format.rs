//! Sample formats, and conversion of samples to them.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Type of the samples in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SampleFormat {
    /// 16-bit integers, which every player reads.
    #[default]
    S16,
    /// 24-bit integers.
    S24,
    /// 32-bit floats, the exact output of the codec.
    F32,
}

impl SampleFormat {
    /// All sample formats.
    pub const ALL: [Self; 3] = [Self::S16, Self::S24, Self::F32];

    /// Returns the name: `s16`, `s24` or `f32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::S16 => "s16",
            Self::S24 => "s24",
            Self::F32 => "f32",
        }
    }

    /// Returns the number of bits of a sample.
    pub fn bits(self) -> u16 {
        match self {
            Self::S16 => 16,
            Self::S24 => 24,
            Self::F32 => 32,
        }
    }

    /// Appends samples in [−1, 1] as little-endian bytes.
    pub(crate) fn write(self, samples: &[f32], bytes: &mut Vec<u8>) {
        for &sample in samples {
            match self {
                Self::S16 | Self::S24 => {
                    let integer = self.integer(sample).to_le_bytes();
                    bytes.extend(&integer[..usize::from(self.bits()) / 8]);
                }
                Self::F32 => bytes.extend(sample.to_le_bytes()),
            }
        }
    }

    /// Converts a sample to an integer as libsndfile does, so that a file equals the one that
    /// `soundfile.write` makes: scaled to 32 bits, clipped, and reduced to the upper bits.
    pub(crate) fn integer(self, sample: f32) -> i32 {
        let scaled = (f64::from(sample) * 2_147_483_648.0).round_ties_even();
        scaled as i32 >> (32 - self.bits())
    }
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SampleFormat {
    type Err = Error;

    /// Returns the sample format of this name.
    ///
    /// # Errors
    /// Returns [`Error::UnknownSampleFormat`] if no sample format has it.
    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| {
            let valid = Self::ALL.map(Self::name).join(", ");
            Error::UnknownSampleFormat { found: name.to_owned(), valid }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values were written by python-soundfile 0.13.
    #[test]
    fn s16_is_what_libsndfile_writes() {
        let floats = [
            0.0, 1.0, -1.0, 0.5, -0.5, 1e-5, -1e-5, 3e-5, 4e-5, -4e-5, 0.1, -0.1, 0.9999, 1.5,
            -1.5, 0.25, -0.3333333,
        ];
        let expected = [
            0, 32767, -32768, 16384, -16384, 0, -1, 0, 1, -2, 3276, -3277, 32764, 32767, -32768,
            8192, -10923,
        ];
        assert_eq!(floats.map(|float| SampleFormat::S16.integer(float)), expected);
    }

    #[test]
    fn bytes_are_little_endian() {
        for (format, expected) in [
            (SampleFormat::S16, &[0, 0x20, 0xff, 0x7f, 0, 0x80][..]),
            (SampleFormat::S24, &[0, 0, 0x20, 0xff, 0xff, 0x7f, 0, 0, 0x80]),
            (SampleFormat::F32, &[0, 0, 0x80, 0x3e, 0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf]),
        ] {
            let mut bytes = Vec::new();
            format.write(&[0.25, 1.0, -1.0], &mut bytes);
            assert_eq!(bytes, expected, "{format}");
        }
    }
}
