//! Opus in OGG.

use std::time::Duration;

use opus_pure::{
    Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead, OpusTags, RateControl,
};

use super::container::Container;
use super::vorbis;
use crate::metadata::Metadata;

/// Bit rate in kbit/s unless another is chosen.
const BITRATE: u32 = 48;
/// Number of packets per second.
const PACKETS: u32 = 50;
/// Ticks per second of positions in the file.
const TICKS: u32 = 48_000;
/// Number of bytes after which a page is written: about 0.2 seconds.
const PAGE: usize = 1200;
/// Number of the stream in the file, which has one only.
const SERIAL: u32 = 1;

/// An OGG file with one stream of Opus.
pub struct OggOpus {
    encoder: OpusEncoder,
    /// Takes packets until the end, and has the pages that are not returned yet.
    pages: Option<OggOpusWriter<Vec<u8>>>,
    head: OpusHead,
    metadata: Metadata,
    /// Samples of an incomplete packet.
    waiting: Vec<f32>,
    sample_rate: u32,
    n_samples: u64,
}

impl OggOpus {
    pub fn new(bitrate: Option<u32>, sample_rate: u32, metadata: Metadata) -> Self {
        let mut encoder = OpusEncoder::new(sample_rate as i32, 1, Application::Audio)
            .expect("a rate that Opus has");
        encoder.bitrate_bps = 1000 * bitrate.unwrap_or(BITRATE) as i32;
        encoder.rate_control = RateControl::Vbr;
        let head = OpusHead::for_encoder(&encoder, sample_rate);
        let mut pages = writer(&head, &metadata);
        // The head has been returned for itself.
        pages.get_mut().expect("pages").clear();
        pages.set_page_target(PAGE);
        let pages = Some(pages);
        let waiting = Vec::new();
        Self { encoder, pages, head, metadata, waiting, sample_rate, n_samples: 0 }
    }

    /// Number of samples of a packet.
    fn packet_len(&self) -> usize {
        (self.sample_rate / PACKETS) as usize
    }

    fn encode(&mut self, samples: &[f32]) -> Vec<u8> {
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let n = self.encoder.encode(samples, samples.len(), &mut packet).expect("a whole packet");
        packet.truncate(n);
        packet
    }

    fn pages(&mut self) -> &mut OggOpusWriter<Vec<u8>> {
        self.pages.as_mut().expect("samples before the end")
    }
}

/// Begins a file with its head.
fn writer(head: &OpusHead, metadata: &Metadata) -> OggOpusWriter<Vec<u8>> {
    let comments = vorbis::comments(metadata);
    let comments = comments.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let tags = OpusTags { vendor: vorbis::VENDOR.to_owned(), comments };
    OggOpusWriter::with_serial(Vec::new(), head.clone(), tags, SERIAL).expect("a head in memory")
}

impl Container for OggOpus {
    fn head(&self) -> Vec<u8> {
        let writer = writer(&self.head, &self.metadata);
        writer.get_ref().expect("a head").clone()
    }

    fn move_chapters(&mut self, starts: &[Duration]) {
        self.metadata.move_chapters(starts);
    }

    fn push(&mut self, samples: &[f32]) -> Vec<u8> {
        self.n_samples += samples.len() as u64;
        self.waiting.extend(samples);
        let waiting = std::mem::take(&mut self.waiting);
        let mut packets = waiting.chunks_exact(self.packet_len());
        for samples in &mut packets {
            let packet = self.encode(samples);
            self.pages().write_packet(&packet).expect("a page in memory");
        }
        self.waiting = packets.remainder().to_vec();
        std::mem::take(self.pages().get_mut().expect("pages"))
    }

    /// Encodes the rest, with silence until the encoder has returned all audio. The last position says
    /// where the audio ends.
    fn finish(&mut self) -> Vec<u8> {
        let ticks = u64::from(TICKS / self.sample_rate);
        let end = u64::from(self.head.pre_skip) + self.n_samples * ticks;
        let len = self.packet_len();
        let mut waiting = std::mem::take(&mut self.waiting);
        let per_packet = len as u64 * ticks;
        loop {
            let missing = end - self.pages().granule() as u64;
            let next = waiting.len().min(len);
            let mut samples: Vec<f32> = waiting.drain(..next).collect();
            samples.resize(len, 0.0);
            let packet = self.encode(&samples);
            let ticks = missing.min(per_packet) as u32;
            let written = self.pages().write_packet_with_duration(&packet, ticks);
            written.expect("a page in memory");
            if missing <= per_packet {
                break;
            }
        }
        let pages = self.pages.take().expect("one end");
        pages.finish().expect("pages in memory")
    }
}
