//! One request under way: frames from the talker, chunks of audio from the codec.
//!
//! Whatever speaks (a whole speech, a stream, many requests together) does it by these two steps.

use std::time::{Duration, Instant};

use qwen3_tts_codec::DecoderState;
use qwen3_tts_talker::{Generation, StopReason};

use crate::request::{NO_TEXT, Plan, refuse};
use crate::result::{AudioRate, PromptRate, StageTimings, peak_memory_bytes};
use crate::stream::ChunkSizes;
use crate::text_stream::TextFeed;
use crate::{
    AudioChunk, ChunkSchedule, Error, FrameProgress, Result, SpeechCodes, SpeechResult, Synthesizer,
};

/// A request that is being spoken, or waits for the beginning of its text.
pub(crate) struct Speaking {
    plan: Plan,
    /// Where text still comes from.
    text: Option<TextFeed>,
    /// The request within the models, once it has begun.
    begun: Option<Begun>,
    has_ended: bool,
    codes: Vec<Vec<u32>>,
    /// How many of them are audio.
    decoded: usize,
    chunks: ChunkSizes,
    clock: Clock,
}

struct Begun {
    generation: Generation,
    decoder: DecoderState,
}

/// What is not measured by the talker itself.
struct Clock {
    begin: Instant,
    codec: Duration,
    first_audio: Option<Duration>,
}

impl Speaking {
    /// A request that came in at `begin`. Nothing is computed yet.
    pub fn new(plan: Plan, text: Option<TextFeed>, chunks: ChunkSchedule, begin: Instant) -> Self {
        Self {
            plan,
            text,
            begun: None,
            has_ended: false,
            codes: Vec::new(),
            decoded: 0,
            chunks: chunks.sizes(),
            clock: Clock { begin, codec: Duration::ZERO, first_audio: None },
        }
    }

    /// Goes as far as it can without another frame: takes what came of the text, and runs the
    /// prompt once it is there. Where there is no text to go on with, it waits if `wait` says so.
    pub fn prepare(&mut self, model: &Synthesizer, wait: bool) -> Result<()> {
        while self.text.is_some() {
            let wait = wait && self.needs_text();
            self.take_text(model, wait)?;
            if !wait {
                break;
            }
        }
        let is_there = self.text.is_none() && self.begun.is_none();
        if is_there { self.begin(model) } else { Ok(()) }
    }

    /// Whether it cannot go on without more of its text.
    pub fn needs_text(&self) -> bool {
        match &self.begun {
            Some(begun) => begun.generation.needs_text(),
            None => self.text.is_some(),
        }
    }

    fn take_text(&mut self, model: &Synthesizer, wait: bool) -> Result<()> {
        let Some(text) = &mut self.text else { return Ok(()) };
        let ids = text.take(wait);
        let is_complete = text.is_complete();
        self.plan.text_came(&ids);
        if is_complete && !self.plan.has_text() {
            return Err(refuse(NO_TEXT));
        }
        match &mut self.begun {
            Some(Begun { generation, .. }) => {
                model.talker.push_text(generation, &ids)?;
                if is_complete {
                    model.talker.finish_text(generation);
                }
            }
            None if is_complete => model.planner.complete(&mut self.plan)?,
            None if self.plan.can_open() => self.begin_open(model)?,
            None => {}
        }
        if is_complete {
            self.text = None;
        }
        Ok(())
    }

    fn begin(&mut self, model: &Synthesizer) -> Result<()> {
        let generation = model.talker.start(&self.plan.prompt, &self.plan.params)?;
        self.begin_with(model, generation)
    }

    /// Begins before the text is complete.
    fn begin_open(&mut self, model: &Synthesizer) -> Result<()> {
        let prompt = model.planner.open_prompt(&self.plan)?;
        let generation = model.talker.start_open(&prompt, &self.plan.params)?;
        self.begin_with(model, generation)
    }

    fn begin_with(&mut self, model: &Synthesizer, generation: Generation) -> Result<()> {
        let begin = Instant::now();
        let decoder = match &self.plan.prompt.reference {
            Some(reference) => model.speech_tokenizer.primed(&reference.frames)?,
            None => model.speech_tokenizer.decoder.new_state(),
        };
        self.clock.codec += begin.elapsed();
        self.begun = Some(Begun { generation, decoder });
        Ok(())
    }

    /// The next frame of each of `speakings`, or its end. What fails for one is that one's alone.
    ///
    /// Those that need text, or have not begun, stay as they are.
    pub fn step_together(model: &Synthesizer, speakings: &mut [&mut Self]) -> Vec<Result<()>> {
        let ready = |speaking: &Self| !speaking.has_ended && !speaking.needs_text();
        let is_ready: Vec<bool> = speakings.iter().map(|speaking| ready(speaking)).collect();
        let stepping = speakings.iter_mut().zip(&is_ready).filter(|(_, is_ready)| **is_ready);
        let begun = stepping.filter_map(|(speaking, _)| speaking.begun.as_mut());
        let mut generations: Vec<_> = begun.map(|begun| &mut begun.generation).collect();
        let mut frames = model.talker.next_frames(&mut generations).into_iter();
        let take = |(speaking, is_ready): (&mut &mut Self, bool)| match is_ready {
            true => match frames.next() {
                Some(frame) => frame.map(|frame| speaking.take(frame)).map_err(Error::from),
                None => Ok(()),
            },
            false => Ok(()),
        };
        speakings.iter_mut().zip(is_ready).map(take).collect()
    }

    /// The next frame, or the end.
    pub fn step(&mut self, model: &Synthesizer) -> Result<()> {
        Self::step_together(model, &mut [self]).pop().unwrap_or(Ok(()))
    }

    fn take(&mut self, frame: Option<Vec<u32>>) {
        self.has_ended = frame.is_none();
        self.codes.extend(frame);
    }

    /// The next chunk of audio, where as many frames are there as it needs, or there will be no
    /// more.
    pub fn chunk(&mut self, model: &Synthesizer) -> Result<Option<AudioChunk>> {
        let waiting = self.codes.len() - self.decoded;
        let is_due = waiting >= self.chunks.size() || (waiting > 0 && self.has_ended);
        let Some(begun) = self.begun.as_mut().filter(|_| is_due) else { return Ok(None) };
        let begin = Instant::now();
        let frames = &self.codes[self.decoded..];
        let samples = model.speech_tokenizer.decoder.step(frames, &mut begun.decoder)?;
        self.clock.codec += begin.elapsed();
        self.clock.first_audio.get_or_insert_with(|| self.clock.begin.elapsed());
        let first_frame = self.decoded;
        self.decoded = self.codes.len();
        self.chunks.advance();
        let sample_rate = model.speech_tokenizer.config.output_sample_rate;
        Ok(Some(AudioChunk { samples, sample_rate, first_frame, n_frames: waiting }))
    }

    /// Whether there is no more to come.
    pub fn is_done(&self) -> bool {
        self.has_ended && self.decoded == self.codes.len()
    }

    pub fn progress(&self) -> FrameProgress {
        FrameProgress {
            frames: self.codes.len(),
            expected_frames: self.plan.expected_frames(),
            max_frames: self.plan.params.max_frames,
        }
    }

    /// What came of it; `audio` are the samples, where somebody kept them.
    pub fn finish(self, model: &Synthesizer, audio: Vec<f32>) -> SpeechResult {
        let sample_rate = model.speech_tokenizer.config.output_sample_rate;
        let n_samples = self.decoded * model.speech_tokenizer.decoder.samples_per_frame();
        let audio_duration = Duration::from_secs_f64(n_samples as f64 / f64::from(sample_rate));
        let processing_time = self.clock.begin.elapsed();
        let seconds = processing_time.as_secs_f64();
        let generation = self.begun.as_ref().map(|begun| &begun.generation);
        let timings = generation.map(Generation::timings).unwrap_or_default();
        let prompt_tokens = self.plan.prompt_tokens();
        SpeechResult {
            audio,
            n_samples,
            sample_rate,
            segment_idx: 0,
            token_count: self.codes.len(),
            code_count: self.codes.iter().map(Vec::len).sum(),
            audio_duration,
            real_time_factor: seconds / audio_duration.as_secs_f64(),
            prompt: PromptRate {
                tokens: prompt_tokens,
                tokens_per_second: prompt_tokens as f64 / timings.prefill.as_secs_f64(),
            },
            audio_samples: AudioRate {
                samples: n_samples,
                samples_per_second: n_samples as f64 / seconds,
            },
            processing_time,
            peak_memory_bytes: peak_memory_bytes(),
            stop_reason: generation
                .and_then(Generation::stop_reason)
                .unwrap_or(StopReason::MaxFrames),
            seed: self.plan.params.seed,
            timings: StageTimings {
                prefill: timings.prefill,
                talker: timings.talker,
                code_predictor: timings.code_predictor,
                codec: self.clock.codec,
                time_to_first_audio: self.clock.first_audio.unwrap_or(processing_time),
            },
            codes: SpeechCodes { codes: self.codes },
        }
    }
}
