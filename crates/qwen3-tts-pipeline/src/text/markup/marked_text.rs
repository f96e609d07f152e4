//! A text without its marks, and what the marks say.

use std::ops::Range;
use std::time::Duration;

use super::error::MarkupError;
use super::origins::Origins;
use super::parser;
use super::sections::{Section, Setting, Style};
use crate::text::split::PieceEnd;

/// A text, with or without marks, as it is spoken.
#[derive(Debug, Clone)]
pub struct MarkedText {
    /// Text without marks and escapes.
    pub spoken: String,
    /// Silence before the first section.
    pub lead: Duration,
    /// Parts with something to speak, in the order of the text.
    pub sections: Vec<Section>,
    /// Marks that the styles of sections refer to.
    pub settings: Vec<Setting>,
    /// Titles of the chapters.
    pub chapters: Vec<String>,
    origins: Origins,
}

impl MarkedText {
    /// Takes a text as it is.
    pub fn plain(text: &str) -> Self {
        let section = Section {
            range: 0..text.len(),
            style: Style::default(),
            end: PieceEnd::Paragraph,
            pause: None,
            chapter: None,
        };
        let spoken = text.to_owned();
        Self::new(spoken, Origins::default(), vec![section])
    }

    /// Reads the marks of a text.
    pub fn parse(text: &str) -> Result<Self, MarkupError> {
        let parsed = parser::parse(text)?;
        Ok(Self {
            lead: parsed.lead,
            settings: parsed.settings,
            chapters: parsed.chapters,
            ..Self::new(parsed.spoken, parsed.origins, parsed.sections)
        })
    }

    fn new(spoken: String, origins: Origins, sections: Vec<Section>) -> Self {
        let (settings, chapters) = (Vec::new(), Vec::new());
        Self { spoken, lead: Duration::ZERO, sections, settings, chapters, origins }
    }

    /// Returns the value of a setting.
    pub fn value(&self, setting: Option<usize>) -> Option<&str> {
        setting.map(|index| self.settings[index].value.as_str())
    }

    /// Returns the range of the text with marks that a nonempty range of the spoken text comes from.
    pub fn source(&self, spoken: &Range<usize>) -> Range<usize> {
        self.origins.range(spoken)
    }
}
