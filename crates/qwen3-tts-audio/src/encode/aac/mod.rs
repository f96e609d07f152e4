//! AAC-LC in ADTS.
//!
//! The tables of bands and codes are those of `oxideav-aac`, whose encoder takes longer than the audio
//! lasts. All blocks are long, without prediction or noise substitution.

mod bands;
mod bitrate;
mod codebook;
mod frame;
mod sections;
mod spectrum;
#[cfg(test)]
mod tests;

use std::time::Duration;

use oxideav_aac::adts::AdtsHeader;

use self::bands::{FrequencyIndex, frequency_index};
use self::bitrate::BitReservoir;
use self::frame::finest;
use self::spectrum::{BLOCK, Spectrum};
use super::bitrate::default_bitrate;
use super::container::Container;
use super::id3;
use crate::metadata::Metadata;

/// Size of the header of a frame in bytes.
const HEADER: usize = 7;
/// Fullness of the decoder's buffer that is not told.
const UNKNOWN_FULLNESS: u16 = 0x7ff;

/// An AAC file. Decoders return a block of silence first, since no block before the first one completes
/// it, and the audio up to the end of its last block: ADTS cannot tell them what to remove.
pub struct Aac {
    spectrum: Spectrum,
    index: FrequencyIndex,
    reservoir: BitReservoir,
    sample_rate: u32,
    metadata: Metadata,
    /// Samples of an incomplete block.
    waiting: Vec<f32>,
    n_samples: usize,
}

impl Aac {
    /// Begins a file. The bit rate is in kbit/s.
    pub fn new(bitrate: Option<u32>, sample_rate: u32, metadata: Metadata) -> Self {
        Self {
            spectrum: Spectrum::new(),
            index: frequency_index(sample_rate),
            reservoir: BitReservoir::new(
                bitrate.unwrap_or(default_bitrate(sample_rate)),
                sample_rate,
            ),
            sample_rate,
            metadata,
            waiting: Vec::new(),
            n_samples: 0,
        }
    }

    fn encode(&mut self, samples: &[f32; BLOCK]) -> Vec<u8> {
        let lines = self.spectrum.next(samples);
        let n_bits = self.reservoir.bits().saturating_sub(8 * HEADER);
        let data = finest(&lines, self.index, n_bits);
        let frame = adts_frame(&data, self.index);
        self.reservoir.spend(8 * frame.len());
        frame
    }
}

/// Returns a frame with its header.
fn adts_frame(data: &[u8], index: FrequencyIndex) -> Vec<u8> {
    let header = AdtsHeader {
        mpeg_version_mpeg2: false,
        protection_absent: true,
        // Low complexity.
        profile: 1,
        sampling_frequency_index: index,
        channel_configuration: 1,
        aac_frame_length: (HEADER + data.len()) as u16,
        adts_buffer_fullness: UNKNOWN_FULLNESS,
        number_of_raw_data_blocks_in_frame: 1,
    };
    let header = header.write().expect("a length that the header has");
    [&header, data].concat()
}

impl Container for Aac {
    fn head(&self) -> Vec<u8> {
        let duration = self.n_samples as f64 / f64::from(self.sample_rate);
        id3::tag(&self.metadata, Duration::from_secs_f64(duration))
    }

    fn move_chapters(&mut self, starts: &[Duration]) {
        self.metadata.move_chapters(starts);
    }

    fn push(&mut self, samples: &[f32]) -> Vec<u8> {
        self.n_samples += samples.len();
        self.waiting.extend(samples);
        let waiting = std::mem::take(&mut self.waiting);
        let (blocks, rest) = waiting.as_chunks();
        self.waiting = rest.to_vec();
        blocks.iter().flat_map(|samples| self.encode(samples)).collect()
    }

    /// Encodes the rest, and the block of silence that completes the last block.
    fn finish(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.waiting);
        rest.resize(rest.len().next_multiple_of(BLOCK) + BLOCK, 0.0);
        let (blocks, _) = rest.as_chunks();
        blocks.iter().flat_map(|samples| self.encode(samples)).collect()
    }
}
