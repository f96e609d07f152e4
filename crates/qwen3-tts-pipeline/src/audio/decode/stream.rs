//! One audio stream of a file.

use std::ops::Range;

use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use crate::audio::decoder::Decoder;
use crate::audio::timeline::{Spans, Timeline};

/// Seconds that packets may lie apart.
const GAP: f64 = 0.05;

/// A stream that is being decoded.
pub struct Stream {
    pub track_id: u32,
    pub decoder: Decoder,
    /// Length in seconds that the header states, if any.
    pub promised: Option<f64>,
    /// Unit of the times of packets, if they tell when packets are missing.
    pub clock: Option<TimeBase>,
    /// Unit of the lengths of packets, if those are exact and tell where padding begins.
    pub lengths: Option<TimeBase>,
    /// Position in seconds of the first place where packets are missing.
    pub first_gap: Option<f64>,
    /// Time in seconds at which the next packet should begin.
    next_time: Option<f64>,
    spans: Spans,
    /// The position, and its sample rate in Hz, from the first packet on.
    timeline: Option<(u32, Timeline)>,
}

impl Stream {
    /// Starts a stream of which `spans` belong to the recording.
    pub fn new(track_id: u32, decoder: Decoder, spans: Spans, promised: Option<f64>) -> Self {
        Self {
            track_id,
            decoder,
            promised,
            clock: None,
            lengths: None,
            first_gap: None,
            next_time: None,
            spans,
            timeline: None,
        }
    }

    /// Moves on by the packet that was decoded last, and returns its parts that belong to the
    /// recording, in frames.
    pub fn advance(&mut self, packet: &Packet) -> Vec<Range<usize>> {
        self.find_gap(packet);
        let Decoder { rate, channels, interleaved, .. } = &self.decoder;
        if self.timeline.as_ref().is_some_and(|(last, _)| last != rate) {
            // The delay of an encoder lies behind.
            self.spans = Spans::all();
            self.timeline = None;
        }
        let (_, timeline) =
            self.timeline.get_or_insert_with(|| (*rate, Timeline::new(&self.spans, *rate)));
        let frames = interleaved.len() / channels;
        let length = self.lengths.filter(|_| packet.dur.get() > 0);
        let used = length.map_or(frames, |base| {
            (seconds(base, packet.dur.get() as f64) * f64::from(*rate)).round() as usize
        });
        let mut parts = timeline.advance(frames);
        parts.iter_mut().for_each(|part| part.end = part.end.min(used));
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// Notes if packets are missing before this one.
    fn find_gap(&mut self, packet: &Packet) {
        let Some(base) = self.clock else { return };
        let start = seconds(base, packet.pts.get() as f64);
        if self.next_time.is_none() {
            // The header counts from the start of a broadcast, of which this may be a part.
            self.promised = self.promised.map(|promised| promised - start.max(0.0));
        }
        if self.next_time.is_some_and(|expected| start > expected + GAP) {
            let seconds = self.seconds();
            self.first_gap.get_or_insert(seconds);
        }
        self.next_time =
            Some(seconds(base, (packet.pts.get() as f64) + packet.block_dur().get() as f64));
    }

    /// True if no later packet belongs to the recording.
    pub fn is_over(&self) -> bool {
        self.timeline.as_ref().is_some_and(|(_, timeline)| timeline.is_over())
    }

    /// Length in seconds of what was decoded.
    pub fn seconds(&self) -> f64 {
        let seconds =
            |(rate, timeline): &(u32, Timeline)| timeline.position() as f64 / f64::from(*rate);
        self.timeline.as_ref().map_or(0.0, seconds)
    }
}

/// Returns a number of ticks in seconds.
pub fn seconds(base: TimeBase, ticks: f64) -> f64 {
    ticks * f64::from(base.numer.get()) / f64::from(base.denom.get())
}
