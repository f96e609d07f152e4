//! The sections of a text: runs of one speaker, language and instruction without a pause in them.

use std::ops::Range;
use std::time::Duration;

use super::mark::Kind;
use crate::text::split::PieceEnd;

/// A part of a text that is spoken in one manner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Byte range in the spoken text.
    pub range: Range<usize>,
    /// Manner of speaking.
    pub style: Style,
    /// The largest unit of text that ends with the section.
    pub end: PieceEnd,
    /// Silence after the section, if a mark sets it.
    pub pause: Option<Duration>,
    /// Index of the chapter that the section is in; `None` before the first heading.
    pub chapter: Option<usize>,
}

/// The marks that hold for a section, as indices of [`Setting`]s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Style {
    pub speaker: Option<usize>,
    pub language: Option<usize>,
    pub instruct: Option<usize>,
}

/// A mark that changes the manner of speaking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub kind: Kind,
    pub value: String,
    /// Byte of the mark in the text that has it.
    pub place: usize,
}

impl Style {
    /// Returns the style after the mark with index `setting`.
    pub fn with(mut self, kind: Kind, setting: usize) -> Self {
        let place = match kind {
            Kind::Speaker => &mut self.speaker,
            Kind::Language => &mut self.language,
            Kind::Instruct => &mut self.instruct,
        };
        *place = Some(setting);
        self
    }
}

/// Adds a section of `text` to those before it. One without letters and digits, such as the full stop
/// after a mark, cannot be spoken alone: it joins the section before it, or one after it from which no
/// pause separates it.
pub fn push(text: &str, sections: &mut Vec<Section>, section: Section) {
    let is_silent =
        |section: &Section| !text[section.range.clone()].chars().any(char::is_alphanumeric);
    let last = sections.last_mut();
    match last.filter(|last| last.chapter == section.chapter) {
        Some(last) if is_silent(&section) => last.range.end = section.range.end,
        Some(last) if is_silent(last) && last.pause.is_none() => {
            *last = Section { range: last.range.start..section.range.end, ..section };
        }
        _ => sections.push(section),
    }
}
