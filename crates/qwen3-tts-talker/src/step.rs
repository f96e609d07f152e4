//! The next frame, of one request or of several that share each read of the weights.

use std::time::{Duration, Instant};

use qwen3_tts_config::TalkerConfig;
use qwen3_tts_nn::{Constraints, Ids, Tensor};

use crate::code_predictor::CompletedFrame;
use crate::error::{Error, Result};
use crate::generation::{Generation, Next, StopReason, Timings};
use crate::talker::Talker;

/// The frames before which the model can't end: the reference's `min_new_tokens`.
const MIN_NEW_TOKENS: usize = 2;

/// What a step gives a request: one code for each codebook, or `None` once it has ended.
type Outcome = Result<Option<Vec<u32>>>;

impl Talker {
    /// The next frame: one code for each codebook; `None` once the generation has ended.
    ///
    /// # Errors
    /// When the weights give no usable logits: the generation is of no use afterwards. When the
    /// text is behind ([`Generation::needs_text`]): it goes on once there is more.
    pub fn next_frame(&self, generation: &mut Generation) -> Result<Option<Vec<u32>>> {
        self.next_frames(&mut [generation]).pop().expect("one result")
    }

    /// The next frame of each generation, in their order, with the weights read once for all.
    ///
    /// What one gives does not depend on the others: on the CPU its frames are those of
    /// [`Talker::next_frame`], bit for bit, and its error is its own.
    pub fn next_frames(
        &self,
        generations: &mut [&mut Generation],
    ) -> Vec<Result<Option<Vec<u32>>>> {
        let mut outcomes: Vec<Option<Outcome>> =
            generations.iter_mut().map(|generation| without_a_step(generation)).collect();
        let going = generations.iter_mut().zip(&outcomes).enumerate();
        let mut rows: Vec<Row<'_>> = going
            .filter(|(_, (_, outcome))| outcome.is_none())
            .map(|(index, (generation, _))| Row { index, generation })
            .collect();

        let begin = Instant::now();
        let mut hidden = self.hidden(&mut rows);
        let mut code_0 = self.sample_code_0(&mut rows, &hidden);
        share(&mut rows, begin, |timings| &mut timings.talker);

        // Where the code is at hand, the end spares the code predictor; elsewhere it shows once
        // the whole frame is read back.
        let eos = self.config().codec_eos_token_id;
        let goes_on: Vec<bool> = code_0.iter().map(|code| code.known() != Some(&[eos])).collect();
        for (row, _) in rows.iter_mut().zip(&goes_on).filter(|(_, goes_on)| !**goes_on) {
            outcomes[row.index] = Some(end(row.generation));
        }
        keep(&mut rows, &goes_on);
        keep(&mut hidden, &goes_on);
        keep(&mut code_0, &goes_on);

        let begin = Instant::now();
        let completed = self.complete_frames(&mut rows, &hidden, &code_0);
        for ((row, code_0), frame) in rows.iter_mut().zip(code_0).zip(completed) {
            outcomes[row.index] = Some(accept(row.generation, code_0, frame, eos));
        }
        share(&mut rows, begin, |timings| &mut timings.code_predictor);
        outcomes.into_iter().map(|outcome| outcome.expect("decided above")).collect()
    }

    /// The talker's hidden state of each row, `[1, 1, hidden_size]`.
    fn hidden(&self, rows: &mut [Row<'_>]) -> Vec<Tensor> {
        let inputs: Vec<Tensor> = rows.iter().filter_map(|row| row.generation.input()).collect();
        if !inputs.is_empty() {
            let stepping = rows.iter_mut().map(|row| &mut *row.generation);
            let mut sequences: Vec<_> = stepping
                .filter(|generation| matches!(generation.next, Next::Frame(_)))
                .map(|generation| (1, &mut generation.state))
                .collect();
            let stepped = self.step_many(&join(&inputs), &mut sequences);
            let stepping = rows.iter_mut().map(|row| &mut row.generation.next);
            let stepping = stepping.filter(|next| matches!(next, Next::Frame(_)));
            for (i, next) in stepping.enumerate() {
                *next = Next::Hidden(stepped.time_step(i));
            }
        }
        let hidden = |row: &Row<'_>| match &row.generation.next {
            Next::Hidden(hidden) | Next::Frame(hidden) => hidden.clone(),
        };
        rows.iter().map(hidden).collect()
    }

    /// The code of codebook 0, or the end of speech, of each row.
    fn sample_code_0(&self, rows: &mut [Row<'_>], hidden: &[Tensor]) -> Vec<Ids> {
        if rows.is_empty() {
            return Vec::new();
        }
        let logits = self.logits(&join(hidden));
        let sample = |(i, row): (usize, &mut Row<'_>)| {
            let Generation { sampler, history, .. } = &mut *row.generation;
            let constraints = constraints(self.config(), history);
            sampler.sample(&logits.time_step(i), &constraints, "the talker's logits")
        };
        rows.iter_mut().enumerate().map(sample).collect()
    }

    fn complete_frames(
        &self,
        rows: &mut [Row<'_>],
        hidden: &[Tensor],
        code_0: &[Ids],
    ) -> Vec<CompletedFrame> {
        if rows.is_empty() {
            return Vec::new();
        }
        let code_0: Vec<Tensor> =
            code_0.iter().map(|code| self.codec_embedding().forward(code)).collect();
        let mut samplers: Vec<_> =
            rows.iter_mut().map(|row| &mut row.generation.subtalker).collect();
        let (hidden, code_0): (Vec<_>, Vec<_>) = hidden.iter().zip(&code_0).unzip();
        self.code_predictor().complete_frames(&hidden, &code_0, &mut samplers)
    }
}

/// A generation that takes part in a step.
struct Row<'a> {
    /// Its place among the generations of the step.
    index: usize,
    generation: &'a mut Generation,
}

/// What a generation gives that takes no part in the step.
fn without_a_step(generation: &mut Generation) -> Option<Outcome> {
    if generation.has_ended() {
        return Some(Ok(None));
    }
    generation.needs_text().then_some(Err(Error::TextBehind))
}

fn end(generation: &mut Generation) -> Outcome {
    generation.stop_reason = Some(StopReason::Eos);
    Ok(None)
}

/// Reads a frame back and lets the generation go on from it.
fn accept(generation: &mut Generation, code_0: Ids, frame: CompletedFrame, eos: u32) -> Outcome {
    let codes = Ids::read(&[&[code_0], &frame.codes[..]].concat())?;
    if codes[0] == eos {
        return end(generation);
    }
    generation.next = Next::Frame(frame.sum);
    generation.history.push(codes[0]);
    Ok(Some(codes))
}

/// Adds an equal part of the time since `begin` to each row.
fn share(rows: &mut [Row<'_>], begin: Instant, of: fn(&mut Timings) -> &mut Duration) {
    let Some(part) = begin.elapsed().checked_div(rows.len() as u32) else { return };
    rows.iter_mut().for_each(|row| *of(&mut row.generation.timings) += part);
}

fn keep<T>(items: &mut Vec<T>, which: &[bool]) {
    let mut which = which.iter();
    items.retain(|_| *which.next().expect("one for each"));
}

/// Rows side by side along time.
fn join(rows: &[Tensor]) -> Tensor {
    Tensor::cat(&rows.iter().collect::<Vec<_>>(), 1)
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
