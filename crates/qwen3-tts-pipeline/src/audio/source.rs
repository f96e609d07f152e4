//! The bytes of a recording, which can be read more than once.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// Largest recording in bytes that is read from a pipe, which has to be kept in memory.
const MAX_PIPED_BYTES: u64 = 1 << 30;

/// The bytes of a recording.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    Bytes(&'a [u8]),
    /// A regular file.
    File(&'a File),
}

impl<'a> Source<'a> {
    /// Returns a reader at the first byte.
    pub fn open(self) -> io::Result<Reader<'a>> {
        Ok(match self {
            Self::Bytes(bytes) => Reader::new(Cursor::new(bytes), bytes.len() as u64),
            Self::File(file) => Reader::new(file, file.metadata()?.len()),
        })
    }

    /// Returns the first bytes, at most `n`.
    pub fn head(self, n: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.open()?.take(n as u64).read_to_end(&mut head)?;
        Ok(head)
    }
}

/// Reads a pipe to its end.
pub fn read_pipe(pipe: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(MAX_PIPED_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_PIPED_BYTES {
        let limit = MAX_PIPED_BYTES >> 20;
        return Err(io::Error::other(format!(
            "it is longer than {limit} MiB, the limit for pipes: store it in a file"
        )));
    }
    Ok(bytes)
}

trait ReadSeek: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> ReadSeek for T {}

/// A reader of a recording, and the length that a demuxer is told.
pub struct Reader<'a> {
    bytes: Box<dyn ReadSeek + 'a>,
    /// Position in bytes. That of a file belongs to all of its readers.
    at: u64,
    /// Length in bytes; without one, the recording is a stream without an end.
    len: Option<u64>,
}

impl<'a> Reader<'a> {
    fn new(bytes: impl ReadSeek + 'a, len: u64) -> Self {
        Self { bytes: Box::new(bytes), at: 0, len: Some(len) }
    }
}

impl Reader<'_> {
    /// Claims to have at least `len` bytes: demuxers refuse a box whose end is missing.
    pub fn with_len(self, len: u64) -> Self {
        Self { len: self.len.map(|known| known.max(len)), ..self }
    }

    /// Claims to be a stream, so that a demuxer does not look for an index at the end.
    pub fn without_end(self) -> Self {
        Self { len: None, ..self }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.seek(SeekFrom::Start(self.at))?;
        let n = self.bytes.read(buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(delta) => self.at.checked_add_signed(delta),
            SeekFrom::End(delta) => self.len.and_then(|len| len.checked_add_signed(delta)),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl MediaSource for Reader<'_> {
    fn is_seekable(&self) -> bool {
        self.len.is_some()
    }

    fn byte_len(&self) -> Option<u64> {
        self.len
    }
}
