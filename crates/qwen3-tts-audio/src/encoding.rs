//! How audio is written: a format and what can be chosen with it.

use crate::encode::Encoder;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::metadata::Metadata;
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
            return Err(Error::SampleFormat { format, found });
        }
        self.sample_format = Some(found);
        Ok(self)
    }

    /// Sets the sample rate in Hz, to which the audio is converted.
    ///
    /// # Errors
    /// Returns [`Error::SampleRate`] if the format does not have it.
    pub fn with_sample_rate(mut self, found: u32) -> Result<Self> {
        let format = self.format;
        if !format.sample_rates().contains(&found) {
            return Err(Error::SampleRate { format, found });
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
            return Err(Error::Bitrate { format, found });
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

    /// Encodes mono samples in [−1, 1] as a whole file.
    ///
    /// # Errors
    /// Returns [`Error::SampleRate`] if `sample_rate` is none that the format has, and none was set.
    pub fn encode(&self, samples: &[f32], sample_rate: u32, metadata: Metadata) -> Result<Vec<u8>> {
        let mut encoder = Encoder::new(self, sample_rate, metadata)?;
        let mut bytes = encoder.push(samples);
        let finished = encoder.finish();
        bytes.extend(finished.rest);
        bytes[..finished.head.len()].copy_from_slice(&finished.head);
        Ok(bytes)
    }
}
