//! One request under way: frames from the talker, chunks of audio from the codec.
//!
//! Whatever speaks (a whole speech, a stream, many requests together) does it by these two steps.

use std::time::{Duration, Instant};

use qwen3_tts_codec::DecoderState;
use qwen3_tts_talker::{Generation, StopReason};

use crate::request::Plan;
use crate::result::{AudioRate, PromptRate, StageTimings, peak_memory_bytes};
use crate::stream::ChunkSizes;
use crate::{
    AudioChunk, ChunkSchedule, FrameProgress, Result, SpeechCodes, SpeechResult, Synthesizer,
};

/// A request that is being spoken.
pub(crate) struct Speaking {
    generation: Generation,
    has_ended: bool,
    codes: Vec<Vec<u32>>,
    /// How many of them are audio.
    decoded: usize,
    decoder: DecoderState,
    chunks: ChunkSizes,
    expected_frames: usize,
    max_frames: usize,
    prompt_tokens: usize,
    seed: u64,
    clock: Clock,
}

/// What is not measured by the talker itself.
struct Clock {
    begin: Instant,
    codec: Duration,
    first_audio: Option<Duration>,
    last_audio: Duration,
}

impl Speaking {
    /// Runs the prompt of a request that came in at `begin`.
    pub fn start(
        model: &Synthesizer,
        plan: &Plan,
        schedule: ChunkSchedule,
        begin: Instant,
    ) -> Result<Self> {
        let generation = model.talker.start(&plan.prompt, &plan.params)?;
        let begin_codec = Instant::now();
        let decoder = match &plan.prompt.reference {
            Some(reference) => model.speech_tokenizer.primed(&reference.frames)?,
            None => model.speech_tokenizer.decoder.new_state(),
        };
        let codec = begin_codec.elapsed();
        Ok(Self {
            generation,
            has_ended: false,
            codes: Vec::new(),
            decoded: 0,
            decoder,
            chunks: schedule.sizes(),
            expected_frames: plan.expected_frames(),
            max_frames: plan.params.max_frames,
            prompt_tokens: plan.prompt_tokens,
            seed: plan.params.seed,
            clock: Clock { begin, codec, first_audio: None, last_audio: Duration::ZERO },
        })
    }

    /// The next frame of each of `speakings`, or its end. What fails for one is that one's alone.
    pub fn step_together(model: &Synthesizer, speakings: &mut [&mut Self]) -> Vec<Result<()>> {
        let step = |speaking: &mut &mut Self| speaking.step(model);
        speakings.iter_mut().map(step).collect()
    }

    /// The next frame, or the end.
    pub fn step(&mut self, model: &Synthesizer) -> Result<()> {
        let frame = model.talker.next_frame(&mut self.generation)?;
        self.take(frame);
        Ok(())
    }

    fn take(&mut self, frame: Option<Vec<u32>>) {
        self.has_ended = frame.is_none();
        self.codes.extend(frame);
    }

    /// The next chunk of audio, where as many frames are there as it needs, or there will be no
    /// more.
    pub fn chunk(&mut self, model: &Synthesizer) -> Result<Option<AudioChunk>> {
        let waiting = self.codes.len() - self.decoded;
        if waiting == 0 || (waiting < self.chunks.size() && !self.has_ended) {
            return Ok(None);
        }
        let begin = Instant::now();
        let frames = &self.codes[self.decoded..];
        let samples = model.speech_tokenizer.decoder.step(frames, &mut self.decoder)?;
        self.clock.codec += begin.elapsed();
        self.clock.last_audio = self.clock.begin.elapsed();
        self.clock.first_audio.get_or_insert(self.clock.last_audio);
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
            expected_frames: self.expected_frames,
            max_frames: self.max_frames,
        }
    }

    /// What came of it; `audio` are the samples, where somebody kept them.
    pub fn finish(self, model: &Synthesizer, audio: Vec<f32>) -> SpeechResult {
        let sample_rate = model.speech_tokenizer.config.output_sample_rate;
        let n_samples = self.decoded * model.speech_tokenizer.decoder.samples_per_frame();
        let audio_duration = Duration::from_secs_f64(n_samples as f64 / f64::from(sample_rate));
        let processing_time = self.clock.begin.elapsed();
        let seconds = processing_time.as_secs_f64();
        let timings = self.generation.timings();
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
                tokens: self.prompt_tokens,
                tokens_per_second: self.prompt_tokens as f64 / timings.prefill.as_secs_f64(),
            },
            audio_samples: AudioRate {
                samples: n_samples,
                samples_per_second: n_samples as f64 / seconds,
            },
            processing_time,
            peak_memory_bytes: peak_memory_bytes(),
            stop_reason: self.generation.stop_reason().unwrap_or(StopReason::MaxFrames),
            seed: self.seed,
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
