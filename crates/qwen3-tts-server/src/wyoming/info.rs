//! The answer to `describe`: one program with all voices.

use qwen3_tts_config::Language;
use serde_json::{Value, json};

use crate::error::ApiResult;
use crate::service::Service;
use crate::voices::{VoiceKind, list};

/// Returns the data of the event `info`.
///
/// # Errors
/// Returns an error if the voices cannot be listed.
pub async fn info(service: &Service) -> ApiResult<Value> {
    let registered = service.voices.entries().await?;
    let voices = list(&service.voices, &service.models, &registered);
    let voices: Vec<Value> = voices
        .iter()
        .filter(|voice| voice.kind != VoiceKind::Alias && !voice.models.is_empty())
        .map(|voice| describe_voice(&voice.id, &voice.languages))
        .collect();
    Ok(describe(&voices))
}

fn describe(voices: &[Value]) -> Value {
    let program = json!({
        "name": "qwen3-tts", "description": "Qwen3-TTS", "attribution": attribution(),
        "installed": true, "version": env!("CARGO_PKG_VERSION"), "voices": voices,
        "supports_synthesize_streaming": true,
    });
    json!({
        "asr": [], "tts": [program], "handle": [], "intent": [], "wake": [], "mic": [], "snd": [],
    })
}

fn describe_voice(name: &str, languages: &[String]) -> Value {
    json!({
        "name": name, "description": name, "attribution": attribution(), "installed": true,
        "version": null, "languages": codes(languages), "speakers": null,
    })
}

fn attribution() -> Value {
    json!({ "name": "Qwen3-TTS", "url": env!("CARGO_PKG_REPOSITORY") })
}

/// Returns the codes of languages, by which Home Assistant knows them.
fn codes(names: &[String]) -> Vec<&str> {
    let code = |name| match Language::named(name) {
        Some(language) => language.code(),
        None => name,
    };
    names.iter().map(|name| code(name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_codes() {
        let languages = ["german", "chinese", "klingon"].map(str::to_owned).to_vec();
        let info = describe(&[describe_voice("ryan", &languages)]);
        let voice = &info["tts"][0]["voices"][0];
        assert_eq!(voice["languages"], json!(["de", "zh", "klingon"]));
        assert_eq!(voice["installed"], true);
        assert_eq!(info["tts"][0]["supports_synthesize_streaming"], true);
    }
}
