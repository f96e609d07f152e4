//! The pieces of a speech and when they are heard.

use std::ops::Range;
use std::time::Duration;

use qwen3_tts_pipeline::Speech;

/// The pieces of a speech with their times in the audio.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    pub sample_rate: u32,
    /// Length of the audio in samples.
    pub n_samples: usize,
    pub pieces: Vec<TimedPiece>,
    /// Titles of the chapters.
    pub chapters: Vec<String>,
}

/// A piece of a text.
#[derive(Debug, Clone, Default)]
pub struct TimedPiece {
    /// Words, without marks.
    pub text: String,
    /// Preset speaker, if the request or a mark names one.
    pub speaker: Option<String>,
    /// Index of the chapter, if the piece is in one.
    pub chapter: Option<usize>,
    /// Byte range in the text as it was given.
    pub range: Range<usize>,
    /// Samples of the audio in which it is heard; empty until it is.
    pub time: Range<usize>,
}

impl Timeline {
    /// Returns the pieces of a speech, not heard yet.
    pub fn of(speech: &Speech) -> Self {
        let pieces = speech.pieces().iter().enumerate().map(|(index, piece)| TimedPiece {
            text: speech.piece_text(index).to_owned(),
            speaker: speech.piece_speaker(index).map(str::to_owned),
            chapter: speech.piece_chapter(index),
            range: piece.range.clone(),
            time: 0..0,
        });
        Self {
            sample_rate: speech.sample_rate(),
            n_samples: 0,
            pieces: pieces.collect(),
            chapters: speech.chapters().to_vec(),
        }
    }

    /// Sets the time at which a piece was heard.
    pub fn heard(&mut self, index: usize, time: Range<usize>) {
        if let Some(piece) = self.pieces.get_mut(index) {
            piece.time = time;
        }
    }

    /// Moves all samples to where effects have moved them.
    pub fn map(&mut self, position: impl Fn(usize) -> usize) {
        for piece in &mut self.pieces {
            piece.time = position(piece.time.start)..position(piece.time.end);
        }
        self.n_samples = position(self.n_samples);
    }

    /// Returns the words that name the audio: the first chapter's, else those of the first piece.
    pub fn title(&self) -> Option<&str> {
        let first = self.pieces.first().map(|piece| piece.text.as_str());
        self.chapters.first().map(String::as_str).or(first)
    }

    /// Returns the times at which the chapters begin.
    pub fn chapter_times(&self) -> Vec<Duration> {
        let time = |start| Duration::from_secs_f64(self.seconds(start));
        self.chapter_starts().into_iter().map(time).collect()
    }

    /// Returns the samples at which the chapters begin.
    pub fn chapter_starts(&self) -> Vec<usize> {
        let first = |chapter| self.pieces.iter().find(|piece| piece.chapter == Some(chapter));
        let start = |chapter| first(chapter).map_or(self.n_samples, |piece| piece.time.start);
        (0..self.chapters.len()).map(start).collect()
    }

    /// Returns the time of a sample in seconds.
    pub fn seconds(&self, sample: usize) -> f64 {
        sample as f64 / f64::from(self.sample_rate.max(1))
    }
}
