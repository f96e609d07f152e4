//! FLAC files.

use std::time::Duration;

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, MetadataBlockData, Stream, StreamInfo};
use flacenc::config;
use flacenc::encode_fixed_size_frame;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Context, Fill, FrameBuf};

use super::container::Container;
use super::vorbis;
use crate::metadata::Metadata;
use crate::sample_format::SampleFormat;

/// Number of samples of a frame.
const FRAME: usize = 4096;
/// Type of a block of Vorbis comments.
const COMMENTS: u8 = 4;

/// A FLAC file. Its samples are those that WAV has.
pub struct Flac {
    format: SampleFormat,
    metadata: Metadata,
    config: Verified<config::Encoder>,
    info: StreamInfo,
    /// Counts and hashes the samples.
    context: Context,
    /// Samples of an incomplete frame.
    waiting: Vec<i32>,
    is_finished: bool,
}

impl Flac {
    pub fn new(format: SampleFormat, sample_rate: u32, metadata: Metadata) -> Self {
        let bits = usize::from(format.bits());
        let info = StreamInfo::new(sample_rate as usize, 1, bits).expect("a valid stream");
        let config = config::Encoder::default().into_verified().expect("valid defaults");
        let context = Context::new(bits, 1);
        Self { format, metadata, config, info, context, waiting: Vec::new(), is_finished: false }
    }

    /// Encodes the samples that are waiting.
    fn frame(&mut self) -> Vec<u8> {
        let mut frame = FrameBuf::with_size(1, FRAME).expect("a valid size");
        frame.fill_interleaved(&self.waiting).expect("at most a frame");
        self.context.fill_interleaved(&self.waiting).expect("one channel");
        self.waiting.clear();
        let number = self.context.current_frame_number().unwrap_or(0);
        let encoded = encode_fixed_size_frame(&self.config, &frame, number, &self.info);
        let encoded = encoded.expect("samples that fit their bits");
        self.info.update_frame_info(&encoded);
        bytes(&encoded)
    }
}

impl Container for Flac {
    fn head(&self) -> Vec<u8> {
        let bits = usize::from(self.format.bits());
        let mut stream = Stream::new(self.info.sample_rate(), 1, bits).expect("a valid stream");
        let info = stream.stream_info_mut();
        info.set_block_sizes(FRAME, FRAME).expect("valid sizes");
        if self.is_finished && self.context.total_samples() > 0 {
            let (min, max) = (self.info.min_frame_size(), self.info.max_frame_size());
            info.set_frame_sizes(min, max).expect("sizes of frames");
            info.set_total_samples(self.context.total_samples());
            info.set_md5_digest(&self.context.md5_digest());
        }
        let comments = MetadataBlockData::new_unknown(COMMENTS, &vorbis::block(&self.metadata));
        stream.add_metadata_block(comments.expect("a valid type"));
        bytes(&stream)
    }

    fn move_chapters(&mut self, starts: &[Duration]) {
        self.metadata.move_chapters(starts);
    }

    fn push(&mut self, samples: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &sample in samples {
            self.waiting.push(self.format.integer(sample));
            if self.waiting.len() == FRAME {
                bytes.extend(self.frame());
            }
        }
        bytes
    }

    fn finish(&mut self) -> Vec<u8> {
        let rest = if self.waiting.is_empty() { Vec::new() } else { self.frame() };
        self.is_finished = true;
        rest
    }
}

fn bytes(component: &impl BitRepr) -> Vec<u8> {
    let mut sink = ByteSink::new();
    component.write(&mut sink).expect("bytes in memory");
    sink.into_inner()
}
