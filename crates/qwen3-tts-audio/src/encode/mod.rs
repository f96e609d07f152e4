//! Encoding of audio that arrives block by block.

mod aac;
mod bitrate;
mod container;
mod flac;
mod id3;
mod mp3;
mod ogg_opus;
mod pcm;
mod vorbis;
mod wav;

use std::fmt;
use std::time::Duration;

use qwen3_tts_dsp::Resampler;

use self::container::Container;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::format::Format;
use crate::metadata::Metadata;

/// Audio on its way to a file. The bytes do not depend on the blocks in which the samples arrive.
///
/// ```
/// use qwen3_tts_audio::{Encoder, Encoding, Format, Metadata};
///
/// # fn main() -> qwen3_tts_audio::Result<()> {
/// let encoding = Encoding::new(Format::Flac);
/// let mut encoder = Encoder::new(&encoding, 24_000, Metadata::default().title("A tone"))?;
/// let mut file = Vec::new();
/// for block in [[0.1; 6_000], [-0.1; 6_000]] {
///     file.extend(encoder.push(&block));
/// }
/// let finished = encoder.finish();
/// file.extend(finished.rest);
/// // A pipe does without this.
/// file[..finished.head.len()].copy_from_slice(&finished.head);
/// # Ok(())
/// # }
/// ```
pub struct Encoder {
    resampler: Resampler,
    container: Box<dyn Container>,
    /// Head of the file, until it is returned.
    head: Option<Vec<u8>>,
}

/// The end of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// The last bytes.
    pub rest: Vec<u8>,
    /// The first bytes as they are now that the length is known. In a file they replace as many bytes
    /// at its start; in a pipe, readers manage without.
    pub head: Vec<u8>,
}

impl Encoding {
    /// Encodes mono samples in [−1, 1] as a whole file.
    ///
    /// # Errors
    /// Returns [`Error::SampleRate`](crate::Error::SampleRate) if the format does not have
    /// `sample_rate` and no other rate was set.
    pub fn encode(&self, samples: &[f32], sample_rate: u32, metadata: Metadata) -> Result<Vec<u8>> {
        let mut encoder = Encoder::new(self, sample_rate, metadata)?;
        let mut bytes = encoder.push(samples);
        let finished = encoder.finish();
        bytes.extend(finished.rest);
        bytes[..finished.head.len()].copy_from_slice(&finished.head);
        Ok(bytes)
    }
}

impl Encoder {
    /// Begins a file of mono samples at this rate in Hz.
    ///
    /// # Errors
    /// Returns [`Error::SampleRate`](crate::Error::SampleRate) if the format does not have the rate, and
    /// the encoding sets none.
    pub fn new(encoding: &Encoding, sample_rate: u32, metadata: Metadata) -> Result<Self> {
        let (format, rate) = (encoding.format(), encoding.sample_rate().unwrap_or(sample_rate));
        let refused = |found| encoding.no_sample_rate(found);
        let is_lossy = format.sample_formats().is_empty();
        if is_lossy && !format.sample_rates().contains(&rate) {
            return Err(refused(rate));
        }
        let resampler = Resampler::new(sample_rate, rate).map_err(|_| refused(sample_rate))?;
        let sample_format = encoding.sample_format();
        let container: Box<dyn Container> = match format {
            Format::Wav => Box::new(wav::Wav::new(sample_format, rate)),
            Format::Pcm => Box::new(pcm::Pcm(sample_format)),
            Format::Flac => Box::new(flac::Flac::new(sample_format, rate, metadata)),
            Format::Mp3 => Box::new(mp3::Mp3::new(encoding.bitrate(), rate, metadata)),
            Format::Aac => Box::new(aac::Aac::new(encoding.bitrate(), rate, metadata)),
            Format::Opus => Box::new(ogg_opus::OggOpus::new(encoding.bitrate(), rate, metadata)),
        };
        let head = Some(container.head());
        Ok(Self { resampler, container, head })
    }

    /// Adds samples, and returns the next bytes of the file.
    pub fn push(&mut self, samples: &[f32]) -> Vec<u8> {
        let mut bytes = self.head.take().unwrap_or_default();
        bytes.extend(self.container.push(&self.resampler.push(samples)));
        bytes
    }

    /// Sets the beginnings of the chapters of the metadata, in order. A file gets them with the new
    /// head at its end, a pipe has those of the beginning.
    pub fn move_chapters(&mut self, starts: &[Duration]) {
        self.container.move_chapters(starts);
    }

    /// Completes the file.
    pub fn finish(mut self) -> Finished {
        let mut rest = self.head.take().unwrap_or_default();
        rest.extend(self.container.push(&self.resampler.finish()));
        rest.extend(self.container.finish());
        Finished { rest, head: self.container.head() }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}
