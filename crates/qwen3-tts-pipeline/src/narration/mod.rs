//! Texts that are too long to be spoken in one go.

mod narrator;
mod script;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::text::split;
use crate::{FrameProgress, PieceEnd, Result, SpeechRequest, SpeechResult, Synthesizer, TextPiece};
pub use narrator::{Narrator, NarratorEvent};
pub use script::Script;

/// How a long text is spoken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NarrationOptions {
    /// The most tokens of text in a piece; `None` never cuts a text.
    pub piece_tokens: Option<usize>,
    /// Pieces that are spoken at the same time and share each read of the weights.
    pub together: usize,
    /// How often a piece is tried again, with another seed, that did not end in the expected span.
    /// `None` lets pieces be as long as the model makes them.
    pub retries: Option<usize>,
    /// Silence between pieces.
    pub pauses: Pauses,
}

/// Silence after pieces, besides what the model speaks of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pauses {
    /// Where a sentence was cut.
    pub clause: Duration,
    /// After a sentence.
    pub sentence: Duration,
    /// After a paragraph.
    pub paragraph: Duration,
}

impl Default for NarrationOptions {
    fn default() -> Self {
        Self { piece_tokens: Some(256), together: 8, retries: Some(2), pauses: Pauses::default() }
    }
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            clause: Duration::from_millis(80),
            sentence: Duration::from_millis(250),
            paragraph: Duration::from_millis(650),
        }
    }
}

impl Pauses {
    fn after(&self, end: PieceEnd) -> Duration {
        match end {
            PieceEnd::Word => Duration::ZERO,
            PieceEnd::Clause => self.clause,
            PieceEnd::Sentence => self.sentence,
            PieceEnd::Paragraph => self.paragraph,
        }
    }
}

/// A piece of a text, spoken.
#[derive(Debug, Clone)]
pub struct NarratedPiece {
    /// What it says.
    pub text: String,
    /// The speech; its `segment_idx` says which piece it is.
    pub speech: SpeechResult,
    /// The silence that comes after it, before the next one.
    pub pause: Duration,
    /// How often it was spoken.
    pub attempts: usize,
    /// Whether even the last attempt did not end in the expected span: it was cut there.
    pub is_runaway: bool,
}

/// A text that is spoken piece by piece: an iterator over the pieces in their order.
///
/// Every piece has the voice, language, instruction and sampling of the request. Piece `i` has the
/// request's seed plus `i`, and its `n`-th repetition 2³² · `n` more, so that any of them can be
/// spoken again alone; [`SpeechResult::seed`] has the number.
///
/// ```no_run
/// use qwen3_tts_pipeline::{LoadOptions, NarrationOptions, SpeechRequest, Synthesizer};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let model = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
/// let chapter = std::fs::read_to_string("chapter.txt").unwrap_or_default();
/// let request = SpeechRequest::new(chapter).speaker("Ryan");
/// for piece in model.narrate(&request, &NarrationOptions::default())? {
///     let piece = piece?;
///     println!("{} of speech", piece.speech.audio_duration_str());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Narration<'m> {
    narrator: Narrator<'m>,
    /// The number of the text, the only one.
    id: usize,
    script: Arc<Script>,
    finished: VecDeque<NarratedPiece>,
}

impl Synthesizer {
    /// Cuts a text into the pieces that [`Self::narrate`] speaks.
    ///
    /// Sentences are kept whole as long as they fit, then clauses, and words always. Every
    /// character of the text but space is in a piece, in its order.
    pub fn split_text(&self, text: &str, piece_tokens: usize) -> Vec<TextPiece> {
        let tokenizer = &self.planner.tokenizer;
        // What is too long to be counted is too long for any piece.
        let count = |text: &str| tokenizer.encode(text).map_or(text.len(), |ids| ids.len());
        split::split(text, piece_tokens, &count)
    }

    /// Speaks a text of any length, piece by piece.
    ///
    /// # Errors
    /// If the model cannot honour the request. What fails later comes from the narration.
    pub fn narrate(
        &self,
        request: &SpeechRequest,
        options: &NarrationOptions,
    ) -> Result<Narration<'_>> {
        let mut narrator = Narrator::new(self, options);
        let (id, script) = narrator.add(request)?;
        Ok(Narration { narrator, id, script, finished: VecDeque::new() })
    }
}

impl Narration<'_> {
    /// The pieces of the text, and what is asked for each.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Leaves pieces out, those that an earlier run has spoken for example.
    pub fn leave_out(&mut self, is_out: impl Fn(usize) -> bool) {
        self.narrator.leave_out(self.id, is_out);
    }

    /// How far the narration is.
    pub fn progress(&self) -> FrameProgress {
        FrameProgress {
            frames: self.narrator.frames(),
            expected_frames: self.script.expected_frames(),
            max_frames: usize::MAX,
        }
    }

    /// The next piece, and `progress` hears of every step meanwhile. `None` once all were given.
    ///
    /// # Errors
    /// If a piece fails, as [`Synthesizer::synthesize`]; there are no pieces after that.
    pub fn next_with(
        &mut self,
        progress: &mut dyn FnMut(FrameProgress),
    ) -> Result<Option<NarratedPiece>> {
        while self.finished.is_empty() && !self.narrator.is_empty() {
            for (_, event) in self.narrator.step() {
                match event {
                    NarratorEvent::Piece(piece) => self.finished.push_back(*piece),
                    NarratorEvent::Failed(error) => {
                        self.finished.clear();
                        return Err(error);
                    }
                    NarratorEvent::Done => {}
                }
            }
            progress(self.progress());
        }
        Ok(self.finished.pop_front())
    }
}

impl Iterator for Narration<'_> {
    type Item = Result<NarratedPiece>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_with(&mut |_| ()).transpose()
    }
}
