//! Decoding of files to mono samples at their own rate, packet by packet up to a limit.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{FORMAT_ID_FLAC, FORMAT_ID_ISOMP4, FORMAT_ID_WAVE};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::error::AudioError;

type Result<T, E = AudioError> = std::result::Result<T, E>;

/// The audio of a file, up to a limit.
#[derive(Debug)]
pub struct Recording {
    /// Samples, the mean of all channels.
    pub samples: Vec<f32>,
    /// Sample rate in Hz.
    pub sample_rate: u32,
    /// Number of channels of the file.
    pub channels: usize,
    /// True if the file goes on after the samples.
    pub is_cut: bool,
}

const MIN_RATE: u32 = 4_000;
const MAX_RATE: u32 = 384_000;
const MAX_CHANNELS: usize = 32;
/// Largest number of packets in a row without audio, such as those of a video beside it.
const MAX_IDLE_PACKETS: usize = 100_000;
/// Seconds by which the length in the header may exceed the audio.
const PROMISE_TOLERANCE: f64 = 0.1;
/// Size of the audio in bytes from which a WAV header means "unknown": programs that write into a
/// pipe claim this or more.
const UNKNOWN_BYTES: u64 = 0x7fff_0000;

/// Decodes a file, up to `max_seconds`.
pub fn decode(source: Box<dyn MediaSource + '_>, max_seconds: f64) -> Result<Recording> {
    // The decoders are large and their input is untrusted: a panic in them must not end a server.
    // No state of theirs outlives this call.
    let decoded = catch_unwind(AssertUnwindSafe(|| Decoding::start(source)?.run(max_seconds)));
    decoded.unwrap_or_else(|_| Err(damaged(0.0, "its decoder failed")))
}

/// Returns the largest number of frames in `max_seconds`.
pub fn max_frames(max_seconds: f64, sample_rate: u32) -> usize {
    (max_seconds * f64::from(sample_rate)).ceil() as usize
}

/// Checks that a sample rate is in the accepted range.
pub fn check_rate(found: u32) -> Result<()> {
    let holds = (MIN_RATE..=MAX_RATE).contains(&found);
    let refused = AudioError::SampleRate { found, min: MIN_RATE, max: MAX_RATE };
    if holds { Ok(()) } else { Err(refused) }
}

fn check_channels(found: usize) -> Result<()> {
    let holds = (1..=MAX_CHANNELS).contains(&found);
    if holds { Ok(()) } else { Err(AudioError::Channels { found, max: MAX_CHANNELS }) }
}

/// A file that is being decoded.
struct Decoding<'s> {
    format: Box<dyn FormatReader + 's>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    /// Number of frames in the header, if it is exact.
    promised: Option<u64>,
    /// True if the end of the file is the end of the recording: `promised` tells whether audio is
    /// missing, or the program that wrote the file did not know its length.
    may_end: bool,
    /// Sample rate in Hz, 0 before the first packet.
    sample_rate: u32,
    channels: usize,
    samples: Vec<f32>,
    /// The interleaved samples of a packet.
    interleaved: Vec<f32>,
}

impl<'s> Decoding<'s> {
    fn start(source: Box<dyn MediaSource + 's>) -> Result<Self> {
        let stream = MediaSourceStream::new(source, Default::default());
        let (options, metadata) = (FormatOptions::default(), MetadataOptions::default());
        // The content decides on the format, not the name.
        let format = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, options, metadata)
            .map_err(|error| match error {
                SymphoniaError::Unsupported(_) => AudioError::UnknownFormat,
                error => refusal(error, 0.0),
            })?;
        let track = format.default_track(TrackType::Audio).ok_or(AudioError::Empty)?;
        let params = track.codec_params.as_ref().and_then(|params| params.audio());
        let params = params.ok_or(AudioError::Empty)?;
        // Decoders allocate memory according to the header: check it first.
        params.sample_rate.map_or(Ok(()), check_rate)?;
        params.channels.as_ref().map_or(Ok(()), |channels| check_channels(channels.count()))?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(params, &AudioDecoderOptions::default())
            .map_err(|error| match error {
                SymphoniaError::Unsupported(_) => AudioError::UnknownCodec { found: name(params) },
                error => refusal(error, 0.0),
            })?;
        let promised = promise(format.as_ref(), track, params);
        let is_wave = format.format_info().format == FORMAT_ID_WAVE;
        Ok(Self {
            track_id: track.id,
            may_end: promised.is_some() || is_wave,
            format,
            decoder,
            promised,
            sample_rate: 0,
            channels: 0,
            samples: Vec::new(),
            interleaved: Vec::new(),
        })
    }

    fn run(mut self, max_seconds: f64) -> Result<Recording> {
        let mut idle = 0;
        while let Some(has_audio) = self.step()? {
            idle = if has_audio { 0 } else { idle + 1 };
            if idle > MAX_IDLE_PACKETS {
                return Err(damaged(self.seconds(), "its packets have no audio"));
            }
            if self.sample_rate > 0 {
                let max_frames = max_frames(max_seconds, self.sample_rate);
                if self.samples.len() > max_frames {
                    self.samples.truncate(max_frames);
                    return Ok(self.finish(true));
                }
            }
        }
        self.check_promise()?;
        Ok(self.finish(false))
    }

    /// Decodes one packet. Returns whether it had audio, or `None` at the end.
    fn step(&mut self) -> Result<Option<bool>> {
        let seconds = self.seconds();
        let packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(None),
            Err(error) if self.may_end && is_end(&error) => return Ok(None),
            Err(error) => return Err(refusal(error, seconds)),
        };
        if packet.track_id != self.track_id {
            return Ok(Some(false));
        }
        let buffer = self.decoder.decode(&packet).map_err(|error| refusal(error, seconds))?;
        let spec = buffer.spec();
        if self.sample_rate == 0 {
            check_rate(spec.rate())?;
            check_channels(spec.channels().count())?;
            (self.sample_rate, self.channels) = (spec.rate(), spec.channels().count());
        }
        if (spec.rate(), spec.channels().count()) != (self.sample_rate, self.channels) {
            return Err(damaged(seconds, "its sample rate or its channels change"));
        }
        Self::mix(&buffer, self.channels, &mut self.interleaved, &mut self.samples);
        Ok(Some(buffer.frames() > 0))
    }

    /// Appends the mean of the channels, computed as numpy computes it for float32.
    fn mix(
        buffer: &GenericAudioBufferRef<'_>,
        channels: usize,
        interleaved: &mut Vec<f32>,
        samples: &mut Vec<f32>,
    ) {
        buffer.copy_to_vec_interleaved(interleaved);
        let frames = interleaved.chunks_exact(channels);
        samples.extend(frames.map(|frame| frame.iter().sum::<f32>() / channels as f32));
    }

    fn check_promise(&self) -> Result<()> {
        let Some(promised) = self.promised.filter(|_| self.sample_rate > 0) else {
            return Ok(());
        };
        let (promised, found) = (promised as f64 / f64::from(self.sample_rate), self.seconds());
        let is_kept = promised <= found + PROMISE_TOLERANCE;
        if is_kept { Ok(()) } else { Err(AudioError::CutOff { promised, found }) }
    }

    fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate.max(1))
    }

    fn finish(self, is_cut: bool) -> Recording {
        let Self { samples, sample_rate, channels, .. } = self;
        Recording { samples, sample_rate, channels, is_cut }
    }
}

/// Returns the number of frames in the header, for formats in which it is exact.
fn promise(format: &dyn FormatReader, track: &Track, params: &AudioCodecParameters) -> Option<u64> {
    let exact = [FORMAT_ID_WAVE, FORMAT_ID_FLAC, FORMAT_ID_ISOMP4];
    let format = format.format_info().format;
    let frames = track.num_frames.filter(|_| exact.contains(&format))?;
    let channels = params.channels.as_ref().map_or(1, |channels| channels.count()) as u64;
    let bytes = channels * u64::from(params.bits_per_sample.unwrap_or(32)).div_ceil(8);
    let is_open = format == FORMAT_ID_WAVE && frames.saturating_mul(bytes) >= UNKNOWN_BYTES;
    (!is_open).then_some(frames)
}

fn is_end(error: &SymphoniaError) -> bool {
    matches!(error, SymphoniaError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof)
}

fn refusal(error: SymphoniaError, seconds: f64) -> AudioError {
    match error {
        error if is_end(&error) => damaged(seconds, "it ends too early"),
        SymphoniaError::IoError(error) => AudioError::Io(error),
        SymphoniaError::ResetRequired => damaged(seconds, "a second recording begins"),
        error => damaged(seconds, error.to_string()),
    }
}

fn damaged(seconds: f64, reason: impl Into<String>) -> AudioError {
    AudioError::Damaged { seconds, reason: reason.into() }
}

fn name(params: &AudioCodecParameters) -> &'static str {
    if params.codec == CODEC_ID_OPUS { "Opus" } else { "an unknown codec" }
}
