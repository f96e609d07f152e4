//! The packets of a file, and the streams that they belong to.

use std::io;

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{
    FORMAT_ID_CAF, FORMAT_ID_FLAC, FORMAT_ID_MKV, FORMAT_ID_OGG,
};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::default::formats::IsoMp4Reader;

use super::stream::{Stream, seconds};
use crate::audio::decoder::Decoder;
use crate::audio::error::AudioError;
use crate::audio::mp4::{Index, codec_name};
use crate::audio::ogg;
use crate::audio::opus;
use crate::audio::pcm::PcmReader;
use crate::audio::sniff::Container;
use crate::audio::source::{Reader, Source};
use crate::audio::timeline::Spans;

type Result<T, E = AudioError> = std::result::Result<T, E>;

/// The demuxer of a file.
pub enum Packets<'s> {
    Pcm(Box<PcmReader<'s>>),
    Mp4(Box<dyn FormatReader + 's>, Index),
    Other(Box<dyn FormatReader + 's>, Source<'s>),
}

impl<'s> Packets<'s> {
    pub fn open(source: Source<'s>, container: Container) -> Result<Self> {
        match container {
            Container::Pcm => Ok(Self::Pcm(Box::new(PcmReader::open(source)?))),
            Container::Mp4 => {
                let index = Index::read(source).map_err(AudioError::Io)?;
                let index = index.ok_or_else(|| {
                    AudioError::damaged(
                        0.0,
                        "its index, the box moov, is missing: it was never finished",
                    )
                })?;
                let reader = source.open().map_err(AudioError::Io)?.with_len(index.end);
                let stream = MediaSourceStream::new(Box::new(reader), Default::default());
                let reader = IsoMp4Reader::try_new(stream, FormatOptions::default());
                Ok(Self::Mp4(Box::new(reader.map_err(refusal)?), index))
            }
            Container::Other => {
                let whole = source.open().map_err(AudioError::Io).and_then(probe);
                // A demuxer that looks for an index at the end fails if the end is missing.
                let reader = whole.or_else(|error| {
                    let stream = source.open().map_err(AudioError::Io)?;
                    probe(stream.without_end()).map_err(|_| error)
                });
                reader.map(|reader| Self::Other(reader, source))
            }
        }
    }

    pub fn next(&mut self) -> Result<Option<Packet>, SymphoniaError> {
        match self {
            Self::Pcm(reader) => reader.next_packet().map_err(SymphoniaError::IoError),
            Self::Mp4(reader, _) | Self::Other(reader, _) => reader.next_packet(),
        }
    }

    /// True if a box of the file is not complete.
    pub fn is_torn(&self) -> bool {
        matches!(self, Self::Mp4(_, index) if index.is_torn)
    }

    /// True if the end of the file is an end like any other: browsers write Matroska without sizes.
    pub fn may_end(&self) -> bool {
        matches!(self, Self::Other(reader, _) if reader.format_info().format == FORMAT_ID_MKV)
    }

    /// Returns the audio stream that begins here.
    pub fn stream(&self) -> Result<Stream> {
        match self {
            Self::Pcm(reader) => {
                let decoder = Decoder::new(&reader.params)?;
                let rate = f64::from(reader.params.sample_rate.unwrap_or(1));
                let promised = reader.promised.map(|frames| frames as f64 / rate);
                Ok(Stream::new(0, decoder, Spans::all(), promised))
            }
            Self::Mp4(reader, index) => mp4_stream(reader.as_ref(), index),
            Self::Other(reader, source) => other_stream(reader.as_ref(), *source),
        }
    }
}

fn probe(reader: Reader<'_>) -> Result<Box<dyn FormatReader + '_>> {
    let stream = MediaSourceStream::new(Box::new(reader), Default::default());
    let (options, metadata) = (FormatOptions::default(), MetadataOptions::default());
    // The content decides on the format, not the name.
    let probe = symphonia::default::get_probe();
    probe.probe(&Hint::new(), stream, options, metadata).map_err(refusal)
}

fn refusal(error: SymphoniaError) -> AudioError {
    match error {
        SymphoniaError::Unsupported(_) => AudioError::UnknownFormat,
        SymphoniaError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            AudioError::damaged(0.0, "it ends in its header")
        }
        SymphoniaError::IoError(error) => AudioError::Io(error),
        error => AudioError::damaged(0.0, error.to_string()),
    }
}

fn mp4_stream(reader: &dyn FormatReader, index: &Index) -> Result<Stream> {
    let Some((track, params)) = track(reader) else {
        let mut codecs = reader.tracks().iter().filter_map(|track| index.codec(track.id));
        let found = codecs.find_map(codec_name);
        return Err(found.map_or(AudioError::Empty, |found| AudioError::UnknownCodec { found }));
    };
    let decoder = Decoder::new(params).map_err(|error| match error {
        AudioError::UnknownCodec { found } => AudioError::UnknownCodec {
            found: index.codec(track.id).and_then(codec_name).unwrap_or(found),
        },
        error => error,
    })?;
    let spans = index.spans(track.id);
    let spans = spans.map_err(|found| AudioError::UnknownCodec { found: found.into() })?;
    // The length in ticks, not in frames: HE-AAC has half as many frames in its core.
    let promised = track.duration.zip(track.time_base);
    let promised = promised.map(|(duration, base)| seconds(base, duration.get() as f64));
    Ok(Stream::new(track.id, decoder, spans.unwrap_or_else(Spans::all), promised))
}

fn other_stream(reader: &dyn FormatReader, source: Source<'_>) -> Result<Stream> {
    let (track, params) = track(reader).ok_or(AudioError::Empty)?;
    let decoder = Decoder::new(params)?;
    let rate = params.sample_rate.unwrap_or(1);
    let format = reader.format_info().format;
    let promised = match format {
        FORMAT_ID_MKV => {
            let info = reader.media_info();
            info.duration
                .zip(info.time_base)
                .map(|(duration, base)| seconds(base, duration.get() as f64))
        }
        FORMAT_ID_OGG => {
            let end = ogg::end(source, track.id).map_err(AudioError::Io)?;
            end.zip(track.time_base).map(|(ticks, base)| seconds(base, ticks as f64))
        }
        // Other formats have estimates.
        _ if [FORMAT_ID_FLAC, FORMAT_ID_CAF].contains(&format)
            || (decoder.is_mpeg() && track.delay.is_some()) =>
        {
            let edges = u64::from(track.delay.unwrap_or(0)) + u64::from(track.padding.unwrap_or(0));
            track.num_frames.map(|frames| frames.saturating_add(edges) as f64 / f64::from(rate))
        }
        _ => None,
    };
    let spans = spans(track, &decoder, rate);
    let clock = track.time_base.filter(|_| format == FORMAT_ID_OGG);
    let lengths = track.time_base.filter(|_| format == FORMAT_ID_MKV && decoder.is_opus());
    let mut stream = Stream::new(track.id, decoder, spans, promised);
    (stream.clock, stream.lengths) = (clock, lengths);
    Ok(stream)
}

fn track(reader: &dyn FormatReader) -> Option<(&Track, &AudioCodecParameters)> {
    let track = reader.default_track(TrackType::Audio)?;
    Some((track, track.codec_params.as_ref()?.audio()?))
}

/// Returns the parts of a stream without the delay and padding of its encoder.
fn spans(track: &Track, decoder: &Decoder, rate: u32) -> Spans {
    if let Some(pre_skip) = decoder.pre_skip() {
        return Spans::from(pre_skip, opus::RATE);
    }
    let delay = u64::from(track.delay.unwrap_or(0));
    let (Some(frames), Some(padding), true) = (track.num_frames, track.padding, decoder.is_mpeg())
    else {
        return Spans::from(if decoder.is_mpeg() { delay } else { 0 }, rate);
    };
    // Recordings that were appended to this one follow its padding.
    let end = delay.saturating_add(frames);
    let parts = vec![delay..end, end.saturating_add(u64::from(padding))..u64::MAX];
    Spans { ticks: rate, parts }
}
