//! A speech on its way to a client.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qwen3_tts_audio::EffectChain;
use qwen3_tts_pipeline::{Error, ErrorKind, Speech, SpeechEvent};

use super::format::OutputFormat;
use super::prepare::Prepared;
use crate::access::Permit;
use crate::error::ApiResult;
use crate::models::LoadedModel;

/// A speech that a model makes for a client. Dropping it cancels it and frees its place.
pub struct Utterance {
    speech: Speech,
    model: Arc<LoadedModel>,
    pub format: OutputFormat,
    chain: EffectChain,
    pace: Pace,
    has_ended: bool,
    _permit: Permit,
}

/// Numbers of tokens of a speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of text and instructions.
    pub input_tokens: usize,
    /// Frames of 80 ms.
    pub output_tokens: usize,
}

/// Times of a speech. Time in which the client takes nothing does not count.
struct Pace {
    begin: Instant,
    has_begun: bool,
    /// Time spent waiting for audio after the first.
    waited: Duration,
    /// Audio delivered.
    audio: Duration,
    has_underrun: bool,
}

impl Utterance {
    /// Begins to speak a request that arrived at `begin`.
    ///
    /// # Errors
    /// Returns an error if the model cannot honour the request.
    pub fn begin(prepared: Prepared, permit: Permit, begin: Instant) -> ApiResult<Self> {
        let Prepared { model, request, format } = prepared;
        model.touch();
        let speech = model.tts.speak(request)?;
        let chain = format.effects.begin(speech.sample_rate());
        let pace = Pace::new(begin);
        Ok(Self { speech, model, format, chain, pace, has_ended: false, _permit: permit })
    }

    /// Returns the sample rate in Hz of the samples, before they are encoded.
    pub fn sample_rate(&self) -> u32 {
        self.speech.sample_rate()
    }

    /// Returns the seed of the speech.
    pub fn seed(&self) -> u64 {
        self.speech.seed()
    }

    /// Waits for the next samples. Returns `None` after the end or an error.
    pub async fn next(&mut self) -> Option<ApiResult<Vec<f32>>> {
        while !self.has_ended {
            let begin = Instant::now();
            let event = poll_fn(|context| self.speech.poll_event(context)).await;
            let samples = match event {
                Some(Ok(SpeechEvent::Chunk(chunk))) => {
                    self.hear(chunk.samples.len(), chunk.n_frames, begin.elapsed());
                    self.chain.push(&chunk.samples)
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Some(Err(self.fail(error).into())),
                None => {
                    self.complete();
                    self.chain.finish()
                }
            };
            if !samples.is_empty() {
                return Some(Ok(samples));
            }
        }
        None
    }

    /// Returns the numbers of tokens; zero before the end.
    pub fn usage(&self) -> Usage {
        self.speech.output().map_or_else(Usage::default, |output| Usage {
            input_tokens: output.prompt_tokens,
            output_tokens: output.codes.codes.len(),
        })
    }

    fn hear(&mut self, n_samples: usize, n_frames: usize, waited: Duration) {
        let metrics = &self.model.metrics;
        metrics.frames.increment(n_frames as u64);
        let rate = f64::from(self.speech.sample_rate());
        if let Some(first) =
            self.pace.hear(Duration::from_secs_f64(n_samples as f64 / rate), waited)
        {
            metrics.first_audio.record(first.as_secs_f64());
        }
    }

    fn complete(&mut self) {
        self.has_ended = true;
        self.model.touch();
        let metrics = &self.model.metrics;
        metrics.completed.increment(1);
        metrics.record_pace(self.pace.audio, self.pace.waited);
        if self.pace.has_underrun {
            metrics.underruns.increment(1);
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.has_ended = true;
        match error.kind() {
            ErrorKind::Cancelled => self.model.metrics.cancelled.increment(1),
            _ => self.model.metrics.failed.increment(1),
        }
        error
    }
}

impl Drop for Utterance {
    fn drop(&mut self) {
        if !self.has_ended {
            self.model.metrics.cancelled.increment(1);
        }
        self.model.touch();
    }
}

impl Pace {
    fn new(begin: Instant) -> Self {
        let zero = Duration::ZERO;
        Self { begin, has_begun: false, waited: zero, audio: zero, has_underrun: false }
    }

    /// Notes that audio came after a wait. Returns the time to the first audio if this is it.
    fn hear(&mut self, audio: Duration, waited: Duration) -> Option<Duration> {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if !is_first {
            self.waited += waited;
            // What was delivered before has been played.
            self.has_underrun |= self.waited > self.audio;
        }
        self.audio += audio;
        is_first.then(|| self.begin.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_waits_if_audio_comes_too_late() {
        let ms = Duration::from_millis;
        let mut pace = Pace::new(Instant::now());
        assert!(pace.hear(ms(80), ms(500)).is_some(), "the first audio");
        assert!(pace.hear(ms(160), ms(80)).is_none());
        assert!(!pace.has_underrun);
        pace.hear(ms(160), ms(161));
        assert!(pace.has_underrun);
        assert_eq!((pace.audio, pace.waited), (ms(400), ms(241)));
    }
}
