//! The pieces of a text, with the seed, the limit and the pause of each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::plan::{FRAMES_PER_TOKEN, Part, Plan, Planner, check_text, random_seed, refuse};
use super::request::SpeechRequest;
use crate::error::Result;
use crate::text::{PieceEnd, TextPiece, split};

/// A request and the pieces that its text is spoken in.
pub(super) struct Script {
    pub request: Arc<SpeechRequest>,
    /// Seed of the request, the base of the seeds of its pieces.
    pub seed: u64,
    /// Pieces of the text, at least one.
    pub pieces: Arc<[TextPiece]>,
    /// Number of frames expected from the length of the text.
    pub expected_frames: usize,
    /// Frame limit of the checkpoint.
    longest: usize,
}

/// A runaway speech takes this many times its expected length, plus [`PATIENCE`].
const SLOWEST: f64 = 3.0;
/// Number of frames that even the shortest text may take: 6 s.
const PATIENCE: usize = 75;

/// Maximum number of tokens of a word that is longer than the pieces of its text. The time to
/// attend to a prompt is quadratic in its length, and other requests wait for it.
const MAX_WORD_TOKENS: usize = 1024;

impl Script {
    /// Splits the text of a request and checks that the model can honour it.
    pub fn new(planner: &Planner, request: SpeechRequest) -> Result<Self> {
        check_text(&request.text)?;
        let pieces = pieces(planner, &request)?;
        let script = Self {
            seed: request.seed.unwrap_or_else(random_seed),
            expected_frames: expected_frames(&pieces, &request.long_text.skip),
            pieces: pieces.into(),
            longest: planner.generation.max_new_tokens,
            request: Arc::new(request),
        };
        // Pieces differ in their text alone, and the longest is the hardest to honour.
        let longest = (0..script.pieces.len()).max_by_key(|&index| script.pieces[index].tokens);
        script.plan(planner, longest.unwrap_or(0), 0)?;
        Ok(script)
    }

    /// Plans a piece as it is spoken at its `retry`-th retry.
    pub fn plan(&self, planner: &Planner, index: usize, retry: usize) -> Result<Plan> {
        let part = Part {
            text: &self.request.text[self.pieces[index].range.clone()],
            seed: self.seed.wrapping_add(index as u64).wrapping_add((retry as u64) << 32),
            max_frames: self.request.max_frames.or(self.span(index)),
        };
        planner.plan(&self.request, part)
    }

    /// Returns the silence after a piece; there is none after the last one.
    pub fn pause(&self, index: usize) -> Duration {
        let is_last = index + 1 >= self.pieces.len();
        match is_last {
            true => Duration::ZERO,
            false => self.request.long_text.pause_after(self.pieces[index].end),
        }
    }

    /// Returns the number of frames within which a piece ends unless it runs away. `None` if that
    /// is not checked: the request has a frame limit or wants no retries, or the limit of the
    /// checkpoint is lower.
    pub fn span(&self, index: usize) -> Option<usize> {
        let is_checked =
            self.request.long_text.retries.is_some() && self.request.max_frames.is_none();
        let expected = self.pieces[index].tokens as f64 * FRAMES_PER_TOKEN;
        let span = (expected * SLOWEST) as usize + PATIENCE;
        (is_checked && span < self.longest).then_some(span)
    }

    /// Returns true if a runaway piece may be spoken again after `attempts` attempts.
    pub fn may_retry(&self, attempts: usize) -> bool {
        let retries = self.request.long_text.retries;
        // Greedy decoding gives the same codes with every seed.
        self.request.chunks.whole_pieces
            && attempts <= retries.unwrap_or(0)
            && !self.request.sampling.is_greedy()
    }

    /// Returns the number of pieces that may be spoken at the same time.
    pub fn together(&self) -> usize {
        match self.request.chunks.whole_pieces {
            true => self.request.long_text.together.max(1),
            false => 1,
        }
    }
}

/// Returns the number of frames expected of the pieces that are not skipped.
fn expected_frames(pieces: &[TextPiece], skip: &BTreeSet<usize>) -> usize {
    let spoken = pieces.iter().enumerate().filter(|(index, _)| !skip.contains(index));
    let tokens: usize = spoken.map(|(_, piece)| piece.tokens).sum();
    (tokens as f64 * FRAMES_PER_TOKEN).ceil() as usize
}

fn pieces(planner: &Planner, request: &SpeechRequest) -> Result<Vec<TextPiece>> {
    let budget = request.long_text.piece_tokens;
    let pieces =
        split_text(planner, &request.text, &request.language, budget.unwrap_or(usize::MAX))?;
    if let Some(budget) = budget {
        check_words(&request.text, &pieces, budget.max(MAX_WORD_TOKENS))?;
    }
    if pieces.len() > 1 && budget.is_some() {
        return Ok(pieces);
    }
    // A single piece is the text as it is, with the space around it.
    let tokens = pieces.iter().map(|piece| piece.tokens).sum();
    Ok(vec![TextPiece { range: 0..request.text.len(), end: PieceEnd::Paragraph, tokens }])
}

/// Refuses pieces of more than `most` tokens: each is a single word.
fn check_words(text: &str, pieces: &[TextPiece], most: usize) -> Result<()> {
    let Some(piece) = pieces.iter().find(|piece| piece.tokens > most) else { return Ok(()) };
    let start: String = text[piece.range.clone()].chars().take(20).collect();
    let at = piece.range.start;
    Err(refuse(format!(
        "the word at byte {at} of the text, {start:?}…, is too long for a prompt; expected at most \
         {most} tokens: split it with spaces, or leave it out"
    )))
}

/// Splits a text into pieces of at most `budget` tokens.
pub(super) fn split_text(
    planner: &Planner,
    text: &str,
    language: &str,
    budget: usize,
) -> Result<Vec<TextPiece>> {
    let language = planner.language(language)?;
    let tokenizer = &planner.tokenizer;
    // A text that is too long to be tokenised is too long for any piece.
    let count = |text: &str| tokenizer.encode(text).map_or(text.len(), |ids| ids.len());
    Ok(split::split(text, language, budget, &count))
}
