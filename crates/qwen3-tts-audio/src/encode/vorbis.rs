//! Vorbis comments, the metadata of FLAC and OGG.

use std::time::Duration;

use crate::metadata::Metadata;

/// Name of this program in a file.
pub const VENDOR: &str = concat!("qwen3-tts ", env!("CARGO_PKG_VERSION"));

/// Returns the comments. Their lengths do not depend on the times of chapters.
pub fn comments(metadata: &Metadata) -> Vec<(String, String)> {
    let fields =
        [("TITLE", &metadata.title), ("ARTIST", &metadata.voice), ("MODEL", &metadata.model)];
    let named = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.as_ref()?.to_owned())));
    let chapters = metadata.chapters.iter().enumerate().flat_map(|(index, chapter)| {
        let name = format!("CHAPTER{index:03}");
        [(name.clone(), time(chapter.start)), (format!("{name}NAME"), chapter.title.clone())]
    });
    named.chain(chapters).collect()
}

/// Returns the comments as FLAC has them in a block.
pub fn block(metadata: &Metadata) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, VENDOR);
    let comments = comments(metadata);
    bytes.extend((comments.len() as u32).to_le_bytes());
    for (name, value) in comments {
        append(&mut bytes, &format!("{name}={value}"));
    }
    bytes
}

fn append(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// Returns a time as hours, minutes, seconds and milliseconds.
fn time(time: Duration) -> String {
    let (seconds, milliseconds) = (time.as_secs(), time.subsec_millis());
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{:02}:{minutes:02}:{:02}.{milliseconds:03}", hours.min(99), seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chapter;

    #[test]
    fn chapters_have_times_and_names() {
        let start = Duration::from_millis(3_723_004);
        let chapters = [Chapter { start, title: "One".to_owned() }];
        let metadata = Metadata::default().voice("ryan").chapters(chapters);
        let found = comments(&metadata);
        let expected =
            [("ARTIST", "ryan"), ("CHAPTER000", "01:02:03.004"), ("CHAPTER000NAME", "One")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
