//! A request in progress: its start, its text and its statistics.

use std::time::{Duration, Instant};

use qwen3_tts_config::GenerationConfig;
use qwen3_tts_nn::{Sampler, SamplingParams, Tensor, TransformerState};

use crate::error::{Error, Result};
use crate::prompt::{Prompt, PromptEmbeddings, check_ids};
use crate::sampling::Sampling;
use crate::talker::Talker;
use crate::trailing_text::TrailingText;

/// Sampling and length of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GenerationParams {
    /// Sampling of codebook 0.
    pub talker: SamplingParams,
    /// Sampling of the other codebooks, which ignores the repetition penalty.
    pub subtalker: SamplingParams,
    /// Maximum number of frames.
    pub max_frames: usize,
    /// Seed of the random draws: the same seed gives the same frames.
    pub seed: u64,
}

impl GenerationParams {
    /// Returns the parameters of a checkpoint with changes to its sampling, a seed of 0, and as
    /// many frames as the reference generates at most, `max_new_tokens − 1`.
    pub fn new(published: &GenerationConfig, changes: &Sampling) -> Self {
        Self {
            talker: changes.talker(published),
            subtalker: changes.subtalker(published),
            max_frames: published.max_new_tokens.saturating_sub(1),
            seed: 0,
        }
    }

    /// Sets the maximum number of frames.
    pub fn max_frames(self, max_frames: usize) -> Self {
        Self { max_frames, ..self }
    }

    /// Sets the seed of the random draws.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

/// Reason why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The model ended the speech.
    Eos,
    /// The limit of frames, or of the model's positions, was reached.
    MaxFrames,
}

impl StopReason {
    /// Returns the name that files use: `eos` or `max_frames`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eos => "eos",
            Self::MaxFrames => "max_frames",
        }
    }
}

/// Time spent on a request, by stage.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Timings {
    /// Time to embed the prompt and to run it.
    pub prefill: Duration,
    /// Time of the talker's steps after the prefill. On a lazy device, MLX, it is part of the time
    /// of the code predictor.
    pub talker: Duration,
    /// Time of the code predictor.
    pub code_predictor: Duration,
}

/// A request in progress. Made by [`Talker::start`] or [`Talker::start_open`], advanced by
/// [`Talker::next_frame`], or by [`Talker::next_frames`] together with others. It is `Send` and
/// `Sync` as the [`Talker`] is.
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

/// The input of the next frame, `[1, 1, hidden_size]`.
pub(crate) enum Next {
    /// The talker's last hidden state, from which the frame is sampled.
    Hidden(Tensor),
    /// The sum of the embeddings of the last frame's codes. With the text embedding added, it is
    /// the talker's input.
    Frame(Tensor),
}

impl Generation {
    /// Returns the number of frames so far.
    pub fn n_frames(&self) -> usize {
        self.history.len()
    }

    /// Returns the maximum number of frames.
    pub fn max_frames(&self) -> usize {
        self.max_frames
    }

    /// Returns the reason why it ended; `None` while it goes on.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }

    /// Returns the number of positions that the prompt takes: [`Prompt::positions`].
    pub fn prompt_positions(&self) -> usize {
        self.prompt_positions
    }

    /// Returns the time spent so far. The time of a step for several requests is divided equally.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// Returns true if the next frame waits for [`Talker::push_text`] or [`Talker::finish_text`].
    pub fn needs_text(&self) -> bool {
        let goes_on = self.stop_reason.is_none() && self.n_frames() < self.max_frames;
        goes_on && matches!(self.next, Next::Frame(_)) && self.input().is_none()
    }

    /// Returns the talker's input for the next frame; `None` if the frame needs no step of the
    /// talker, or its text is still to come.
    pub(crate) fn input(&self) -> Option<Tensor> {
        let Next::Frame(sum) = &self.next else { return None };
        Some(sum.add(self.text.of_frame(self.n_frames() - 1)?))
    }

    /// Records that the limit is reached. Returns true if the generation has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        if self.n_frames() == self.max_frames {
            self.stop_reason.get_or_insert(StopReason::MaxFrames);
        }
        self.stop_reason.is_some()
    }
}

impl Talker {
    /// Starts a request: validates it and runs the prompt.
    ///
    /// # Errors
    /// Returns an error if the prompt does not fit the model, or a parameter is out of range.
    pub fn start(&self, prompt: &Prompt, params: &GenerationParams) -> Result<Generation> {
        let begin = Instant::now();
        let PromptEmbeddings { prefill, trailing_text } = self.embed_prompt(prompt)?;
        self.prefill(begin, &prefill, self.trailing(Some(&trailing_text), false), params)
    }

    /// Starts a request in [`TextMode::Streaming`](crate::TextMode) whose prompt has only the
    /// beginning of the text, at least [`Prompt::text_to_start`] ids. [`Talker::push_text`] adds
    /// the rest. The frames are those of the whole text.
    ///
    /// # Errors
    /// As [`Talker::start`]. Returns [`Error::TooLittleText`] if there is too little text to start,
    /// and [`Error::NotStreaming`] if the text mode is not the streaming one.
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

    /// Adds ids to the text of a request from [`Talker::start_open`].
    ///
    /// # Errors
    /// Returns an error if an id is outside the vocabulary, the text is too long for the model, or
    /// the text is finished. The request is unchanged then.
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

    /// Finishes the text of a request from [`Talker::start_open`]. Does nothing if it is finished.
    pub fn finish_text(&self, generation: &mut Generation) {
        if generation.text.is_open() {
            generation.text.push(&self.special().tts_eos);
            generation.text.close();
        }
    }
}

/// Checks the positions of a prompt and of the text that trails it, which takes one position a
/// token since each is added to a frame.
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
    for (part, sampling) in [("talker", &params.talker), ("subtalker", &params.subtalker)] {
        sampling.validate().map_err(|reason| Error::Sampling { part, reason })?;
    }
    Ok(())
}
