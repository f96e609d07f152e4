//! Texts that are too long to be spoken in one go.

mod split;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::request::{FRAMES_PER_TOKEN, random_seed};
use crate::{
    Batch, BatchEvent, FrameProgress, Result, SpeechRequest, SpeechResult, StopReason, Synthesizer,
};
pub use split::{PieceEnd, TextPiece};

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
    request: SpeechRequest,
    options: NarrationOptions,
    seed: u64,
    pieces: Vec<TextPiece>,
    /// Pieces that are to be spoken and have not begun, the next one last.
    to_start: Vec<usize>,
    /// Pieces that are to be given, the next one last.
    to_give: Vec<usize>,
    batch: Batch<'m>,
    /// Frames that a piece has at most, whatever it says.
    longest: usize,
    under_way: HashMap<usize, Attempt>,
    finished: BTreeMap<usize, NarratedPiece>,
    frames: usize,
}

/// A piece that is being spoken.
struct Attempt {
    index: usize,
    number: usize,
    audio: Vec<f32>,
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
        let budget = options.piece_tokens.unwrap_or(usize::MAX);
        let mut pieces = self.split_text(&request.text, budget);
        if pieces.len() < 2 || options.piece_tokens.is_none() {
            // One piece is the text as it is, with the space around it.
            let tokens = pieces.iter().map(|piece| piece.tokens).sum();
            pieces =
                vec![TextPiece { range: 0..request.text.len(), end: PieceEnd::Paragraph, tokens }];
        }
        let mut narration = Narration::new(self, request, *options, pieces);
        match narration.pieces.len() {
            1 => narration.start_next()?,
            // Pieces differ in their text alone, and the longest is the hardest to honour.
            n => {
                let longest = (0..n).max_by_key(|&i| narration.pieces[i].tokens).unwrap_or(0);
                self.check(&narration.piece_request(longest, 0))?;
            }
        }
        Ok(narration)
    }
}

impl<'m> Narration<'m> {
    fn new(
        model: &'m Synthesizer,
        request: &SpeechRequest,
        options: NarrationOptions,
        pieces: Vec<TextPiece>,
    ) -> Self {
        let order: Vec<usize> = (0..pieces.len()).rev().collect();
        Self {
            seed: request.seed.unwrap_or_else(random_seed),
            request: request.clone(),
            options,
            pieces,
            to_start: order.clone(),
            to_give: order,
            batch: Batch::new(model),
            longest: model.planner.generation.max_new_tokens,
            under_way: HashMap::new(),
            finished: BTreeMap::new(),
            frames: 0,
        }
    }

    /// The pieces of the text, those that are left out too.
    pub fn pieces(&self) -> &[TextPiece] {
        &self.pieces
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

    /// Leaves pieces out, those that an earlier run has spoken for example.
    pub fn leave_out(&mut self, is_out: impl Fn(usize) -> bool) {
        self.to_start.retain(|index| !is_out(*index));
        self.to_give.retain(|index| !is_out(*index));
    }

    /// The request for one piece alone, as it is spoken with the `attempt`-th seed.
    pub fn piece_request(&self, index: usize, attempt: usize) -> SpeechRequest {
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
    fn span(&self, index: usize) -> Option<usize> {
        let is_wanted = self.options.retries.is_some() && self.request.max_frames.is_none();
        let expected = self.pieces[index].tokens as f64 * FRAMES_PER_TOKEN;
        let span = (expected * SLOWEST) as usize + PATIENCE;
        (is_wanted && span < self.longest).then_some(span)
    }

    /// How far the narration is.
    pub fn progress(&self) -> FrameProgress {
        let attempts = self.under_way.keys().filter_map(|id| self.batch.progress(*id));
        let under_way: usize = attempts.map(|progress| progress.frames).sum();
        let tokens: usize = self.pieces.iter().map(|piece| piece.tokens).sum();
        FrameProgress {
            frames: self.frames + under_way,
            expected_frames: (tokens as f64 * FRAMES_PER_TOKEN).ceil() as usize,
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
        let Some(&next) = self.to_give.last() else { return Ok(None) };
        loop {
            if let Some(piece) = self.finished.remove(&next) {
                self.to_give.pop();
                return Ok(Some(piece));
            }
            let stepped = self.step();
            if stepped.is_err() {
                self.to_give.clear();
            }
            stepped?;
            progress(self.progress());
        }
    }

    fn step(&mut self) -> Result<()> {
        while self.batch.len() < self.options.together.max(1) && !self.to_start.is_empty() {
            self.start_next()?;
        }
        for (id, event) in self.batch.step() {
            match event {
                BatchEvent::Chunk(chunk) => {
                    if let Some(attempt) = self.under_way.get_mut(&id) {
                        attempt.audio.extend(chunk.samples);
                    }
                }
                BatchEvent::Done(speech) => {
                    if let Some(attempt) = self.under_way.remove(&id) {
                        self.accept(attempt, *speech)?;
                    }
                }
                BatchEvent::Failed(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn start_next(&mut self) -> Result<()> {
        match self.to_start.pop() {
            Some(index) => self.start(index, 0),
            None => Ok(()),
        }
    }

    fn start(&mut self, index: usize, number: usize) -> Result<()> {
        let id = self.batch.add(&self.piece_request(index, number))?;
        self.under_way.insert(id, Attempt { index, number, audio: Vec::new() });
        Ok(())
    }

    /// Keeps what was spoken, or tries again where it ran away.
    fn accept(&mut self, attempt: Attempt, speech: SpeechResult) -> Result<()> {
        let Attempt { index, number, audio } = attempt;
        let is_runaway = speech.stop_reason == StopReason::MaxFrames && self.span(index).is_some();
        // Without a choice among the codes, another seed changes nothing.
        let may_retry = number < self.options.retries.unwrap_or(0) && !self.request.sampling.greedy;
        if is_runaway && may_retry {
            return self.start(index, number + 1);
        }
        self.frames += speech.token_count;
        let speech = SpeechResult { audio, segment_idx: index, ..speech };
        let pause = self.pause(index);
        let piece = NarratedPiece { speech, pause, attempts: number + 1, is_runaway };
        self.finished.insert(index, piece);
        Ok(())
    }
}

/// Speech that takes so many times longer than expected, and [`PATIENCE`] more, has run away.
const SLOWEST: f64 = 3.0;
/// Frames that even the shortest text may take: 6 s.
const PATIENCE: usize = 75;

impl Iterator for Narration<'_> {
    type Item = Result<NarratedPiece>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_with(&mut |_| ()).transpose()
    }
}
