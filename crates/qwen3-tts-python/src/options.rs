//! The options of a request.

use std::time::Duration;

use pyo3::conversion::FromPyObjectOwned;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use qwen3_tts_pipeline::Voice::Unspecified;
use qwen3_tts_pipeline::{ChunkSchedule, LongText, Sampling, SpeechRequest, TextMode};

use crate::error::invalid_request;
use crate::fields::{BOOL, COUNT, NUMBER, TEXT, field};
use crate::voice::Voice;

/// Options by name, as `qwen3_tts.SpeakOptions` describes them. Those that are absent or `None` have
/// their defaults.
pub struct Options<'a, 'py>(pub &'a Bound<'py, PyDict>);

impl<'py> Options<'_, 'py> {
    /// Returns the request to speak a text.
    ///
    /// # Errors
    /// Returns an exception that names an option of the wrong type or out of range.
    pub fn request(&self, text: &str) -> PyResult<SpeechRequest> {
        let mut request = SpeechRequest::new(text);
        if let Some(name) = self.get::<String>("speaker", TEXT)? {
            request = request.speaker(name);
        }
        if self.get("no_speaker", BOOL)?.unwrap_or(false) {
            request = request.voice(Unspecified);
        }
        if let Some(voice) = self.get::<PyRef<'py, Voice>>("voice", "a Voice")? {
            request = request.cloned(voice.shared());
        }
        if let Some(language) = self.get::<String>("language", TEXT)? {
            request = request.language(language);
        }
        request.instruct = self.get("instruct", TEXT)?;
        request.markup = self.get("markup", BOOL)?.unwrap_or(false);
        request.seed = self.get("seed", "an integer from 0 to 2**64 - 1")?;
        request.max_frames = self.get("max_frames", COUNT)?;
        request.text_mode = self.text_mode()?;
        request.sampling = self.sampling()?;
        request.long_text = self.long_text()?;
        request.chunks = self.chunks()?;
        if let Some(buffered) = self.get("buffered_chunks", COUNT)? {
            request.buffered_chunks = buffered;
        }
        Ok(request)
    }

    fn text_mode(&self) -> PyResult<Option<TextMode>> {
        let whole: Option<bool> = self.get("non_streaming_mode", BOOL)?;
        Ok(whole.map(|whole| if whole { TextMode::NonStreaming } else { TextMode::Streaming }))
    }

    fn sampling(&self) -> PyResult<Sampling> {
        Ok(Sampling {
            greedy: self.get("greedy", BOOL)?.unwrap_or(false),
            do_sample: self.get("do_sample", BOOL)?,
            subtalker_do_sample: self.get("subtalker_do_sample", BOOL)?,
            temperature: self.get("temperature", NUMBER)?,
            top_k: self.get("top_k", COUNT)?,
            top_p: self.get("top_p", NUMBER)?,
            repetition_penalty: self.get("repetition_penalty", NUMBER)?,
            subtalker_temperature: self.get("subtalker_temperature", NUMBER)?,
            subtalker_top_k: self.get("subtalker_top_k", COUNT)?,
            subtalker_top_p: self.get("subtalker_top_p", NUMBER)?,
        })
    }

    fn long_text(&self) -> PyResult<LongText> {
        let mut long_text = LongText::default();
        if let Some(tokens) = self.get("piece_tokens", COUNT)? {
            long_text.piece_tokens = Some(tokens);
        }
        if let Some(retries) = self.get("retries", COUNT)? {
            long_text.retries = Some(retries);
        }
        if let Some(together) = self.get("together", COUNT)? {
            long_text.together = together;
        }
        long_text.each_sentence = self.get("each_sentence", BOOL)?.unwrap_or(false);
        let pauses = [
            ("clause_pause", &mut long_text.clause_pause),
            ("sentence_pause", &mut long_text.sentence_pause),
            ("paragraph_pause", &mut long_text.paragraph_pause),
        ];
        for (name, pause) in pauses {
            if let Some(seconds) = self.get::<f64>(name, "seconds")? {
                *pause = Duration::try_from_secs_f64(seconds).map_err(|_| {
                    let message = format!("{name}: expected seconds, not negative, not {seconds}");
                    invalid_request(self.0.py(), message)
                })?;
            }
        }
        if !self.get("long_text", BOOL)?.unwrap_or(true) {
            long_text.piece_tokens = None;
            long_text.retries = None;
        }
        Ok(long_text)
    }

    fn chunks(&self) -> PyResult<ChunkSchedule> {
        if self.get("whole_pieces", BOOL)?.unwrap_or(false) {
            return Ok(ChunkSchedule::pieces());
        }
        let first = self.get("first_chunk", COUNT)?;
        let most = self.get("max_chunk", COUNT)?;
        match (first, most) {
            (None, None) => Ok(ChunkSchedule::default()),
            (first, most) => {
                let first = first.unwrap_or(1);
                Ok(ChunkSchedule::growing(first, 2, most.unwrap_or(16).max(first)))
            }
        }
    }

    fn get<T: FromPyObjectOwned<'py>>(&self, name: &str, expected: &str) -> PyResult<Option<T>> {
        field(self.0, name, expected)
    }
}
