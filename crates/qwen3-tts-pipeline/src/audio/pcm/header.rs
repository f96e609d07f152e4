//! Headers: what the samples are and where they lie.

mod chunks;
mod integers;

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ADPCM_IMA_QT, CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_PCM_ALAW,
    CODEC_ID_PCM_F32BE, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64BE, CODEC_ID_PCM_F64LE,
    CODEC_ID_PCM_MULAW, CODEC_ID_PCM_S32LE,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use crate::audio::error::AudioError;
use crate::audio::limits::{check_channels, check_rate};
use chunks::{Chunks, Data, Family};
pub use integers::Integers;

/// Number of frames per packet, about.
pub const PACKET_FRAMES: u64 = 4096;
/// Number of bytes that decide how samples lie in containers that are wider.
const JUSTIFICATION_BYTES: u64 = 1 << 20;

/// The header of a file, whose stream is left at its first sample.
pub struct Header {
    pub params: AudioCodecParameters,
    /// Number of frames that the header gives, if it gives one.
    pub promised: Option<u64>,
    /// The linear samples, if they are integers.
    pub integers: Option<Integers>,
    /// Size of a block in bytes.
    pub block: u64,
    pub frames_per_block: u64,
    /// Number of bytes of audio.
    pub data: u64,
}

/// The description of the samples in a chunk `fmt ` or `COMM`.
struct Format {
    coding: Coding,
    channels: u16,
    rate: u32,
    /// Size of a block in bytes; 0 if the header has none.
    block: u64,
    /// Number of blocks, if the format gives it.
    blocks: Option<u64>,
}

/// How samples are stored.
enum Coding {
    Integers(Integers),
    Floats {
        codec: AudioCodecId,
        bytes: u64,
    },
    /// One byte a sample.
    Law(AudioCodecId),
    Adpcm(AudioCodecId),
}

impl Header {
    /// Reads the header, and moves to the first sample.
    pub fn read(mut stream: impl Read + Seek) -> Result<Self, AudioError> {
        let chunks = Chunks::read(&mut stream).map_err(AudioError::Io)?;
        let format = match &chunks.format {
            Some(bytes) => match chunks.family {
                Family::Riff | Family::Wave64 => Format::from_fmt(bytes),
                Family::Aiff => Format::from_comm(bytes, chunks.is_aifc),
                Family::Caf => Format::from_desc(bytes),
            },
            None => return Err(incomplete("the description of its samples is missing")),
        }?;
        let Some(data) = chunks.data else { return Err(incomplete("its samples are missing")) };
        check_rate(format.rate)?;
        check_channels(usize::from(format.channels))?;
        let mut header = Self::new(format, data)?;
        stream.seek(SeekFrom::Start(data.start)).map_err(AudioError::Io)?;
        if let Some(integers) = header.integers.as_mut().filter(|integers| integers.is_padded()) {
            let mut bytes = Vec::new();
            let some = header.data.min(JUSTIFICATION_BYTES);
            stream.by_ref().take(some).read_to_end(&mut bytes).map_err(AudioError::Io)?;
            integers.justify(&bytes).map_err(incomplete)?;
            stream.seek(SeekFrom::Start(data.start)).map_err(AudioError::Io)?;
        }
        Ok(header)
    }

    fn new(format: Format, data: Data) -> Result<Self, AudioError> {
        let channels = u64::from(format.channels);
        let (codec, block, frames_per_block) = match &format.coding {
            Coding::Integers(integers) => (CODEC_ID_PCM_S32LE, channels * integers.bytes(), 1),
            Coding::Floats { codec, bytes } => (*codec, channels * bytes, 1),
            Coding::Law(codec) => (*codec, channels, 1),
            Coding::Adpcm(codec) => (*codec, format.block, adpcm_frames(*codec, &format)?),
        };
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(codec)
            .with_sample_rate(format.rate)
            .with_channels(Channels::Discrete(format.channels))
            .with_frames_per_block(frames_per_block)
            .with_max_frames_per_packet(PACKET_FRAMES + frames_per_block);
        let integers = match format.coding {
            Coding::Integers(integers) => Some(integers),
            _ => None,
        };
        let promised = [data.promised.map(|bytes| bytes / block), format.blocks];
        let promised = promised.into_iter().flatten().min();
        let wanted = format.blocks.map_or(u64::MAX, |blocks| blocks * block);
        Ok(Self {
            params,
            promised: promised.map(|blocks| blocks.saturating_mul(frames_per_block)),
            integers,
            block,
            frames_per_block,
            data: wanted.min(data.bytes),
        })
    }
}

impl Format {
    /// Reads a chunk `fmt `, in any of its lengths.
    fn from_fmt(bytes: &[u8]) -> Result<Self, AudioError> {
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u16::from_le_bytes)
        };
        let (Some(mut tag), Some(channels), Some(low), Some(high), Some(block)) =
            (number(0), number(2), number(4), number(6), number(12))
        else {
            return Err(incomplete("the description of its samples is too short"));
        };
        let rate = u32::from(high) << 16 | u32::from(low);
        let container = block.checked_div(channels).unwrap_or(0);
        let mut bits = number(14).unwrap_or(container.saturating_mul(8));
        if tag == 0xfffe {
            tag = extended_tag(bytes)?;
            bits = number(18).filter(|valid| (1..=bits).contains(valid)).unwrap_or(bits);
        }
        let law = |codec| Ok(Coding::Law(codec));
        let coding = match tag {
            1 => integers(Integers::wav(container, bits, number(14))),
            3 if container == 4 => Ok(Coding::Floats { codec: CODEC_ID_PCM_F32LE, bytes: 4 }),
            3 if container == 8 => Ok(Coding::Floats { codec: CODEC_ID_PCM_F64LE, bytes: 8 }),
            3 if bits == 32 => Ok(Coding::Floats { codec: CODEC_ID_PCM_F32LE, bytes: 4 }),
            3 if bits == 64 => Ok(Coding::Floats { codec: CODEC_ID_PCM_F64LE, bytes: 8 }),
            6 => law(CODEC_ID_PCM_ALAW),
            7 => law(CODEC_ID_PCM_MULAW),
            2 if bits == 4 => Ok(Coding::Adpcm(CODEC_ID_ADPCM_MS)),
            0x11 if bits == 4 => Ok(Coding::Adpcm(CODEC_ID_ADPCM_IMA_WAV)),
            tag => Err(AudioError::UnknownCodec { found: wave_codec(tag) }),
        }?;
        Ok(Self { coding, channels, rate, block: u64::from(block), blocks: None })
    }

    /// Reads a chunk `COMM`: channels, frames, bits, and the rate as an 80-bit float; then, in AIFC,
    /// the codec.
    fn from_comm(bytes: &[u8], is_aifc: bool) -> Result<Self, AudioError> {
        let Some(head) = bytes.first_chunk::<18>() else {
            return Err(incomplete("the description of its samples is too short"));
        };
        let channels = u16::from_be_bytes([head[0], head[1]]);
        let frames = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
        let bits = u16::from_be_bytes([head[6], head[7]]);
        let codec = match bytes.get(18..22) {
            Some(codec) if is_aifc => codec,
            _ => b"NONE",
        };
        let big = |bits: u16| integers(Integers::big_endian(bits.div_ceil(8), bits));
        let coding = match codec {
            b"NONE" | b"twos" => big(bits),
            b"in24" => big(24),
            b"in32" => big(32),
            b"sowt" => integers(Integers::little_endian(bits.div_ceil(8), bits)),
            b"raw " => Ok(Coding::Integers(Integers::UNSIGNED_BYTES)),
            b"fl32" | b"FL32" => Ok(Coding::Floats { codec: CODEC_ID_PCM_F32BE, bytes: 4 }),
            b"fl64" | b"FL64" => Ok(Coding::Floats { codec: CODEC_ID_PCM_F64BE, bytes: 8 }),
            b"alaw" | b"ALAW" => Ok(Coding::Law(CODEC_ID_PCM_ALAW)),
            b"ulaw" | b"ULAW" => Ok(Coding::Law(CODEC_ID_PCM_MULAW)),
            b"ima4" => Ok(Coding::Adpcm(CODEC_ID_ADPCM_IMA_QT)),
            other => {
                let name = String::from_utf8_lossy(other).escape_debug().to_string();
                Err(AudioError::UnknownCodec { found: format!("\"{name}\" in AIFC").into() })
            }
        }?;
        let exponent = i32::from(u16::from_be_bytes([head[8], head[9]]) & 0x7fff) - 16_383 - 63;
        let mantissa = u64::from_be_bytes(head[10..].try_into().expect("8 bytes"));
        let rate = (mantissa as f64 * 2_f64.powi(exponent)).round() as u32;
        let blocks = (frames > 0).then_some(u64::from(frames));
        Ok(Self { coding, channels, rate, block: 34 * u64::from(channels), blocks })
    }

    /// Reads a chunk `desc`: the rate as a 64-bit float, the codec, its flags, bytes and frames per
    /// packet, channels and bits.
    fn from_desc(bytes: &[u8]) -> Result<Self, AudioError> {
        let Some(head) = bytes.first_chunk::<32>() else {
            return Err(incomplete("the description of its samples is too short"));
        };
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("4 bytes"));
        let small = |at: usize| u16::try_from(number(at)).unwrap_or(u16::MAX);
        let (flags, channels, bits) = (number(12), small(24), small(28));
        let rate = f64::from_be_bytes(head[..8].try_into().expect("8 bytes")).round() as u32;
        let container = small(16).checked_div(channels).unwrap_or(0);
        let coding = match (&head[8..12], flags & 1 == 1, flags & 2 == 2) {
            (b"lpcm", false, false) => integers(Integers::big_endian(container, bits)),
            (b"lpcm", false, true) => integers(Integers::little_endian(container, bits)),
            (b"lpcm", true, is_little_endian) => {
                let codec = match (container, is_little_endian) {
                    (4, true) => CODEC_ID_PCM_F32LE,
                    (4, false) => CODEC_ID_PCM_F32BE,
                    (8, true) => CODEC_ID_PCM_F64LE,
                    (8, false) => CODEC_ID_PCM_F64BE,
                    _ => return Err(incomplete("its samples have an impossible number of bits")),
                };
                Ok(Coding::Floats { codec, bytes: u64::from(container) })
            }
            (b"alaw", ..) => Ok(Coding::Law(CODEC_ID_PCM_ALAW)),
            (b"ulaw", ..) => Ok(Coding::Law(CODEC_ID_PCM_MULAW)),
            _ => Ok(Coding::Adpcm(CODEC_ID_ADPCM_IMA_QT)),
        }?;
        Ok(Self { coding, channels, rate, block: 34 * u64::from(channels), blocks: None })
    }
}

fn integers(integers: Option<Integers>) -> Result<Coding, AudioError> {
    let integers = integers.map(Coding::Integers);
    integers.ok_or_else(|| incomplete("its samples have an impossible number of bits"))
}

/// Returns the codec of an extensible format: the start of its GUID.
fn extended_tag(bytes: &[u8]) -> Result<u16, AudioError> {
    let guid = bytes.get(24..40).ok_or_else(|| incomplete("its extension is too short"))?;
    let is_microsoft = guid[2..] == *b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    let is_ambisonic = guid[2..] == *b"\0\0\x21\x07\xd3\x11\x86\x44\xc8\xc1\xca\0\0\0";
    match is_microsoft || is_ambisonic {
        true => Ok(u16::from_le_bytes([guid[0], guid[1]])),
        false => Err(AudioError::UnknownCodec { found: "a codec of its own in WAV".into() }),
    }
}

/// Returns the number of frames in a block of ADPCM, whose head has the first frames.
fn adpcm_frames(codec: AudioCodecId, format: &Format) -> Result<u64, AudioError> {
    let channels = u64::from(format.channels);
    let (head, first) = match codec {
        CODEC_ID_ADPCM_MS => (7, 2),
        CODEC_ID_ADPCM_IMA_WAV => (4, 1),
        _ => (2, 0),
    };
    if channels > 2 {
        return Err(AudioError::UnknownCodec { found: "ADPCM with more than two channels".into() });
    }
    let nibbles = format.block.checked_sub(head * channels).map(|bytes| 2 * bytes / channels);
    let nibbles = nibbles.filter(|nibbles| *nibbles > 0);
    Ok(nibbles.ok_or_else(|| incomplete("its blocks are too short"))? + first)
}

/// Names the codecs of Microsoft's registry that occur in files.
fn wave_codec(tag: u16) -> Cow<'static, str> {
    match tag {
        0x02 | 0x11 => "ADPCM with an unusual number of bits".into(),
        0x03 => "floats of an unusual width".into(),
        0x31 => "GSM 6.10".into(),
        0x14 | 0x40 | 0x45 | 0x64 => "G.72x".into(),
        0x50 => "MP2 in WAV".into(),
        0x55 => "MP3 in WAV".into(),
        0xff | 0x1600 | 0x1610 => "AAC in WAV".into(),
        0x160..=0x163 => "WMA".into(),
        0x2000 => "AC-3".into(),
        0x2001 => "DTS".into(),
        0x566f | 0x674f..=0x6771 => "Vorbis in WAV".into(),
        tag => format!("WAV format {tag:#06x}").into(),
    }
}

fn incomplete(reason: &str) -> AudioError {
    AudioError::damaged(0.0, reason)
}
