//! One request under way: its beginning, its text, and what is known of it.

use std::time::{Duration, Instant};

use qwen3_tts_nn::{Sampler, SamplingParams, Tensor, TransformerState};

use crate::error::{Error, Result};
use crate::prompt::{Prompt, PromptEmbeddings, check_ids};
use crate::talker::Talker;
use crate::trailing_text::TrailingText;

/// How frames are chosen, and how many at most.
#[derive(Clone, Debug)]
pub struct GenerationParams {
    /// For codebook 0.
    pub talker: SamplingParams,
    /// For the other codebooks; the repetition penalty is not used there.
    pub subtalker: SamplingParams,
    /// The generation ends after this many frames, if the model has not ended it. The reference
    /// gives `max_new_tokens − 1` frames.
    pub max_frames: usize,
    /// The same seed gives the same frames.
    pub seed: u64,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The model said that the speech is complete.
    Eos,
    /// The limit of frames, or of the model's positions, was reached.
    MaxFrames,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Prompt embedding and the first pass over it.
    pub prefill: Duration,
    /// The talker's steps after the prefill. A device that computes when asked has the talker's
    /// time in that of the code predictor.
    pub talker: Duration,
    /// The code predictor.
    pub code_predictor: Duration,
}

/// A request under way. Made by [`Talker::start`] or [`Talker::start_open`], advanced by
/// [`Talker::next_frame`], or by [`Talker::next_frames`] together with others.
pub struct Generation {
    pub(crate) state: TransformerState,
    pub(crate) next: Next,
    text: TrailingText,
    pub(crate) sampler: Sampler,
    pub(crate) subtalker: Sampler,
    /// Codes of codebook 0 so far.
    pub(crate) history: Vec<u32>,
    max_frames: usize,
    pub(crate) stop_reason: Option<StopReason>,
    prompt_positions: usize,
    pub(crate) timings: Timings,
}

/// What the next frame follows from, `[1, 1, hidden_size]`.
pub(crate) enum Next {
    /// The talker's last hidden state.
    Hidden(Tensor),
    /// The embeddings of the last frame's codes; what the text adds makes it the talker's input.
    Frame(Tensor),
}

impl Generation {
    /// The frames given so far.
    pub fn n_frames(&self) -> usize {
        self.history.len()
    }

    /// The most frames there can be.
    pub fn max_frames(&self) -> usize {
        self.max_frames
    }

    /// Why it ended, once it has.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }

    /// Positions that the prompt takes.
    pub fn prompt_positions(&self) -> usize {
        self.prompt_positions
    }

    /// Where the time went so far. What a step did for several requests is shared out among them.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// Whether the next frame waits for [`Talker::push_text`] or [`Talker::finish_text`].
    pub fn needs_text(&self) -> bool {
        let goes_on = self.stop_reason.is_none() && self.n_frames() < self.max_frames;
        goes_on && matches!(self.next, Next::Frame(_)) && self.input().is_none()
    }

    /// The talker's input for the next frame, if it takes one and the text for it is there.
    pub(crate) fn input(&self) -> Option<Tensor> {
        let Next::Frame(sum) = &self.next else { return None };
        Some(sum.add(self.text.of_frame(self.n_frames() - 1)?))
    }

    /// Notes that the limit is reached. Says whether the generation has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        if self.n_frames() == self.max_frames {
            self.stop_reason.get_or_insert(StopReason::MaxFrames);
        }
        self.stop_reason.is_some()
    }
}

impl Talker {
    /// Begins a request: validates it and runs the prompt.
    ///
    /// # Errors
    /// When the prompt does not fit the model or the parameters are out of range.
    pub fn start(&self, prompt: &Prompt, params: &GenerationParams) -> Result<Generation> {
        let begin = Instant::now();
        let PromptEmbeddings { prefill, trailing_text } = self.embed_prompt(prompt)?;
        self.prefill(begin, &prefill, self.trailing(Some(&trailing_text), false), params)
    }

    /// Begins a request in [`TextMode::Streaming`](crate::TextMode) of which the prompt has the
    /// beginning of the text, at least [`Prompt::text_to_start`] ids. The rest comes by
    /// [`Talker::push_text`], and the frames are those of the whole text.
    ///
    /// # Errors
    /// As [`Talker::start`]; when there is too little text to start, or the text mode is another.
    pub fn start_open(&self, prompt: &Prompt, params: &GenerationParams) -> Result<Generation> {
        let begin = Instant::now();
        let (prefill, trailing_text) = self.embed_open_prompt(prompt)?;
        self.prefill(begin, &prefill, self.trailing(trailing_text.as_ref(), true), params)
    }

    fn trailing(&self, embedded: Option<&Tensor>, open: bool) -> TrailingText {
        TrailingText::new(embedded, self.special().tts_pad.clone(), open)
    }

    fn prefill(
        &self,
        begin: Instant,
        prefill: &Tensor,
        text: TrailingText,
        params: &GenerationParams,
    ) -> Result<Generation> {
        check_params(params)?;
        let positions = prefill.dim(1);
        let limit = self.config().max_position_embeddings;
        check_positions(positions + text.len(), limit)?;
        let mut state = self.new_state();
        let hidden = self.step(prefill, &mut state).last_step();
        Ok(Generation {
            state,
            next: Next::Hidden(hidden),
            text,
            sampler: Sampler::new(params.talker, params.seed, 0),
            subtalker: Sampler::new(params.subtalker, params.seed, 1),
            history: Vec::new(),
            max_frames: params.max_frames.min(limit - positions),
            stop_reason: None,
            prompt_positions: positions,
            timings: Timings { prefill: begin.elapsed(), ..Timings::default() },
        })
    }

    /// The text of an open request goes on with these ids.
    ///
    /// # Errors
    /// When an id is outside the vocabulary, or the text is too long for the model or complete
    /// already. The request then stays as it was.
    pub fn push_text(&self, generation: &mut Generation, ids: &[u32]) -> Result<()> {
        if !generation.text.is_open() {
            return Err(Error::TextComplete);
        }
        check_ids("text", ids, self.config().text_vocab_size)?;
        let n_text = generation.text.len() + ids.len() + 1;
        let limit = self.config().max_position_embeddings;
        check_positions(generation.prompt_positions + n_text, limit)?;
        if !ids.is_empty() {
            generation.text.push(&self.embed_text(ids));
        }
        Ok(())
    }

    /// The text of an open request is complete. Once it is, nothing changes any more.
    pub fn finish_text(&self, generation: &mut Generation) {
        if generation.text.is_open() {
            generation.text.push(&self.special().tts_eos);
            generation.text.close();
        }
    }
}

/// Text that trails the prompt takes a frame for each token, so it needs a position too.
fn check_positions(positions: usize, limit: usize) -> Result<()> {
    match positions <= limit {
        true => Ok(()),
        false => Err(Error::TextTooLong { positions, limit }),
    }
}

fn check_params(params: &GenerationParams) -> Result<()> {
    if params.max_frames == 0 {
        return Err(Error::NoFrames);
    }
    for (who, sampling) in [("talker", &params.talker), ("subtalker", &params.subtalker)] {
        sampling.validate().map_err(|reason| Error::Sampling { who, reason })?;
    }
    Ok(())
}
