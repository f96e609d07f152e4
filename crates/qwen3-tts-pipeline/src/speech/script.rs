//! The pieces of a text, with the seed, the limit and the pause of each.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::plan::{FRAMES_PER_TOKEN, Manner, Part, Plan, Planner, check_text, random_seed};
use super::request::{SpeechRequest, Voice};
use crate::error::{Error, Result};
use crate::text::markup::{MarkedText, MarkupError, Section, Style, position};
use crate::text::split::{self, Sizes};
use crate::text::{PieceEnd, TextPiece};

/// A request and the pieces that its text is spoken in.
pub(super) struct Script {
    pub request: Arc<SpeechRequest>,
    /// Text as it is spoken, and its sections.
    pub text: Arc<MarkedText>,
    /// Seed of the request, the base of the seeds of its pieces.
    pub seed: u64,
    /// Pieces of the text, at least one.
    pub pieces: Arc<[TextPiece]>,
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
        let text = check_marks(planner, &request)?;
        let pieces = pieces(planner, &request, &text)?;
        let script = Self {
            seed: request.seed.unwrap_or_else(random_seed),
            pieces: pieces.into(),
            longest: planner.generation.max_new_tokens,
            request: Arc::new(request),
            text: Arc::new(text),
        };
        planner.check_manner(&Manner::of(&script.request))?;
        for index in script.longest_pieces() {
            script.plan(planner, index, 0)?;
        }
        Ok(script)
    }

    /// Returns the longest piece of each style, which is the hardest to honour.
    fn longest_pieces(&self) -> Vec<usize> {
        let mut longest: HashMap<Style, usize> = HashMap::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            let known = longest.entry(self.text.sections[piece.section].style).or_insert(index);
            if self.pieces[*known].tokens < piece.tokens {
                *known = index;
            }
        }
        let mut longest: Vec<usize> = longest.into_values().collect();
        longest.sort_unstable();
        longest
    }

    /// Plans a piece as it is spoken at its `retry`-th retry.
    pub fn plan(&self, planner: &Planner, index: usize, retry: usize) -> Result<Plan> {
        let piece = &self.pieces[index];
        let style = self.text.sections[piece.section].style;
        let part = Part {
            text: &self.text.spoken[piece.spoken.clone()],
            manner: manner(&self.request, &self.text, style),
            seed: self.seed.wrapping_add(index as u64).wrapping_add((retry as u64) << 32),
            max_frames: self.request.max_frames.or(self.span(index)),
        };
        planner.plan(&self.request, part)
    }

    /// Returns the silence after a piece. If no mark sets it, there is none after the last piece.
    pub fn pause(&self, index: usize) -> Duration {
        let piece = &self.pieces[index];
        let next = self.pieces.get(index + 1);
        let ends_section = next.is_none_or(|next| next.section != piece.section);
        let set = self.text.sections[piece.section].pause.filter(|_| ends_section);
        match (set, next) {
            (Some(pause), _) => pause,
            (None, None) => Duration::ZERO,
            (None, Some(_)) => self.request.long_text.pause_after(piece),
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

    /// Returns the number of frames at which a piece is cut off at the latest.
    pub fn limit(&self, index: usize) -> usize {
        self.request.max_frames.or(self.span(index)).unwrap_or(self.longest)
    }

    /// Returns true if a runaway piece may be spoken again after `attempts` attempts.
    pub fn may_retry(&self, attempts: usize) -> bool {
        let retries = self.request.long_text.retries;
        // Greedy decoding gives the same codes with every seed.
        self.request.chunks.whole_pieces
            && attempts <= retries.unwrap_or(0)
            && !self.request.sampling.is_greedy()
    }

    /// Returns the number of pieces that may be spoken at the same time. Of pieces that are to be
    /// kept, a third: when half of the speech is generated, the first third is complete.
    pub fn together(&self) -> usize {
        let long_text = &self.request.long_text;
        let together = match long_text.unordered {
            true => long_text.together.min(self.pieces.len().div_ceil(3)),
            false => long_text.together,
        };
        if self.request.chunks.whole_pieces { together.max(1) } else { 1 }
    }
}

/// Reads the marks of a request's text, and checks that the model can honour each.
pub(super) fn check_marks(planner: &Planner, request: &SpeechRequest) -> Result<MarkedText> {
    check_text(&request.text)?;
    if !request.markup {
        return Ok(MarkedText::plain(&request.text));
    }
    let at = |place, reason| {
        let (line, column) = position(&request.text, place);
        Error::Markup { line, column, reason }
    };
    let text = MarkedText::parse(&request.text)
        .map_err(|MarkupError { place, reason }| at(place, reason))?;
    for setting in &text.settings {
        planner
            .check_mark(setting.kind, &setting.value)
            .map_err(|error| at(setting.place, error.to_string()))?;
    }
    check_text(&text.spoken)?;
    Ok(text)
}

/// Returns the manner in which a part of a text is spoken.
fn manner<'a>(request: &'a SpeechRequest, text: &'a MarkedText, style: Style) -> Manner<'a> {
    let manner = Manner::of(request);
    let speaker = text.value(style.speaker).map(|name| Voice::Speaker(name.to_owned()));
    Manner {
        voice: speaker.map_or(manner.voice, Cow::Owned),
        language: text.value(style.language).unwrap_or(manner.language),
        instruct: text.value(style.instruct).or(manner.instruct),
    }
}

fn pieces(planner: &Planner, request: &SpeechRequest, text: &MarkedText) -> Result<Vec<TextPiece>> {
    let mut pieces = Vec::new();
    for (index, section) in text.sections.iter().enumerate() {
        let language = manner(request, text, section.style).language.to_owned();
        let mut parts = section_pieces(planner, request, (text, section), &language)?;
        if let Some(last) = parts.last_mut() {
            last.end = section.end;
        }
        pieces.extend(parts.into_iter().map(|piece| TextPiece {
            range: text.source(&piece.spoken),
            section: index,
            ..piece
        }));
    }
    Ok(pieces)
}

/// Splits a section of a text.
fn section_pieces(
    planner: &Planner,
    request: &SpeechRequest,
    (text, section): (&MarkedText, &Section),
    language: &str,
) -> Result<Vec<TextPiece>> {
    let budget = request.long_text.piece_tokens;
    let words = &text.spoken[section.range.clone()];
    let each_sentence = request.long_text.each_sentence;
    let sizes = Sizes { budget: budget.unwrap_or(usize::MAX), each_sentence };
    let mut pieces = split_text(planner, words, language, sizes)?;
    for piece in &mut pieces {
        piece.spoken =
            section.range.start + piece.range.start..section.range.start + piece.range.end;
    }
    if let Some(budget) = budget {
        check_words(text, &pieces, budget.max(MAX_WORD_TOKENS))?;
    }
    if pieces.len() > 1 && budget.is_some() {
        return Ok(pieces);
    }
    // A single piece is the text as it is, with the space around it, unless marks are around it.
    let tokens = pieces.iter().map(|piece| piece.tokens).sum();
    let spoken = match text.sections.len() {
        1 => section.range.clone(),
        _ => trimmed(&text.spoken, &section.range),
    };
    Ok(vec![TextPiece::new(spoken, PieceEnd::Paragraph, tokens)])
}

/// Returns a range of a text without the white space around it.
fn trimmed(text: &str, range: &Range<usize>) -> Range<usize> {
    let words = &text[range.clone()];
    let start = range.start + words.len() - words.trim_start().len();
    start..start + words.trim().len()
}

/// Refuses pieces of more than `most` tokens: each is a single word.
fn check_words(text: &MarkedText, pieces: &[TextPiece], most: usize) -> Result<()> {
    let Some(piece) = pieces.iter().find(|piece| piece.tokens > most) else { return Ok(()) };
    let start: String = text.spoken[piece.spoken.clone()].chars().take(20).collect();
    let at = text.source(&piece.spoken).start;
    let reason = format!(
        "the word at byte {at} of the text, {start:?}…, is too long for a prompt; expected at most \
         {most} tokens: split it with spaces, or leave it out"
    );
    Err(Error::of_field("text", reason))
}

/// Splits a text into pieces of these sizes.
pub(super) fn split_text(
    planner: &Planner,
    text: &str,
    language: &str,
    sizes: Sizes,
) -> Result<Vec<TextPiece>> {
    let language = planner.language(language)?;
    let tokenizer = &planner.tokenizer;
    // A text that is too long to be tokenised is too long for any piece.
    let count = |text: &str| tokenizer.encode(text).map_or(text.len(), |ids| ids.len());
    Ok(split::split(text, language, sizes, &count))
}
