//! Work on recordings and codes, done in slices between the steps of active speeches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;

use qwen3_tts_codec::{DecoderState, Encoding};

use super::codes::SpeechCodes;
use super::model::Model;
use super::output::StageTimings;
use super::request::DECODED_TOGETHER;
use crate::error::{Error, Result};
use crate::voice::{ClonedVoice, VoiceReference};

/// Work that is done in slices, so that no speech waits for all of it.
pub(super) trait Work: Send + 'static {
    /// Result of the work.
    type Output: Send + 'static;

    /// Does the next slice. Returns the result after the last one.
    fn slice(&mut self, model: &mut Model) -> Result<Option<Self::Output>>;
}

/// Work with the caller that waits for its result.
pub(super) struct Task(Box<Slice>);

/// Does a slice of the work.
type Slice = dyn FnMut(&mut Model) -> Option<Reply> + Send;

/// Sends the result to the caller.
pub(super) type Reply = Box<dyn FnOnce()>;

impl Task {
    /// Creates a task, and the place where its result will arrive.
    pub fn new<W: Work>(mut work: W) -> (Self, Receiver<Result<W::Output>>) {
        let (sender, result) = mpsc::channel();
        let run = move |model: &mut Model| {
            let result = guarded(|| work.slice(model)).transpose()?;
            let sender: Sender<Result<W::Output>> = sender.clone();
            // Sending fails if the caller is gone.
            Some(Box::new(move || drop(sender.send(result))) as Reply)
        };
        (Self(Box::new(run)), result)
    }

    /// Does the next slice. Returns the reply after the last one.
    pub fn slice(&mut self, model: &mut Model) -> Option<Reply> {
        (self.0)(model)
    }
}

/// Turns a panic, which is a defect of this program, into an error of one request.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<&str>().map(ToString::to_string);
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Internal(message.unwrap_or_else(|| "a panic".to_owned())))
    })
}

/// Samples to codes.
pub(super) struct Encode {
    samples: Vec<f32>,
    encoding: Option<Encoding>,
}

impl Encode {
    /// Encodes mono samples at 24 kHz.
    pub fn new(samples: Vec<f32>) -> Self {
        Self { samples, encoding: None }
    }
}

impl Work for Encode {
    type Output = SpeechCodes;

    fn slice(&mut self, model: &mut Model) -> Result<Option<SpeechCodes>> {
        let encoder = model.encoder()?;
        match &mut self.encoding {
            Some(encoding) => Ok(encoder.advance(encoding)?.map(|codes| SpeechCodes { codes })),
            none => {
                *none = Some(encoder.begin(std::mem::take(&mut self.samples))?);
                Ok(None)
            }
        }
    }
}

/// Codes to samples.
pub(super) struct Decode {
    codes: SpeechCodes,
    decoded: usize,
    state: Option<DecoderState>,
    samples: Vec<f32>,
}

impl Decode {
    /// Decodes codes that fit the codec.
    pub fn new(codes: SpeechCodes) -> Self {
        Self { codes, decoded: 0, state: None, samples: Vec::new() }
    }
}

impl Work for Decode {
    type Output = Vec<f32>;

    fn slice(&mut self, model: &mut Model) -> Result<Option<Vec<f32>>> {
        let state = self.state.get_or_insert_with(|| model.decoder.new_state());
        let rest = &self.codes.codes[self.decoded..];
        let frames = &rest[..rest.len().min(DECODED_TOGETHER)];
        self.samples.extend(model.decoder.step(frames, state)?);
        self.decoded += frames.len();
        let is_last = self.decoded == self.codes.codes.len();
        Ok(is_last.then(|| std::mem::take(&mut self.samples)))
    }
}

/// A recording to a voice.
pub(super) struct CloneVoice {
    samples: Vec<f32>,
    /// Embedding, once it is there.
    embedding: Option<Vec<f32>>,
    /// Transcript and encoding of the recording, if it has a transcript.
    reference: Option<(String, Encode)>,
    timings: StageTimings,
}

impl CloneVoice {
    /// Clones the voice of mono samples at 24 kHz.
    pub fn new(samples: Vec<f32>, transcript: Option<String>) -> Self {
        let reference = transcript.map(|transcript| (transcript, Encode::new(samples.clone())));
        Self { samples, embedding: None, reference, timings: StageTimings::default() }
    }
}

impl Work for CloneVoice {
    type Output = (ClonedVoice, StageTimings);

    fn slice(&mut self, model: &mut Model) -> Result<Option<Self::Output>> {
        let reference = match (&self.embedding, &mut self.reference) {
            (None, _) => {
                let encoder = model.voice_encoder()?;
                let begin = Instant::now();
                self.embedding = Some(encoder.embed(&self.samples)?);
                self.timings.speaker_encoder = begin.elapsed();
                return Ok(None);
            }
            (Some(_), None) => None,
            (Some(_), Some((transcript, encode))) => {
                // The time does not include loading.
                model.encoder()?;
                let begin = Instant::now();
                let codes = encode.slice(model)?;
                *self.timings.speech_encoder.get_or_insert_default() += begin.elapsed();
                let Some(codes) = codes else { return Ok(None) };
                let transcript = std::mem::take(transcript);
                Some(VoiceReference::new(codes.codes, transcript))
            }
        };
        let embedding = self.embedding.take().unwrap_or_default();
        Ok(Some((model.voice_encoder()?.voice(embedding, reference), self.timings)))
    }
}
