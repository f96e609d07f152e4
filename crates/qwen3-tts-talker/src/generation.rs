//! One request under way: frame by frame until the model ends it or the limit is reached.

use std::time::{Duration, Instant};

use qwen3_tts_config::TalkerConfig;
use qwen3_tts_nn::sampling::Constraints;
use qwen3_tts_nn::{Ids, Sampler, SamplingParams, Tensor, TransformerState};

use crate::error::{Error, Result};
use crate::prompt::Prompt;
use crate::talker::Talker;

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

/// The frames before which the model can't end: the reference's `min_new_tokens`.
const MIN_NEW_TOKENS: usize = 2;

/// A request under way. Made by [`Talker::start`], advanced by [`Talker::next_frame`].
pub struct Generation {
    state: TransformerState,
    /// The talker's last hidden state `[1, 1, hidden_size]`, or what it is computed from.
    next: Next,
    trailing_text: Tensor,
    sampler: Sampler,
    subtalker: Sampler,
    /// Codes of codebook 0 so far.
    history: Vec<u32>,
    max_frames: usize,
    stop_reason: Option<StopReason>,
    prompt_positions: usize,
    timings: Timings,
}

enum Next {
    /// The input of a talker step that was not needed yet.
    Input(Tensor),
    Hidden(Tensor),
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

    /// Where the time went so far.
    pub fn timings(&self) -> Timings {
        self.timings
    }
}

impl Talker {
    /// Begins a request: validates it and runs the prompt.
    ///
    /// # Errors
    /// When the prompt does not fit the model or the parameters are out of range.
    pub fn start(&self, prompt: &Prompt, params: &GenerationParams) -> Result<Generation> {
        let begin = Instant::now();
        check_params(params)?;
        let embeddings = self.embed_prompt(prompt)?;
        let positions = embeddings.prefill.dim(1);
        let limit = self.config().max_position_embeddings;
        // Text that trails the prompt takes a frame for each token, so it needs a position too.
        let needed = positions + embeddings.trailing_text.dim(1);
        if needed > limit {
            return Err(Error::TextTooLong { positions: needed, limit });
        }
        let max_frames = params.max_frames.min(limit - positions);
        let mut state = self.new_state();
        let hidden = self.step(&embeddings.prefill, &mut state).last_step();
        Ok(Generation {
            state,
            next: Next::Hidden(hidden),
            trailing_text: embeddings.trailing_text,
            sampler: Sampler::new(params.talker, params.seed, 0),
            subtalker: Sampler::new(params.subtalker, params.seed, 1),
            history: Vec::new(),
            max_frames,
            stop_reason: None,
            prompt_positions: positions,
            timings: Timings { prefill: begin.elapsed(), ..Timings::default() },
        })
    }

    /// The next frame: one code for each codebook; `None` once the generation has ended.
    ///
    /// # Errors
    /// When the weights give no usable logits. The generation is of no use afterwards.
    pub fn next_frame(&self, generation: &mut Generation) -> Result<Option<Vec<u32>>> {
        if generation.stop_reason.is_some() {
            return Ok(None);
        }
        if generation.n_frames() == generation.max_frames {
            generation.stop_reason = Some(StopReason::MaxFrames);
            return Ok(None);
        }
        let begin = Instant::now();
        let hidden = self.hidden(generation);
        let code_0 = self.sample_code_0(generation, &hidden);
        generation.timings.talker += begin.elapsed();
        // Where the code is at hand, the end spares the code predictor; elsewhere it shows once
        // the whole frame is read back.
        let eos = self.config().codec_eos_token_id;
        if code_0.known() == Some(&[eos]) {
            generation.stop_reason = Some(StopReason::Eos);
            return Ok(None);
        }

        let begin = Instant::now();
        let embedding = self.codec_embedding().forward(&code_0);
        let (codes, sum) =
            self.code_predictor().complete_frame(&hidden, &embedding, &mut generation.subtalker);
        let frame = Ids::read(&[&[code_0], &codes[..]].concat())?;
        generation.timings.code_predictor += begin.elapsed();
        if frame[0] == eos {
            generation.stop_reason = Some(StopReason::Eos);
            return Ok(None);
        }

        let text = self.trailing_text(generation);
        generation.next = Next::Input(sum.add(&text));
        generation.history.push(frame[0]);
        Ok(Some(frame))
    }

    fn hidden(&self, generation: &mut Generation) -> Tensor {
        match &generation.next {
            Next::Hidden(hidden) => hidden.clone(),
            Next::Input(input) => self.step(input, &mut generation.state),
        }
    }

    /// The code of codebook 0, or the end of speech.
    fn sample_code_0(&self, generation: &mut Generation, hidden: &Tensor) -> Ids {
        let constraints = constraints(self.config(), &generation.history);
        generation.sampler.sample(&self.logits(hidden), &constraints, "the talker's logits")
    }

    /// What the text adds to the frame that was just completed.
    fn trailing_text(&self, generation: &Generation) -> Tensor {
        match generation.n_frames() {
            frame if frame < generation.trailing_text.dim(1) => {
                generation.trailing_text.narrow(1, frame, 1)
            }
            _ => self.special().tts_pad.clone(),
        }
    }
}

/// Only codes and the end of speech can be chosen, the end not among the first two tokens.
fn constraints<'a>(config: &TalkerConfig, history: &'a [u32]) -> Constraints<'a> {
    let vocab = config.vocab_size as u32;
    let eos = config.codec_eos_token_id;
    Constraints {
        history,
        suppressed: vocab.saturating_sub(1024)..vocab,
        exempt: Some(eos),
        forbidden: (history.len() < MIN_NEW_TOKENS).then_some(eos),
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
