//! ID3 tags, the metadata of MP3 and AAC.

use std::time::Duration;

use crate::metadata::{Chapter, Metadata};

/// Encoding of texts: UTF-8.
const UTF8: u8 = 3;
/// Flags of the table of contents: the only one, in order.
const TOP_AND_ORDERED: u8 = 3;
/// A position in bytes that is not used.
const UNUSED: u32 = u32::MAX;

/// Returns the tag of a file of this duration, nothing without metadata. Its size does not depend on
/// times.
pub fn tag(metadata: &Metadata, duration: Duration) -> Vec<u8> {
    let mut frames = Vec::new();
    for (id, text) in [("TIT2", &metadata.title), ("TPE1", &metadata.voice)] {
        if let Some(text) = text {
            frames.extend(frame(id, &[&[UTF8], text.as_bytes()]));
        }
    }
    if let Some(model) = &metadata.model {
        frames.extend(frame("TXXX", &[&[UTF8], b"model\0", model.as_bytes()]));
    }
    let ends = metadata.chapters.iter().skip(1).map(|chapter| chapter.start);
    let chapters = metadata.chapters.iter().zip(ends.chain([duration])).enumerate();
    for (index, (chapter, end)) in chapters {
        frames.extend(chapter_frame(index, chapter, end));
    }
    frames.extend(contents(metadata.chapters.len()));
    if frames.is_empty() {
        return frames;
    }
    [b"ID3\x04\0\0", &size(frames.len())[..], &frames].concat()
}

fn chapter_frame(index: usize, chapter: &Chapter, end: Duration) -> Vec<u8> {
    let milliseconds = |time: Duration| (time.as_millis() as u32).to_be_bytes();
    let title = frame("TIT2", &[&[UTF8], chapter.title.as_bytes()]);
    frame(
        "CHAP",
        &[
            name(index).as_bytes(),
            &milliseconds(chapter.start),
            &milliseconds(end.max(chapter.start)),
            &UNUSED.to_be_bytes(),
            &UNUSED.to_be_bytes(),
            &title,
        ],
    )
}

/// Returns the table of contents, which has room for 255 chapters.
fn contents(n_chapters: usize) -> Vec<u8> {
    let n_listed = n_chapters.min(255);
    if n_listed == 0 {
        return Vec::new();
    }
    let names: String = (0..n_listed).map(name).collect();
    frame("CTOC", &[b"toc\0", &[TOP_AND_ORDERED, n_listed as u8], names.as_bytes()])
}

fn name(index: usize) -> String {
    format!("ch{index}\0")
}

fn frame(id: &str, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [id.as_bytes(), &size(content.len()), &[0, 0], &content].concat()
}

/// Returns a size in four bytes of 7 bits.
fn size(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_seven_bits_a_byte() {
        assert_eq!(size(0x3fff + 1), [0, 1, 0, 0]);
        let tag = tag(&Metadata::default().title("Grüße"), Duration::ZERO);
        assert_eq!(tag, *"ID3\u{4}\0\0\0\0\0\u{12}TIT2\0\0\0\u{8}\0\0\u{3}Grüße".as_bytes());
        assert!(super::tag(&Metadata::default(), Duration::ZERO).is_empty());
    }
}
