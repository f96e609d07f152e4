//! A request of the pipeline from the fields of a request.

use std::sync::Arc;

use qwen3_tts_pipeline::{ChunkSchedule, Sampling, SpeechRequest, TextMode, Voice};

use super::fields::SpeechFields;
use super::format::OutputFormat;
use crate::error::{ApiError, ApiResult};
use crate::models::LoadedModel;

/// A request that is complete: model, voice, text and form of the audio.
pub struct Prepared {
    pub model: Arc<LoadedModel>,
    pub request: SpeechRequest,
    pub format: OutputFormat,
}

impl Prepared {
    /// Puts a request together. The model has not checked it yet.
    pub fn new(
        fields: &SpeechFields,
        model: Arc<LoadedModel>,
        voice: Voice,
        format: OutputFormat,
    ) -> Self {
        let is_cloned = matches!(voice, Voice::Cloned(_));
        let mut request = SpeechRequest::new(fields.input.clone().unwrap_or_default()).voice(voice);
        if let Some(language) = language(fields) {
            request = request.language(language);
        }
        request.instruct = instructions(fields).map(str::to_owned);
        request.text_mode = text_mode(fields).or(model.text_mode.filter(|_| is_cloned));
        request.sampling = sampling(fields);
        request.seed = fields.seed;
        request.max_frames = fields.max_new_tokens;
        if fields.stream == Some(false) {
            request = request.chunks(ChunkSchedule::pieces());
        }
        Self { model, request, format }
    }
}

/// Returns the text to speak.
///
/// # Errors
/// Returns an error if the text is missing, or longer than `max_chars`.
pub fn text(fields: &SpeechFields, max_chars: usize) -> ApiResult<&str> {
    let text = fields.input.as_deref().unwrap_or_default();
    if text.trim().is_empty() {
        let message = "`input`: the text to speak is missing";
        return Err(ApiError::invalid(message).param("input").code("missing_required_parameter"));
    }
    let found = text.chars().count();
    if found > max_chars {
        let message = format!(
            "`input`: the text has {found} characters; at most {max_chars} are spoken in one request"
        );
        return Err(ApiError::invalid(message).param("input").code("string_above_max_length"));
    }
    Ok(text)
}

/// Returns the instructions. The word `None`, which Home Assistant sends, counts as missing.
pub fn instructions(fields: &SpeechFields) -> Option<&str> {
    let words = fields.instructions.as_deref()?.trim();
    (!words.is_empty() && words != "None").then_some(words)
}

fn language(fields: &SpeechFields) -> Option<&str> {
    fields.language.as_deref().map(str::trim).filter(|language| !language.is_empty())
}

fn text_mode(fields: &SpeechFields) -> Option<TextMode> {
    fields.non_streaming_mode.map(|is_whole| match is_whole {
        true => TextMode::NonStreaming,
        false => TextMode::Streaming,
    })
}

fn sampling(fields: &SpeechFields) -> Sampling {
    Sampling {
        greedy: fields.do_sample == Some(false),
        do_sample: fields.do_sample,
        subtalker_do_sample: None,
        temperature: fields.temperature,
        top_k: fields.top_k,
        top_p: fields.top_p,
        repetition_penalty: fields.repetition_penalty,
        subtalker_temperature: fields.subtalker_temperature,
        subtalker_top_k: fields.subtalker_top_k,
        subtalker_top_p: fields.subtalker_top_p,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_none_is_no_instruction() {
        for (found, expected) in
            [(None, None), (Some("None"), None), (Some(" "), None), (Some("Sad."), Some("Sad."))]
        {
            let instructions_field = found.map(str::to_owned);
            let fields = SpeechFields { instructions: instructions_field, ..Default::default() };
            assert_eq!(instructions(&fields), expected);
        }
    }

    #[test]
    fn texts_are_limited_in_characters() {
        let of = |text: &str| SpeechFields { input: Some(text.to_owned()), ..Default::default() };
        assert!(text(&of("äöü"), 3).is_ok());
        assert!(text(&of("äöüß"), 3).unwrap_err().message.contains("4 characters"));
        for missing in [of(" \n"), SpeechFields::default()] {
            assert_eq!(text(&missing, 9).unwrap_err().code, Some("missing_required_parameter"));
        }
    }
}
