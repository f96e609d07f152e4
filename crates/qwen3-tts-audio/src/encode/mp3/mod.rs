//! MP3 files.
//!
//! The tables and the bitstream are those of `oxideav-mp3`. Its encoder returns nothing before the end
//! and does not spend its bits, so blocks are transformed and quantised here.

mod frame;
mod header;
mod info;
mod spectrum;

use std::time::Duration;

use oxideav_mp3::Mp3FrameHeader;

use super::bitrate::default_bitrate;
use super::container::Container;
use super::id3;
use crate::metadata::Metadata;
use frame::Frames;
use header::{DELAY, header};

/// Number of samples by which the filters of decoders delay the audio.
const DECODER_DELAY: usize = 529;

/// An MP3 file of frames of one size.
pub struct Mp3 {
    frames: Frames,
    header: Mp3FrameHeader,
    metadata: Metadata,
    /// Samples of an incomplete frame.
    waiting: Vec<f32>,
    n_samples: usize,
    n_frames: usize,
    n_bytes: usize,
    is_finished: bool,
}

impl Mp3 {
    /// Begins a file. The bit rate is in kbit/s.
    pub fn new(bitrate: Option<u32>, sample_rate: u32, metadata: Metadata) -> Self {
        let header = header(bitrate.unwrap_or(default_bitrate(sample_rate)), sample_rate);
        Self {
            frames: Frames::new(header),
            header,
            metadata,
            waiting: Vec::new(),
            n_samples: 0,
            n_frames: 0,
            n_bytes: 0,
            is_finished: false,
        }
    }

    fn encode(&mut self, samples: &[f32]) -> Vec<u8> {
        let bytes = self.frames.next(samples);
        self.n_frames += 1;
        self.n_bytes += bytes.len();
        bytes
    }
}

impl Container for Mp3 {
    fn head(&self) -> Vec<u8> {
        let duration = self.n_samples as f64 / f64::from(self.header.sample_rate_hz);
        let mut head = id3::tag(&self.metadata, Duration::from_secs_f64(duration));
        let length = self.is_finished.then(|| info::Length {
            n_frames: self.n_frames,
            n_bytes: self.n_bytes,
            padding: self.n_frames * self.frames.samples_per_frame() - DELAY - self.n_samples,
        });
        head.extend(info::frame(&self.header, length));
        head
    }

    fn move_chapters(&mut self, starts: &[Duration]) {
        self.metadata.move_chapters(starts);
    }

    fn push(&mut self, samples: &[f32]) -> Vec<u8> {
        self.n_samples += samples.len();
        self.waiting.extend(samples);
        let waiting = std::mem::take(&mut self.waiting);
        let mut frames = waiting.chunks_exact(self.frames.samples_per_frame());
        let bytes = (&mut frames).flat_map(|samples| self.encode(samples)).collect();
        self.waiting = frames.remainder().to_vec();
        bytes
    }

    /// Encodes the rest, with silence until a decoder has returned all audio.
    fn finish(&mut self) -> Vec<u8> {
        let per_frame = self.frames.samples_per_frame();
        let mut rest = std::mem::take(&mut self.waiting);
        let length = (rest.len() + DELAY + DECODER_DELAY).next_multiple_of(per_frame);
        rest.resize(length, 0.0);
        let bytes = rest.chunks_exact(per_frame).flat_map(|samples| self.encode(samples)).collect();
        self.is_finished = true;
        bytes
    }
}
