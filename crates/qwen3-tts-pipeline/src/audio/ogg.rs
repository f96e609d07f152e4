//! The end of a stream as OGG states it, which its demuxer leaves out.

use std::io::{self, Read, Seek, SeekFrom};

use super::source::Source;

/// Size in bytes of the header of a page, without its table of segments.
const HEADER: usize = 27;
/// Size of the largest page in bytes.
const MAX_PAGE: u64 = 65_307;

/// Returns the position at the end of the last page, in the ticks of its codec, if that page belongs
/// to the stream `serial`. A page that is lost in between does not change it.
pub fn end(source: Source<'_>, serial: u32) -> io::Result<Option<u64>> {
    let mut file = source.open()?;
    let len = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(len.saturating_sub(MAX_PAGE)))?;
    let mut tail = Vec::new();
    file.take(MAX_PAGE).read_to_end(&mut tail)?;
    let mut pages = tail.windows(HEADER).filter(|page| page.starts_with(b"OggS\0"));
    let Some(page) = pages.next_back() else { return Ok(None) };
    let granule = u64::from_le_bytes(page[6..14].try_into().expect("8 bytes"));
    let is_wanted = page[14..18] == serial.to_le_bytes() && granule != u64::MAX;
    Ok(is_wanted.then_some(granule))
}
