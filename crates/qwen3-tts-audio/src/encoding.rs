//! How audio is written: a format and what can be chosen with it.

use crate::error::{Error, Result};
use crate::format::Format;
use crate::sample_format::SampleFormat;

/// A format with its sample format, sample rate and bit rate, which fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoding {
    format: Format,
    sample_format: Option<SampleFormat>,
    sample_rate: Option<u32>,
    bitrate: Option<u32>,
}

impl Encoding {
    /// Returns a format with its defaults: 16-bit samples at the rate of the audio.
    pub fn new(format: Format) -> Self {
        Self { format, ..Self::default() }
    }

    /// Sets the sample format.
    ///
    /// # Errors
    /// Returns [`Error::SampleFormat`] if the format does not have it.
    pub fn with_sample_format(mut self, found: SampleFormat) -> Result<Self> {
        let format = self.format;
        if !format.sample_formats().contains(&found) {
            let names: Vec<&str> =
                format.sample_formats().iter().map(|valid| valid.name()).collect();
            let valid = match names.len() {
                0 => "its samples are compressed".to_owned(),
                _ => format!("expected {}", names.join(", ")),
            };
            let format = format.to_string();
            return Err(Error::SampleFormat { format, found: found.name(), valid });
        }
        self.sample_format = Some(found);
        Ok(self)
    }

    /// Sets the sample rate in Hz, to which the audio is converted.
    ///
    /// # Errors
    /// Returns [`Error::SampleRate`] if the format does not have it.
    pub fn with_sample_rate(mut self, found: u32) -> Result<Self> {
        if !self.format.sample_rates().contains(&found) {
            return Err(self.no_sample_rate(found));
        }
        self.sample_rate = Some(found);
        Ok(self)
    }

    /// Sets the bit rate in kbit/s.
    ///
    /// # Errors
    /// Returns [`Error::Bitrate`] if the format does not have it.
    pub fn with_bitrate(mut self, found: u32) -> Result<Self> {
        let format = self.format;
        if !format.bitrates().contains(&found) {
            let (format, valid) = (format.to_string(), valid_bitrates(format));
            return Err(Error::Bitrate { format, found, valid });
        }
        self.bitrate = Some(found);
        Ok(self)
    }

    /// Returns the format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the sample format, which compressed samples ignore.
    pub fn sample_format(&self) -> SampleFormat {
        self.sample_format.unwrap_or_default()
    }

    /// Returns the sample rate in Hz, if it differs from that of the audio.
    pub fn sample_rate(&self) -> Option<u32> {
        self.sample_rate
    }

    /// Returns the bit rate in kbit/s, if it was chosen.
    pub fn bitrate(&self) -> Option<u32> {
        self.bitrate
    }

    /// Returns the error for a sample rate that the format lacks.
    pub(crate) fn no_sample_rate(&self, found: u32) -> Error {
        let valid = numbers(self.format.sample_rates());
        Error::SampleRate { format: self.format.to_string(), found, valid }
    }
}

fn valid_bitrates(format: Format) -> String {
    match &format.bitrates()[..] {
        [] => "its size follows from the samples".to_owned(),
        [lowest, .., highest] if (highest - lowest) as usize + 1 == format.bitrates().len() => {
            format!("expected {lowest} to {highest}")
        }
        listed => format!("expected {}", numbers(listed)),
    }
}

fn numbers(values: &[u32]) -> String {
    values.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
