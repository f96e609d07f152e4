//! Demuxer for the chunked files of uncompressed audio: RIFF, RF64, BW64, Wave64, AIFF,
//! AIFC and CAF.
//!
//! The size of the file counts. Sizes in headers are wrong in many files: written into a pipe, cut
//! off or made by careless programs. Decision 25 says why this is not Symphonia's demuxer.

mod header;

use std::io::{self, BufReader, Read};

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::error::AudioError;
use super::source::{Reader, Source};
use header::{Header, Integers, PACKET_FRAMES};

/// A file of uncompressed audio, or of blocks of ADPCM.
pub struct PcmReader<'s> {
    data: BufReader<io::Take<Reader<'s>>>,
    pub params: AudioCodecParameters,
    /// Number of frames in the header, if it gives one.
    pub promised: Option<u64>,
    integers: Option<Integers>,
    /// Size of a block in bytes.
    block: u64,
    frames_per_block: u64,
}

impl<'s> PcmReader<'s> {
    /// Reads the header.
    ///
    /// # Errors
    /// Returns an error if the header is missing or damaged, or names a codec that is not decoded.
    pub fn open(source: Source<'s>) -> Result<Self, AudioError> {
        let mut stream = source.open().map_err(AudioError::Io)?;
        let Header { params, promised, integers, block, frames_per_block, data } =
            Header::read(&mut stream)?;
        let data = BufReader::new(stream.take(data));
        Ok(Self { data, params, promised, integers, block, frames_per_block })
    }

    /// Reads the next packet; linear samples become 32-bit integers.
    pub fn next_packet(&mut self) -> io::Result<Option<Packet>> {
        let blocks = PACKET_FRAMES.div_ceil(self.frames_per_block);
        let mut bytes = Vec::new();
        self.data.by_ref().take(blocks * self.block).read_to_end(&mut bytes)?;
        let blocks = bytes.len() as u64 / self.block;
        bytes.truncate((blocks * self.block) as usize);
        if let Some(integers) = &self.integers {
            bytes = integers.widen(&bytes);
        }
        let frames = Duration::from(blocks * self.frames_per_block);
        Ok((blocks > 0).then(|| Packet::new(0, Timestamp::ZERO, frames, bytes)))
    }
}
