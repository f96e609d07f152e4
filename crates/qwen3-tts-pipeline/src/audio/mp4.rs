//! Parts of MP4 that its demuxer leaves out: edit lists, the delay of encoders, and codes of codecs.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::source::Source;
use super::timeline::Spans;

/// Largest index in bytes: hours of audio need less than one MiB.
const MAX_INDEX: u64 = 64 << 20;
/// Largest number of parts of an edit list.
const MAX_EDITS: usize = 1000;

/// The index of a file, its box `moov`.
#[derive(Debug)]
pub struct Index {
    bytes: Vec<u8>,
    /// End of the last box in bytes.
    pub end: u64,
    /// True if the last box ends after the file.
    pub is_torn: bool,
}

impl Index {
    /// Reads the index, if the file has one.
    pub fn read(source: Source<'_>) -> io::Result<Option<Self>> {
        let mut file = source.open()?;
        let len = file.seek(SeekFrom::End(0))?;
        let (mut start, mut index) = (0, None);
        while start < len {
            file.seek(SeekFrom::Start(start))?;
            let mut head = Vec::new();
            file.by_ref().take(16).read_to_end(&mut head)?;
            let Some((head_len, box_len)) = head_of(&head) else { break };
            let end = box_len.map_or(len, |box_len| start.saturating_add(box_len));
            if head[4..8] == *b"moov" && index.is_none() {
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(start.saturating_add(head_len)))?;
                let contents = end.saturating_sub(start).saturating_sub(head_len);
                file.by_ref().take(contents.min(MAX_INDEX)).read_to_end(&mut bytes)?;
                index = Some(bytes);
            }
            start = end;
        }
        Ok(index.map(|bytes| Self { bytes, end: start, is_torn: start > len }))
    }

    /// Returns the code of the codec of a track.
    pub fn codec(&self, track_id: u32) -> Option<[u8; 4]> {
        let stbl = find(find(find(self.track(track_id)?, b"mdia")?, b"minf")?, b"stbl")?;
        // Version and flags, number of entries, size of the first one.
        find(stbl, b"stsd")?.get(12..16)?.try_into().ok()
    }

    /// Returns the parts of a track that are to be heard, in ticks of the track.
    ///
    /// # Errors
    /// Returns an error if they are not in the order of the track.
    pub fn spans(&self, track_id: u32) -> Result<Option<Spans>, &'static str> {
        let Some((ticks, edits)) = self.edits(track_id) else { return Ok(self.encoder_spans()) };
        let is_sorted = edits.is_sorted_by(|a, b| a.end <= b.start);
        if !is_sorted || edits.len() > MAX_EDITS {
            return Err("audio that an edit list repeats, reorders or cuts into very many parts");
        }
        Ok((!edits.is_empty()).then_some(Spans { ticks, parts: edits }))
    }

    fn track(&self, track_id: u32) -> Option<&[u8]> {
        let mut tracks = boxes(&self.bytes).filter(|(name, _)| name == b"trak");
        let is_wanted = |track: &[u8]| {
            let head = find(track, b"tkhd")?;
            let at = if head.first()? == &1 { 20 } else { 12 };
            Some(number(head, at, 4)? == u64::from(track_id))
        };
        tracks.find(|(_, track)| is_wanted(track) == Some(true)).map(|(_, track)| track)
    }

    /// Returns the ticks per second of a track, and its edits without those that are empty.
    fn edits(&self, track_id: u32) -> Option<(u32, Vec<Range<u64>>)> {
        let track = self.track(track_id)?;
        let list = find(find(track, b"edts")?, b"elst")?;
        let movie_ticks = ticks(find(&self.bytes, b"mvhd")?)?;
        let track_ticks = ticks(find(find(track, b"mdia")?, b"mdhd")?)?;
        let width = if list.first()? == &1 { 8 } else { 4 };
        let entries = list.get(8..)?.chunks_exact(2 * width + 4);
        let edits = entries.filter_map(|entry| {
            let duration = number(entry, 0, width)?;
            let start = number(entry, width, width)?;
            // A start of −1 is a pause, a rate of 0 a still picture.
            let is_empty = start >> (8 * width - 1) == 1 || number(entry, 2 * width, 2)? == 0;
            let ticks = u128::from(duration) * u128::from(track_ticks) / u128::from(movie_ticks);
            let end = start.saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX));
            (!is_empty).then_some(start..if duration == 0 { u64::MAX } else { end })
        });
        Some((track_ticks, edits.collect()))
    }

    /// Returns the part between the delay and the padding of an encoder that iTunes' tag gives: in
    /// hexadecimal, zero, the delay, the padding and the length in samples.
    fn encoder_spans(&self) -> Option<Spans> {
        let at = position(&self.bytes, b"iTunSMPB")?;
        let rest = &self.bytes[at..];
        let text = rest.get(position(rest, b"data")? + 12..)?;
        let text = String::from_utf8_lossy(text.get(..text.len().min(64))?);
        let mut numbers = text.split_whitespace().map(|word| u64::from_str_radix(word, 16).ok());
        let (_, delay, _, samples) =
            (numbers.next()??, numbers.next()??, numbers.next()??, numbers.next()??);
        let track = boxes(&self.bytes).find(|(name, _)| name == b"trak")?.1;
        let ticks = ticks(find(find(track, b"mdia")?, b"mdhd")?)?;
        Some(Spans::part(delay..delay.checked_add(samples)?, ticks))
    }
}

/// Returns the ticks per second of a box `mvhd` or `mdhd`.
fn ticks(head: &[u8]) -> Option<u32> {
    let at = if head.first()? == &1 { 20 } else { 12 };
    let ticks = u32::try_from(number(head, at, 4)?).ok()?;
    (ticks > 0).then_some(ticks)
}

/// Returns the boxes of a box, name and contents each.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (head_len, len) = head_of(bytes)?;
        let name = bytes[4..8].try_into().ok()?;
        let len = len
            .map_or(bytes.len(), |len| bytes.len().min(usize::try_from(len).unwrap_or(usize::MAX)));
        let (this, rest) = bytes.split_at(len);
        bytes = rest;
        Some((name, this.get(head_len as usize..).unwrap_or_default()))
    })
}

fn find<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(found, _)| found == name).map(|(_, contents)| contents)
}

/// Returns the length of the head of the box that `bytes` start with, and of the whole box unless
/// it reaches to the end of the file.
fn head_of(bytes: &[u8]) -> Option<(u64, Option<u64>)> {
    bytes.get(4..8)?;
    let (head, len) = match number(bytes, 0, 4)? {
        0 => (8, None),
        1 => (16, Some(number(bytes, 8, 8)?)),
        len => (8, Some(len)),
    };
    (len.is_none_or(|len| len >= head)).then_some((head, len))
}

/// Returns a big-endian number of `width` bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Names a codec that is not decoded, by its code.
pub fn codec_name(code: [u8; 4]) -> Option<Cow<'static, str>> {
    let name = match &code {
        b"samr" | b"sawb" | b"sawp" => "AMR",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"ac-4" => "AC-4",
        b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" => "DTS",
        b"Qclp" | b"sqcp" => "QCELP",
        b"sevc" => "EVRC",
        b"agsm" => "GSM 6.10",
        b"QDM2" | b"QDMC" => "QDesign Music",
        b"MAC3" | b"MAC6" => "MACE",
        b"mha1" | b"mhm1" => "MPEG-H",
        // AAC says itself what is wrong; the others are no audio.
        b"mp4a" | b"avc1" | b"hvc1" | b"hev1" | b"mp4v" | b"jpeg" | b"tx3g" | b"text" => {
            return None;
        }
        other => return Some(format!("\"{}\" in MP4", other.escape_ascii()).into()),
    };
    Some(name.into())
}
