//! The next frame of one request, or of several that share each read of the weights.

use std::time::{Duration, Instant};

use qwen3_tts_config::TalkerConfig;
use qwen3_tts_nn::{Constraints, Ids, Tensor};

use crate::code_predictor::CompletedFrame;
use crate::error::{Error, Result};
use crate::generation::{Generation, Next, StopReason, Timings};
use crate::talker::Talker;

/// Minimum number of frames: the reference's `min_new_tokens`.
const MIN_NEW_TOKENS: usize = 2;

/// The result of a step for a request: one code for each codebook, or `None` once it has ended.
type Outcome = Result<Option<Vec<u32>>>;

impl Talker {
    /// Returns the next frame, one code for each codebook; `None` once the generation has ended.
    ///
    /// # Errors
    /// Returns [`Error::Nn`] if a logit is NaN or infinite; the generation cannot continue then.
    /// Returns [`Error::TextBehind`] if the frame waits for text ([`Generation::needs_text`]); the
    /// generation continues once there is more.
    pub fn next_frame(&self, generation: &mut Generation) -> Result<Option<Vec<u32>>> {
        self.next_frames(&mut [generation]).pop().expect("one result")
    }

    /// Returns the next frame of each generation, in their order. The weights are read once for
    /// all.
    ///
    /// No generation depends on the others: on the CPU its frames are bit-equal to those of
    /// [`Talker::next_frame`]. Errors are per generation.
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

        // On a device that knows the code already, the end of speech skips the code predictor. On a
        // lazy device, it is found when the whole frame is read back.
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

    /// Returns the talker's hidden state of each row, `[1, 1, hidden_size]`.
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

    /// Samples the code of codebook 0, or the end of speech, of each row.
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
    /// Index among the generations of the step.
    index: usize,
    generation: &'a mut Generation,
}

/// Returns the outcome of a generation that takes no part in the step; `None` if it takes part.
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

/// Reads a frame back and continues the generation from it.
fn accept(generation: &mut Generation, code_0: Ids, frame: CompletedFrame, eos: u32) -> Outcome {
    let codes = Ids::read(&[&[code_0], &frame.codes[..]].concat())?;
    if codes[0] == eos {
        return end(generation);
    }
    generation.next = Next::Frame(frame.sum);
    generation.history.push(codes[0]);
    Ok(Some(codes))
}

/// Adds an equal share of the time since `begin` to each row.
fn share(rows: &mut [Row<'_>], begin: Instant, of: fn(&mut Timings) -> &mut Duration) {
    let Some(part) = begin.elapsed().checked_div(rows.len() as u32) else { return };
    rows.iter_mut().for_each(|row| *of(&mut row.generation.timings) += part);
}

fn keep<T>(items: &mut Vec<T>, which: &[bool]) {
    let mut which = which.iter();
    items.retain(|_| *which.next().expect("one for each"));
}

/// Joins rows along time.
fn join(rows: &[Tensor]) -> Tensor {
    Tensor::cat(&rows.iter().collect::<Vec<_>>(), 1)
}

/// Returns the constraints that leave only codes and the end of speech, and no end of speech among
/// the first two tokens.
fn constraints<'a>(config: &TalkerConfig, history: &'a [u32]) -> Constraints<'a> {
    let eos = config.codec_eos_token_id;
    Constraints::default()
        .history(history)
        .suppressed(config.first_suppressed_id()..config.vocab_size as u32)
        .exempt(Some(eos))
        .forbidden((history.len() < MIN_NEW_TOKENS).then_some(eos))
}
