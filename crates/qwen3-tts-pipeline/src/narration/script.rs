//! What is to be said: the pieces of a text, and what is asked for each.

use std::time::Duration;

use super::NarrationOptions;
use crate::request::{FRAMES_PER_TOKEN, random_seed};
use crate::{PieceEnd, Result, SpeechRequest, Synthesizer, TextPiece};

/// A text, cut into the pieces that are spoken one by one.
///
/// Every piece has the voice, language, instruction and sampling of the request. Piece `i` has the
/// request's seed plus `i`, and its `n`-th repetition 2³² · `n` more, so that any of them can be
/// spoken again alone.
#[derive(Debug, Clone)]
pub struct Script {
    request: SpeechRequest,
    options: NarrationOptions,
    seed: u64,
    pieces: Vec<TextPiece>,
    /// Frames that a piece has at most, whatever it says.
    longest: usize,
}

/// Speech that takes so many times longer than expected, and [`PATIENCE`] more, has run away.
const SLOWEST: f64 = 3.0;
/// Frames that even the shortest text may take: 6 s.
const PATIENCE: usize = 75;

impl Synthesizer {
    /// How a text of any length is spoken.
    ///
    /// # Errors
    /// If the model cannot honour the request.
    pub fn script(&self, request: &SpeechRequest, options: &NarrationOptions) -> Result<Script> {
        let budget = options.piece_tokens.unwrap_or(usize::MAX);
        let mut pieces = self.split_text(&request.text, budget);
        if pieces.len() < 2 || options.piece_tokens.is_none() {
            // One piece is the text as it is, with the space around it.
            let tokens = pieces.iter().map(|piece| piece.tokens).sum();
            pieces =
                vec![TextPiece { range: 0..request.text.len(), end: PieceEnd::Paragraph, tokens }];
        }
        let script = Script {
            seed: request.seed.unwrap_or_else(random_seed),
            request: request.clone(),
            options: *options,
            pieces,
            longest: self.planner.generation.max_new_tokens,
        };
        // Pieces differ in their text alone, and the longest is the hardest to honour.
        let longest = (0..script.len()).max_by_key(|&index| script.pieces[index].tokens);
        self.check(&script.request(longest.unwrap_or(0), 0))?;
        Ok(script)
    }
}

impl Script {
    /// The pieces of the text.
    pub fn pieces(&self) -> &[TextPiece] {
        &self.pieces
    }

    /// How many pieces there are, at least one.
    #[expect(clippy::len_without_is_empty, reason = "it never is empty")]
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The text of a piece.
    pub fn text(&self, index: usize) -> &str {
        &self.request.text[self.pieces[index].range.clone()]
    }

    /// The seed that the seeds of the pieces count from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The silence after a piece; there is none after the last.
    pub fn pause(&self, index: usize) -> Duration {
        let is_last = index + 1 >= self.pieces.len();
        if is_last { Duration::ZERO } else { self.options.pauses.after(self.pieces[index].end) }
    }

    /// The request for one piece alone, as it is spoken with the `attempt`-th seed.
    pub fn request(&self, index: usize, attempt: usize) -> SpeechRequest {
        let piece_seed = self.seed.wrapping_add(index as u64);
        SpeechRequest {
            text: self.text(index).to_owned(),
            seed: Some(piece_seed.wrapping_add((attempt as u64) << 32)),
            max_frames: self.request.max_frames.or(self.span(index)),
            ..self.request.clone()
        }
    }

    /// The frames within which a piece ends, unless it runs away; none where that is not looked
    /// at: the caller set a limit, or wants no retries, or the model's own limit comes first.
    pub fn span(&self, index: usize) -> Option<usize> {
        let is_wanted = self.options.retries.is_some() && self.request.max_frames.is_none();
        let expected = self.pieces[index].tokens as f64 * FRAMES_PER_TOKEN;
        let span = (expected * SLOWEST) as usize + PATIENCE;
        (is_wanted && span < self.longest).then_some(span)
    }

    /// Whether a piece may be tried again after so many attempts.
    pub(super) fn may_retry(&self, attempts: usize) -> bool {
        // Without a choice among the codes, another seed changes nothing.
        attempts <= self.options.retries.unwrap_or(0) && !self.request.sampling.greedy
    }

    /// Frames that the text will take, as a guess from its length.
    pub fn expected_frames(&self) -> usize {
        let tokens: usize = self.pieces.iter().map(|piece| piece.tokens).sum();
        (tokens as f64 * FRAMES_PER_TOKEN).ceil() as usize
    }
}
