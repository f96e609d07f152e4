//! A request: the text, the voice, and how it is spoken and delivered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use qwen3_tts_talker::{Sampling, TextMode};

use crate::text::{PieceEnd, TextPiece};
use crate::voice::{ClonedVoice, blended_names};

/// A text to speak, with options. An option that is not set has the checkpoint's published default.
///
/// ```
/// use qwen3_tts_pipeline::SpeechRequest;
///
/// let request = SpeechRequest::new("Guten Tag!").speaker("Ryan").language("German").seed(7);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SpeechRequest {
    /// Text to speak.
    pub text: String,
    /// True if the text has marks, see [`Self::markup`]. Otherwise it is spoken as it is.
    pub markup: bool,
    /// Voice that speaks it.
    pub voice: Voice,
    /// Language of the model by name, ISO 639 code or BCP 47 tag, or `auto`. Case does not matter.
    pub language: String,
    /// Description of the voice (voice design) or manner of speaking (custom voice).
    pub instruct: Option<String>,
    /// Order of text and frames: the whole text first, or one token per frame. Default: the whole
    /// text first, but one token per frame if the voice is cloned.
    pub text_mode: Option<TextMode>,
    /// Changes to the published sampling parameters.
    pub sampling: Sampling,
    /// Seed of the random choices. The same seed gives the same speech. Default: drawn at random
    /// and reported in [`SpeechOutput::seed`](crate::SpeechOutput::seed).
    pub seed: Option<u64>,
    /// Maximum length in 80 ms frames, of each piece if the text is split. Default: the
    /// checkpoint's `max_new_tokens`.
    pub max_frames: Option<usize>,
    /// Splitting of a long text into pieces.
    pub long_text: LongText,
    /// Lengths of the chunks that the audio is delivered in.
    pub chunks: ChunkSchedule,
    /// Number of delivered but untaken chunks at which this speech pauses. 0 counts as 1.
    pub buffered_chunks: usize,
}

/// The voice that speaks.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Voice {
    /// The first speaker of a custom voice checkpoint, the described voice of a voice design
    /// checkpoint.
    #[default]
    Default,
    /// A speaker of a custom voice checkpoint by name, in upper or lower case; or a blend of several
    /// with their weights, such as `ryan:0.7,vivian:0.3`. The weights are divided by their sum; a
    /// missing one is 1. A blend speaks a dialect by itself only if all its speakers speak it.
    Speaker(String),
    /// No speaker: a custom voice checkpoint chooses the voice itself.
    Unspecified,
    /// The voice of a recording, for a base checkpoint.
    Cloned(Arc<ClonedVoice>),
}

impl Voice {
    /// Iterates over the names of the speakers of a blend, without their weights.
    ///
    /// ```
    /// use qwen3_tts_pipeline::Voice;
    ///
    /// assert!(Voice::speakers_of("ryan:0.7, vivian:0.3").eq(["ryan", "vivian"]));
    /// ```
    pub fn speakers_of(blend: &str) -> impl Iterator<Item = &str> {
        blended_names(blend)
    }
}

/// Splitting of a long text into pieces.
///
/// Each paragraph is a piece; a paragraph of more than `piece_tokens` tokens is split after
/// sentences, or if necessary after clauses or words. Each piece has the voice, language,
/// instruction and sampling of the request. Piece `i` has the seed of the request plus `i`, and
/// 2³² · `n` more at its `n`-th retry, so that each can be reproduced alone. A piece does not
/// depend on the one before: a described voice may differ between pieces, a preset or cloned voice
/// keeps its timbre.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LongText {
    /// Maximum number of text tokens in a piece. `None` speaks the text in one piece. A single word
    /// may be longer, up to 1024 tokens.
    pub piece_tokens: Option<usize>,
    /// True to make each sentence a piece. Otherwise a piece has as many sentences of a paragraph as
    /// fit.
    pub each_sentence: bool,
    /// Number of pieces spoken at the same time, if the chunks are
    /// [whole pieces](ChunkSchedule::pieces). Pieces with shorter chunks are spoken in turn.
    pub together: usize,
    /// Number of retries, each with another seed, of a runaway piece: one that does not end within
    /// three times its expected length plus 6 s. Only pieces delivered
    /// [whole](ChunkSchedule::pieces) are retried, since delivered audio cannot be taken back;
    /// others are cut off there. `None` lets pieces run to the limit of the request.
    pub retries: Option<usize>,
    /// Silence within a sentence that was split. Like the other pauses, it comes in addition to the
    /// silence that the model speaks.
    pub clause_pause: Duration,
    /// Silence after a sentence.
    pub sentence_pause: Duration,
    /// Silence after a paragraph.
    pub paragraph_pause: Duration,
    /// Indices of pieces to skip, for example those that an earlier run has spoken.
    pub skip: BTreeSet<usize>,
    /// True to deliver each [whole piece](ChunkSchedule::pieces) the moment it is complete, also
    /// before one that precedes it in the text, for a program that keeps pieces and puts them in
    /// order. At most a third of the pieces are then spoken together, so that a run that is stopped
    /// after half of its time has completed a third of them.
    pub unordered: bool,
}

/// Lengths of the chunks of a speech, in 80 ms frames.
///
/// By default the first chunk has one frame, so that it is heard soon, and each one after it is
/// twice as long, up to 16 frames, since long chunks are decoded faster. The samples do not depend
/// on the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSchedule {
    pub(super) first: usize,
    pub(super) growth: usize,
    pub(super) max: usize,
    pub(super) whole_pieces: bool,
}

/// Number of frames decoded at a time: few enough to stay in the caches, enough to be fast.
pub(crate) const DECODED_TOGETHER: usize = 16;

impl SpeechRequest {
    /// Creates a request with the published defaults.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            markup: false,
            voice: Voice::Default,
            language: "auto".to_owned(),
            instruct: None,
            text_mode: None,
            sampling: Sampling::default(),
            seed: None,
            max_frames: None,
            long_text: LongText::default(),
            chunks: ChunkSchedule::default(),
            buffered_chunks: 4,
        }
    }

    /// Reads the marks of the text.
    ///
    /// `[pause 500ms]` is exactly so much silence, in place of the pause of [`LongText`] there.
    /// `[speaker NAME]`, `[language NAME]` and `[instruct "TEXT"]` hold until `[/speaker]`,
    /// `[/language]` and `[/instruct]`, and nest. A line that begins with `#` is a heading: it is
    /// spoken and begins a [chapter](crate::Speech::chapters). A backslash before `[`, `]`, `#` or
    /// `\` makes it an ordinary character.
    ///
    /// Each part between marks is a piece of its own, or several if it is long. The ranges of pieces
    /// are those of the text with its marks. An error in a mark is [`Error::Markup`](crate::Error::Markup).
    pub fn markup(self) -> Self {
        Self { markup: true, ..self }
    }

    /// Sets the voice.
    pub fn voice(self, voice: Voice) -> Self {
        Self { voice, ..self }
    }

    /// Sets the voice to a speaker of a custom voice checkpoint, or a blend of several.
    pub fn speaker(self, name: impl Into<String>) -> Self {
        self.voice(Voice::Speaker(name.into()))
    }

    /// Sets the voice to that of a recording.
    pub fn cloned(self, voice: impl Into<Arc<ClonedVoice>>) -> Self {
        self.voice(Voice::Cloned(voice.into()))
    }

    /// Sets the language.
    pub fn language(self, name: impl Into<String>) -> Self {
        Self { language: name.into(), ..self }
    }

    /// Sets the description of the voice, or the manner of speaking.
    pub fn instruct(self, words: impl Into<String>) -> Self {
        Self { instruct: Some(words.into()), ..self }
    }

    /// Sets the order of text and frames.
    pub fn text_mode(self, text_mode: TextMode) -> Self {
        Self { text_mode: Some(text_mode), ..self }
    }

    /// Sets the changes to the published sampling parameters.
    pub fn sampling(self, sampling: Sampling) -> Self {
        Self { sampling, ..self }
    }

    /// Always chooses the most likely code.
    pub fn greedy(mut self) -> Self {
        self.sampling.greedy = true;
        self
    }

    /// Sets the seed.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Sets the maximum length in 80 ms frames.
    pub fn max_frames(self, max_frames: usize) -> Self {
        Self { max_frames: Some(max_frames), ..self }
    }

    /// Sets how a long text is split.
    pub fn long_text(self, long_text: LongText) -> Self {
        Self { long_text, ..self }
    }

    /// Sets the lengths of the chunks.
    pub fn chunks(self, chunks: ChunkSchedule) -> Self {
        Self { chunks, ..self }
    }

    /// Sets the number of untaken chunks at which the speech pauses.
    pub fn buffered_chunks(self, buffered_chunks: usize) -> Self {
        Self { buffered_chunks, ..self }
    }
}

impl Default for LongText {
    fn default() -> Self {
        Self {
            piece_tokens: Some(256),
            each_sentence: false,
            together: 8,
            retries: Some(2),
            clause_pause: Duration::from_millis(80),
            sentence_pause: Duration::from_millis(250),
            paragraph_pause: Duration::from_millis(650),
            skip: BTreeSet::new(),
            unordered: false,
        }
    }
}

impl LongText {
    /// Sets the maximum number of text tokens in a piece; `None` never splits.
    pub fn piece_tokens(self, piece_tokens: Option<usize>) -> Self {
        Self { piece_tokens, ..self }
    }

    /// Sets whether each sentence is a piece.
    pub fn each_sentence(self, each_sentence: bool) -> Self {
        Self { each_sentence, ..self }
    }

    /// Sets the number of pieces spoken at the same time.
    pub fn together(self, together: usize) -> Self {
        Self { together, ..self }
    }

    /// Sets the number of retries of a runaway piece; `None` lets pieces run away.
    pub fn retries(self, retries: Option<usize>) -> Self {
        Self { retries, ..self }
    }

    /// Sets the silence within a sentence that was split.
    pub fn clause_pause(self, clause_pause: Duration) -> Self {
        Self { clause_pause, ..self }
    }

    /// Sets the silence after a sentence.
    pub fn sentence_pause(self, sentence_pause: Duration) -> Self {
        Self { sentence_pause, ..self }
    }

    /// Sets the silence after a paragraph.
    pub fn paragraph_pause(self, paragraph_pause: Duration) -> Self {
        Self { paragraph_pause, ..self }
    }

    /// Sets the pieces to skip.
    pub fn skip(self, pieces: impl IntoIterator<Item = usize>) -> Self {
        Self { skip: pieces.into_iter().collect(), ..self }
    }

    /// Delivers each piece the moment it is complete.
    pub fn unordered(self) -> Self {
        Self { unordered: true, ..self }
    }

    /// Returns the silence between a piece and the next one.
    pub fn pause_after(&self, piece: &TextPiece) -> Duration {
        match piece.end {
            PieceEnd::Word => Duration::ZERO,
            PieceEnd::Clause => self.clause_pause,
            PieceEnd::Sentence => self.sentence_pause,
            PieceEnd::Paragraph => self.paragraph_pause,
        }
    }
}

impl Default for ChunkSchedule {
    fn default() -> Self {
        Self::growing(1, 2, DECODED_TOGETHER)
    }
}

impl ChunkSchedule {
    /// Starts with a chunk of `first` frames and makes each following one `growth` times longer,
    /// up to `max` frames. Zeros count as ones.
    pub fn growing(first: usize, growth: usize, max: usize) -> Self {
        let max = max.max(1);
        Self { first: first.clamp(1, max), growth: growth.max(1), max, whole_pieces: false }
    }

    /// Makes all chunks `frames` long.
    pub fn every(frames: usize) -> Self {
        Self::growing(frames, 1, frames)
    }

    /// Delivers each piece of the text in one chunk when the piece is complete. Pieces are then
    /// spoken together and retried, as described in [`LongText`].
    pub fn pieces() -> Self {
        Self { whole_pieces: true, ..Self::every(DECODED_TOGETHER) }
    }
}

/// The length of the chunk that is due.
pub(super) struct ChunkSizes {
    pub due: usize,
    schedule: ChunkSchedule,
}

impl ChunkSizes {
    pub fn new(schedule: ChunkSchedule) -> Self {
        Self { due: schedule.first, schedule }
    }

    pub fn advance(&mut self) {
        self.due = self.due.saturating_mul(self.schedule.growth).min(self.schedule.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(first: usize, growth: usize, max: usize) -> Vec<usize> {
        let mut sizes = ChunkSizes::new(ChunkSchedule::growing(first, growth, max));
        let next = || {
            let due = sizes.due;
            sizes.advance();
            due
        };
        std::iter::repeat_with(next).take(6).collect()
    }

    #[test]
    fn chunks_grow_up_to_the_longest() {
        assert_eq!(sizes(1, 2, 16), [1, 2, 4, 8, 16, 16]);
        assert_eq!(sizes(3, 3, 20), [3, 9, 20, 20, 20, 20]);
        assert_eq!(sizes(5, 1, 5), [5; 6]);
        assert_eq!(sizes(9, 2, 4), [4; 6]);
        assert_eq!(sizes(0, 0, 0), [1; 6]);
        assert_eq!(sizes(1, usize::MAX, usize::MAX)[1..], [usize::MAX; 5]);
    }
}
