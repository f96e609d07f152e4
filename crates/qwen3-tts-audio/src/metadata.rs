//! Metadata of a file.

use std::time::Duration;

/// Metadata, which a file holds if its format has a place for it: FLAC, MP3 and Opus do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metadata {
    /// Title.
    pub title: Option<String>,
    /// Name of the voice.
    pub voice: Option<String>,
    /// Name of the model.
    pub model: Option<String>,
    /// Chapters in ascending order.
    pub chapters: Vec<Chapter>,
}

/// Chapter of a file, which reaches to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Time at which it begins.
    pub start: Duration,
    /// Title.
    pub title: String,
}

impl Metadata {
    /// Sets the title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the name of the voice.
    pub fn voice(mut self, voice: impl Into<String>) -> Self {
        self.voice = Some(voice.into());
        self
    }

    /// Sets the name of the model.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets the chapters.
    pub fn chapters(mut self, chapters: impl IntoIterator<Item = Chapter>) -> Self {
        self.chapters = chapters.into_iter().collect();
        self
    }

    /// Sets the beginnings of the chapters. Chapters without one begin where they did.
    pub(crate) fn move_chapters(&mut self, starts: &[Duration]) {
        for (chapter, start) in self.chapters.iter_mut().zip(starts) {
            chapter.start = *start;
        }
    }
}
