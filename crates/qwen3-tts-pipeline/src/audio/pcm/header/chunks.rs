//! The chunks of a file.

use std::io::{self, Read, Seek, SeekFrom};

/// Largest description of samples in bytes that is read.
const MAX_FORMAT: u64 = 1 << 10;
/// Largest number of chunks before the samples.
const MAX_CHUNKS: usize = 10_000;
/// Size of the samples in bytes from which a header means "unknown": programs that write into a
/// pipe claim this or more.
const UNKNOWN_BYTES: u64 = 0x7fff_0000;

/// The chunks that matter.
#[derive(Debug, Default)]
pub struct Chunks {
    pub family: Family,
    pub is_aifc: bool,
    /// Contents of the chunk `fmt `, `COMM` or `desc`.
    pub format: Option<Vec<u8>>,
    pub data: Option<Data>,
}

/// Place of the samples.
#[derive(Debug, Clone, Copy)]
pub struct Data {
    /// Position of the first one in bytes.
    pub start: u64,
    /// Number of bytes that are there.
    pub bytes: u64,
    /// Number of bytes that the header gives, if it is known.
    pub promised: Option<u64>,
}

/// How chunks are written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Family {
    /// A tag and a size in 32 bits, little-endian.
    #[default]
    Riff,
    /// A GUID that starts with the tag, and a size in 64 bits that counts both.
    Wave64,
    /// A tag and a size in 32 bits, big-endian.
    Aiff,
    /// A tag and a size in 64 bits, big-endian.
    Caf,
}

struct Chunk {
    tag: [u8; 4],
    start: u64,
    len: u64,
}

impl Chunks {
    /// Finds the chunks of a file whose first bytes are known.
    pub fn read(stream: &mut (impl Read + Seek)) -> io::Result<Self> {
        let file_len = stream.seek(SeekFrom::End(0))?;
        let head = read_at(stream, 0, 12)?;
        let (family, mut at) = match head.get(..4) {
            Some(b"riff") => (Family::Wave64, 40),
            Some(b"FORM") => (Family::Aiff, 12),
            Some(b"caff") => (Family::Caf, 8),
            _ => (Family::Riff, 12),
        };
        let mut chunks = Self { family, is_aifc: head.ends_with(b"AIFC"), ..Self::default() };
        // The size of the samples in an RF64 file.
        let mut long_len = None;
        for _ in 0..MAX_CHUNKS {
            let Some(chunk) = Chunk::read(stream, family, at)? else { break };
            match &chunk.tag {
                b"ds64" => {
                    let sizes = read_at(stream, chunk.start + 8, 8)?;
                    long_len = sizes.try_into().ok().map(u64::from_le_bytes);
                }
                b"fmt " | b"COMM" | b"desc" if chunks.format.is_none() => {
                    let bytes = read_at(stream, chunk.start, chunk.len.min(MAX_FORMAT))?;
                    chunks.format = Some(bytes);
                }
                b"data" if chunks.data.is_none() && family == Family::Caf => {
                    // A number of edits comes before the samples; a size of −1 means "unknown".
                    let len = chunk.len.saturating_sub(4);
                    chunks.data = Some(Data::find(stream, chunk.start + 4, len, file_len)?);
                }
                b"data" if chunks.data.is_none() => {
                    let len = long_len.filter(|_| chunk.len == u64::from(u32::MAX));
                    let len = len.unwrap_or(chunk.len);
                    chunks.data = Some(Data::find(stream, chunk.start, len, file_len)?);
                }
                b"SSND" if chunks.data.is_none() => {
                    chunks.data = Some(Data::after_offset(stream, &chunk, file_len)?);
                }
                _ => (),
            }
            let is_complete = chunks.format.is_some() && chunks.data.is_some();
            let Some(end) = chunk.start.checked_add(chunk.len).filter(|end| *end < file_len) else {
                break;
            };
            if is_complete {
                break;
            }
            at = family.next(stream, end)?;
        }
        Ok(chunks)
    }
}

impl Family {
    /// Returns the position of the chunk after one that ends at `end`.
    fn next(self, stream: &mut (impl Read + Seek), end: u64) -> io::Result<u64> {
        let padded = match self {
            Self::Wave64 => end.next_multiple_of(8),
            Self::Riff | Self::Aiff => end.next_multiple_of(2),
            Self::Caf => end,
        };
        // Some programs forget the padding.
        let is_tag =
            |bytes: &[u8]| bytes.len() == 4 && bytes.iter().all(|b| (b' '..=b'~').contains(b));
        let is_forgotten = padded != end
            && !is_tag(&read_at(stream, padded, 4)?)
            && is_tag(&read_at(stream, end, 4)?);
        Ok(if is_forgotten { end } else { padded })
    }
}

impl Chunk {
    fn read(stream: &mut (impl Read + Seek), family: Family, at: u64) -> io::Result<Option<Self>> {
        let head_len = match family {
            Family::Riff | Family::Aiff => 8,
            Family::Caf => 12,
            Family::Wave64 => 24,
        };
        let head = read_at(stream, at, head_len)?;
        if head.len() as u64 != head_len {
            return Ok(None);
        }
        let tag = head[..4].try_into().expect("4 bytes");
        let short = || head[4..8].try_into().expect("4 bytes");
        let long = || head[head.len() - 8..].try_into().expect("8 bytes");
        let len = match family {
            Family::Riff => u64::from(u32::from_le_bytes(short())),
            Family::Aiff => u64::from(u32::from_be_bytes(short())),
            Family::Caf => u64::from_be_bytes(long()),
            Family::Wave64 => u64::from_le_bytes(long()).saturating_sub(24),
        };
        Ok(Some(Self { tag, start: at.saturating_add(head_len), len }))
    }
}

impl Data {
    /// Finds samples that begin at `start`, of which there should be `len` bytes.
    fn find(
        stream: &mut (impl Read + Seek),
        start: u64,
        len: u64,
        file_len: u64,
    ) -> io::Result<Self> {
        let rest = file_len.saturating_sub(start);
        let is_open = match len {
            // Without samples, there may be chunks; without a size, there are samples.
            0 => !is_known(&read_at(stream, start, 4)?),
            _ => len > rest && len >= UNKNOWN_BYTES,
        };
        Ok(match is_open {
            true => Self { start, bytes: rest, promised: None },
            false => Self { start, bytes: len.min(rest), promised: Some(len) },
        })
    }

    /// Finds the samples of AIFF: an offset and a block size come before them.
    fn after_offset(
        stream: &mut (impl Read + Seek),
        chunk: &Chunk,
        file_len: u64,
    ) -> io::Result<Self> {
        let offset = read_at(stream, chunk.start, 4)?;
        let offset = offset.try_into().map_or(0, u32::from_be_bytes);
        let head = u64::from(offset) + 8;
        Self::find(stream, chunk.start + head, chunk.len.saturating_sub(head), file_len)
    }
}

/// True for the tags of chunks that follow samples.
fn is_known(tag: &[u8]) -> bool {
    const KNOWN: [&[u8]; 14] = [
        b"LIST", b"fact", b"cue ", b"bext", b"iXML", b"smpl", b"PEAK", b"JUNK", b"junk", b"id3 ",
        b"ID3 ", b"plst", b"afsp", b"inst",
    ];
    tag.is_empty() || KNOWN.contains(&tag)
}

/// Reads up to `n` bytes at a position.
fn read_at(stream: &mut (impl Read + Seek), at: u64, n: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.seek(SeekFrom::Start(at))?;
    stream.take(n).read_to_end(&mut bytes)?;
    Ok(bytes)
}
