//! Decoding of recordings to mono samples at their own rate, packet by packet up to a limit.

mod output;
mod packets;
mod stream;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::packet::Packet;

use super::error::AudioError;
use super::limits::{AudioWarning, check_channels, check_rate};
use super::sniff::{HEAD, sniff};
use super::source::Source;
use output::Output;
pub use output::Recording;
use packets::Packets;
use stream::Stream;

type Result<T, E = AudioError> = std::result::Result<T, E>;

/// Largest number of packets in a row without audio, such as those of a video beside it.
const MAX_IDLE_PACKETS: usize = 100_000;
/// Largest number of attempts to read the next packet.
const MAX_UNREAD: usize = 1_000;
/// Seconds by which the length in the header may exceed the audio.
const PROMISE_TOLERANCE: f64 = 0.05;

/// Decodes a recording, up to `max_seconds`.
pub fn decode(source: Source<'_>, max_seconds: f64) -> Result<Recording> {
    let recording = guarded(source, None, max_seconds)?;
    let Some(channel) = recording.levels.cancelling() else { return Ok(recording) };
    let mut recording = guarded(source, Some(channel), max_seconds)?;
    recording.warnings.push(AudioWarning::ChannelsCancel { used: channel + 1 });
    Ok(recording)
}

/// Decodes one channel, or the mean of all.
fn guarded(source: Source<'_>, channel: Option<usize>, max_seconds: f64) -> Result<Recording> {
    // The decoders are large and their input is untrusted: a panic in them must not end a server.
    // No state of theirs outlives this call.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        Decoding::start(source, Output::new(channel, max_seconds))?.run()
    }));
    decoded.unwrap_or_else(|_| Err(AudioError::damaged(0.0, "its decoder failed")))
}

/// A file that is being decoded.
struct Decoding<'s> {
    packets: Packets<'s>,
    stream: Stream,
    output: Output,
    faults: Faults,
    /// Number of packets that were decoded.
    decoded: usize,
}

/// Packets that could not be read or decoded.
#[derive(Default)]
struct Faults {
    packets: usize,
    /// Position in seconds of the first one, and its defect.
    first: Option<(f64, SymphoniaError)>,
}

/// How the packets of a file end.
enum End {
    /// At the end of a packet.
    Complete,
    /// In the middle of a packet, or at bytes that the demuxer cannot read.
    Torn,
    /// At the end of the recording: later packets do not belong to it, or exceed the limit.
    Left,
}

impl<'s> Decoding<'s> {
    fn start(source: Source<'s>, output: Output) -> Result<Self> {
        let container = sniff(&source.head(HEAD).map_err(AudioError::Io)?)?;
        let packets = Packets::open(source, container)?;
        let stream = packets.stream()?;
        Ok(Self { packets, stream, output, faults: Faults::default(), decoded: 0 })
    }

    fn run(mut self) -> Result<Recording> {
        let end = self.decode_all()?;
        let mut warnings = Vec::new();
        if self.stream.decoder.is_half {
            warnings.push(AudioWarning::HalfBandwidth);
        }
        if let Some(seconds) = self.stream.first_gap {
            self.faults.first.get_or_insert((seconds, SymphoniaError::DecodeError("lost packets")));
        }
        let Faults { packets, first, .. } = self.faults;
        if let Some((seconds, error)) = first {
            if packets > self.decoded {
                return Err(refusal(error, seconds, self.decoded));
            }
            warnings.push(AudioWarning::Damaged { packets: packets.max(1), seconds });
        }
        let found = self.stream.seconds();
        let promised =
            self.stream.promised.filter(|promised| *promised > found + PROMISE_TOLERANCE);
        match end {
            End::Left => (),
            End::Torn if self.output.is_empty() => {
                return Err(AudioError::damaged(0.0, "it ends before its audio"));
            }
            End::Torn => warnings.push(AudioWarning::Incomplete { promised, found }),
            End::Complete if promised.is_some() => {
                warnings.push(AudioWarning::Incomplete { promised, found });
            }
            End::Complete => (),
        }
        self.output.finish(warnings)
    }

    fn decode_all(&mut self) -> Result<End> {
        // Packets without audio, and failures of the demuxer in a row.
        let (mut idle, mut unread) = (0, 0);
        while idle <= MAX_IDLE_PACKETS && unread <= MAX_UNREAD {
            idle += 1;
            match self.packets.next() {
                Ok(Some(packet)) if packet.track_id == self.stream.track_id => {
                    if self.decode(&packet)? > 0 {
                        idle = 0;
                    }
                    if self.output.is_full() || self.stream.is_over() {
                        return Ok(End::Left);
                    }
                }
                Ok(Some(_)) => (),
                Ok(None) if self.packets.is_torn() => return Ok(End::Torn),
                Ok(None) => return Ok(End::Complete),
                // Another recording begins.
                Err(SymphoniaError::ResetRequired) => self.stream = self.packets.stream()?,
                Err(SymphoniaError::IoError(error)) => match error.kind() {
                    io::ErrorKind::UnexpectedEof if self.packets.may_end() => {
                        return Ok(End::Complete);
                    }
                    io::ErrorKind::UnexpectedEof => return Ok(End::Torn),
                    _ => return Err(AudioError::Io(error)),
                },
                Err(error) => {
                    unread += 1;
                    if unread == 1 {
                        self.faults.add(self.output.seconds(), error);
                    }
                    continue;
                }
            }
            unread = 0;
        }
        Ok(End::Torn)
    }

    /// Decodes a packet, and returns its number of frames.
    fn decode(&mut self, packet: &Packet) -> Result<usize> {
        if let Err(error) = self.stream.decoder.decode(packet) {
            self.faults.add(self.output.seconds(), error);
            return Ok(0);
        }
        let (rate, channels) = (self.stream.decoder.rate, self.stream.decoder.channels);
        check_rate(rate)?;
        check_channels(channels)?;
        self.decoded += 1;
        let parts = self.stream.advance(packet);
        let interleaved = &self.stream.decoder.interleaved;
        for part in parts {
            let samples = &interleaved[part.start * channels..part.end * channels];
            self.output.add(samples, channels, rate);
        }
        Ok(interleaved.len() / channels)
    }
}

impl Faults {
    fn add(&mut self, seconds: f64, error: SymphoniaError) {
        self.packets += 1;
        self.first.get_or_insert((seconds, error));
    }
}

/// Says why a recording of which `decoded` packets are good is refused.
fn refusal(error: SymphoniaError, seconds: f64, decoded: usize) -> AudioError {
    match error {
        SymphoniaError::Unsupported(found) if decoded == 0 => {
            AudioError::UnknownCodec { found: found.into() }
        }
        error => AudioError::damaged(seconds, error.to_string()),
    }
}
