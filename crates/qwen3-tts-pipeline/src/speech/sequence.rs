//! An active sequence: frames of codes from the talker, chunks of audio from the codec.

use std::time::{Duration, Instant};

use qwen3_tts_codec::DecoderState;
use qwen3_tts_talker::Generation;

use super::incremental::TextFeed;
use super::model::Model;
use super::output::StageTimings;
use super::plan::{Plan, no_text};
use super::request::{ChunkSchedule, ChunkSizes};
use super::stop_reason::StopReason;
use crate::error::{Error, Result};

/// A text, or a piece of one, that is being spoken or waits for the beginning of its text.
pub(super) struct Sequence {
    plan: Plan,
    /// Source of the text that is still to come.
    text: Option<TextFeed>,
    /// State within the models, once the prompt was run.
    begun: Option<Begun>,
    has_ended: bool,
    codes: Vec<Vec<u32>>,
    /// Number of frames that are decoded.
    decoded: usize,
    chunks: ChunkSizes,
    clock: Clock,
}

struct Begun {
    generation: Generation,
    decoder: DecoderState,
}

/// Times that the talker does not measure itself.
struct Clock {
    begin: Instant,
    codec: Duration,
    first_audio: Option<Duration>,
}

/// Decoded frames.
pub(super) struct Decoded {
    pub samples: Vec<f32>,
    pub first_frame: usize,
    pub n_frames: usize,
}

/// The result of a sequence.
pub(super) struct Spoken {
    pub codes: Vec<Vec<u32>>,
    pub stop_reason: StopReason,
    pub seed: u64,
    pub prompt_tokens: usize,
    pub timings: StageTimings,
}

impl Sequence {
    /// Creates a sequence of a request that arrived at `begin`. Nothing is computed yet.
    pub fn new(plan: Plan, text: Option<TextFeed>, chunks: ChunkSchedule, begin: Instant) -> Self {
        let mut sequence = Self {
            plan,
            text,
            begun: None,
            has_ended: false,
            codes: Vec::new(),
            decoded: 0,
            chunks: ChunkSizes::new(chunks),
            clock: Clock { begin, codec: Duration::ZERO, first_audio: None },
        };
        sequence.receive_text();
        sequence
    }

    /// Receives text that was written.
    pub fn receive_text(&mut self) {
        if let Some(text) = &mut self.text {
            text.receive();
        }
    }

    /// Returns true if there is nothing to do before more text arrives.
    pub fn waits_for_text(&self) -> bool {
        let Some(text) = &self.text else { return false };
        let begun = self.begun.as_ref();
        !text.has_news() && begun.is_none_or(|begun| begun.generation.needs_text())
    }

    /// Takes text that was received, and runs the prompt once there is enough of it.
    pub fn prepare(&mut self, model: &mut Model) -> Result<()> {
        self.take_text(model)?;
        let is_ready = self.text.is_none() && self.begun.is_none();
        if is_ready { self.begin(model) } else { Ok(()) }
    }

    fn take_text(&mut self, model: &mut Model) -> Result<()> {
        let Some(text) = &mut self.text else { return Ok(()) };
        let ids = text.take()?;
        let is_complete = text.is_complete();
        self.plan.text_came(&ids);
        if is_complete && !self.plan.has_text() {
            return Err(no_text());
        }
        match &mut self.begun {
            Some(Begun { generation, .. }) => {
                let talker = &model.speaker()?.talker;
                talker.push_text(generation, &ids)?;
                if is_complete {
                    talker.finish_text(generation);
                }
            }
            None if is_complete => model.speaker()?.planner.complete(&mut self.plan)?,
            None if self.plan.can_open() => self.begin_open(model)?,
            None => {}
        }
        if is_complete {
            self.text = None;
        }
        Ok(())
    }

    fn begin(&mut self, model: &mut Model) -> Result<()> {
        let generation = model.speaker()?.talker.start(&self.plan.prompt, &self.plan.params)?;
        self.begin_with(model, generation)
    }

    /// Begins before the text is complete.
    fn begin_open(&mut self, model: &mut Model) -> Result<()> {
        let speaker = model.speaker()?;
        let prompt = speaker.planner.open_prompt(&self.plan)?;
        let generation = speaker.talker.start_open(&prompt, &self.plan.params)?;
        self.begin_with(model, generation)
    }

    fn begin_with(&mut self, model: &mut Model, generation: Generation) -> Result<()> {
        let begin = Instant::now();
        let decoder = match &self.plan.prompt.reference {
            Some(reference) => model.primed(&reference.frames)?,
            None => model.decoder.new_state(),
        };
        self.clock.codec += begin.elapsed();
        self.begun = Some(Begun { generation, decoder });
        Ok(())
    }

    /// Returns true if the sequence can take a step: it has begun, has not ended, and its text is
    /// there.
    pub fn is_ready(&self) -> bool {
        let begun = self.begun.as_ref();
        begun.is_some_and(|begun| !self.has_ended && !begun.generation.needs_text())
    }

    /// Generates the next frame, or the end, of each of `sequences`. All of them must be
    /// [ready](Self::is_ready). Errors are per sequence.
    pub fn step_together(model: &Model, sequences: &mut [&mut Self]) -> Result<Vec<Result<()>>> {
        let begun = sequences.iter_mut().map(|sequence| sequence.begun.as_mut());
        let begun = begun.collect::<Option<Vec<_>>>();
        let begun = begun.ok_or_else(|| Error::Internal("a step before the prompt".to_owned()))?;
        let mut generations: Vec<_> =
            begun.into_iter().map(|begun| &mut begun.generation).collect();
        let frames = model.speaker()?.talker.next_frames(&mut generations);
        assert_eq!(frames.len(), sequences.len(), "one frame or error per sequence");
        let accept = |(sequence, frame): (&mut &mut Self, _)| sequence.accept(frame);
        Ok(sequences.iter_mut().zip(frames).map(accept).collect())
    }

    fn accept(&mut self, frame: qwen3_tts_talker::Result<Option<Vec<u32>>>) -> Result<()> {
        let frame = frame?;
        self.has_ended = frame.is_none();
        self.codes.extend(frame);
        Ok(())
    }

    /// Decodes the chunk that is due: one for which enough frames are there, or the rest at the
    /// end.
    pub fn chunk(&mut self, model: &Model) -> Result<Option<Decoded>> {
        let n_frames = self.codes.len() - self.decoded;
        let is_due = n_frames >= self.chunks.due || (n_frames > 0 && self.has_ended);
        let Some(begun) = self.begun.as_mut().filter(|_| is_due) else { return Ok(None) };
        let begin = Instant::now();
        let first_frame = self.decoded;
        let samples = model.decoder.step(&self.codes[first_frame..], &mut begun.decoder)?;
        self.clock.codec += begin.elapsed();
        self.clock.first_audio.get_or_insert_with(|| self.clock.begin.elapsed());
        self.decoded = self.codes.len();
        self.chunks.advance();
        Ok(Some(Decoded { samples, first_frame, n_frames }))
    }

    /// Returns true if all frames are generated and decoded.
    pub fn is_done(&self) -> bool {
        self.has_ended && self.decoded == self.codes.len()
    }

    /// Returns the number of frames generated so far.
    pub fn n_frames(&self) -> usize {
        self.codes.len()
    }

    /// Returns the number of frames expected from the length of the text that has come.
    pub fn expected_frames(&self) -> usize {
        self.plan.expected_frames()
    }

    /// Returns the maximum number of frames.
    pub fn max_frames(&self) -> usize {
        self.plan.params.max_frames
    }

    /// Ends the sequence. Before its end it counts as cancelled, with the frames that were
    /// decoded.
    pub fn finish(mut self) -> Spoken {
        let generation = self.begun.as_ref().map(|begun| &begun.generation);
        let timings = generation.map(Generation::timings).unwrap_or_default();
        let stop_reason = generation.and_then(Generation::stop_reason).map(StopReason::from);
        let stop_reason = stop_reason.filter(|_| self.is_done()).unwrap_or(StopReason::Cancelled);
        self.codes.truncate(self.decoded);
        let first_audio = self.clock.first_audio;
        Spoken {
            stop_reason,
            seed: self.plan.params.seed,
            prompt_tokens: self.plan.prompt_tokens(),
            timings: StageTimings {
                prefill: timings.prefill,
                talker: timings.talker,
                code_predictor: timings.code_predictor,
                codec: self.clock.codec,
                time_to_first_audio: first_audio.unwrap_or_else(|| self.clock.begin.elapsed()),
                ..StageTimings::default()
            },
            codes: self.codes,
        }
    }
}
