//! The configuration files of the published checkpoints.

use serde_json::{Map, Value, json};

use super::kind::{Kind, Size};

/// Returns the name and content of every .json file except vocab.json.
pub fn files(size: Size, kind: Kind) -> Vec<(&'static str, Value)> {
    vec![
        ("config.json", model(size, kind)),
        ("generation_config.json", generation()),
        ("preprocessor_config.json", preprocessor()),
        ("tokenizer_config.json", tokenizer()),
        ("speech_tokenizer/config.json", speech_tokenizer()),
        ("speech_tokenizer/configuration.json", speech_configuration()),
        ("speech_tokenizer/preprocessor_config.json", speech_preprocessor()),
    ]
}

fn model(size: Size, kind: Kind) -> Value {
    let mut config = template(include_str!("../../templates/config.json"));
    let hidden = if size == Size::Small { 1024 } else { 2048 };
    config["tts_model_size"] = json!(if size == Size::Small { "0b6" } else { "1b7" });
    config["tts_model_type"] = json!(match kind {
        Kind::CustomVoice => "custom_voice",
        Kind::VoiceDesign => "voice_design",
        Kind::Base => "base",
    });
    config["talker_config"]["hidden_size"] = json!(hidden);
    config["talker_config"]["intermediate_size"] = json!(3 * hidden);
    if kind != Kind::CustomVoice {
        without_preset_voices(&mut config["talker_config"]);
    }
    if kind == Kind::Base {
        config["speaker_encoder_config"] = json!({"enc_dim": hidden, "sample_rate": 24000});
    }
    config
}

fn without_preset_voices(talker: &mut Value) {
    talker["spk_id"] = json!({});
    talker["spk_is_dialect"] = json!({});
    if let Some(languages) = talker["codec_language_id"].as_object_mut() {
        languages.retain(|name, _| !name.contains("dialect"));
    }
}

fn generation() -> Value {
    json!({
        "do_sample": true,
        "repetition_penalty": 1.05,
        "temperature": 0.9,
        "top_p": 1.0,
        "top_k": 50,
        "subtalker_dosample": true,
        "subtalker_temperature": 0.9,
        "subtalker_top_p": 1.0,
        "subtalker_top_k": 50,
        "max_new_tokens": 8192,
    })
}

fn preprocessor() -> Value {
    json!({
        "padding_side": "left",
        "padding_value": 0.0,
        "processor_class": "Qwen3TTSProcessor",
        "return_attention_mask": true,
    })
}

/// Added tokens from id 151643 on, in the published order; a star marks those not special.
const ADDED: &str = "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> \
    <|box_start|> <|box_end|> <|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> \
    <|vision_pad|> <|image_pad|> <|video_pad|> *<tool_call> *</tool_call> *<|fim_prefix|> \
    *<|fim_middle|> *<|fim_suffix|> *<|fim_pad|> *<|repo_name|> *<|file_sep|> *<tool_response> \
    *</tool_response> *<think> *</think> <|audio_start|> <|audio_end|> <tts_pad> <tts_text_bos> \
    <tts_text_eod> <tts_text_bos_single> <|audio_pad|>";

fn tokenizer() -> Value {
    let mut added = Map::new();
    for (index, token) in ADDED.split_whitespace().enumerate() {
        let content = token.trim_start_matches('*');
        let entry = json!({
            "content": content,
            "lstrip": false,
            "normalized": false,
            "rstrip": false,
            "single_word": false,
            "special": content == token,
        });
        added.insert((151_643 + index).to_string(), entry);
    }
    json!({
        "add_bos_token": false,
        "add_prefix_space": false,
        "added_tokens_decoder": added,
        "bos_token": null,
        "clean_up_tokenization_spaces": false,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 131072,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": false,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": null,
    })
}

fn speech_tokenizer() -> Value {
    template(include_str!("../../templates/speech_tokenizer.json"))
}

fn speech_configuration() -> Value {
    json!({"framework": "pytorch", "task": "feature-extraction", "allow_remote": true})
}

fn speech_preprocessor() -> Value {
    json!({
        "chunk_length_s": null,
        "feature_extractor_type": "EncodecFeatureExtractor",
        "feature_size": 1,
        "overlap": null,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": true,
        "sampling_rate": 24000,
    })
}

/// Parses a template of this repository, which the tests below check.
fn template(text: &str) -> Value {
    serde_json::from_str(text).expect("the templates are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_sizes_differ_as_the_published_ones_do() {
        let small = model(Size::Small, Kind::CustomVoice);
        assert_eq!(small["talker_config"]["spk_id"].as_object().map(Map::len), Some(9));
        assert_eq!(small["talker_config"]["codec_language_id"].as_object().map(Map::len), Some(12));
        assert!(small.get("speaker_encoder_config").is_none());
        let base = model(Size::Large, Kind::Base);
        assert_eq!(base["talker_config"]["hidden_size"], 2048);
        assert_eq!(base["talker_config"]["intermediate_size"], 6144);
        assert_eq!(base["talker_config"]["codec_language_id"].as_object().map(Map::len), Some(10));
        assert_eq!(base["speaker_encoder_config"]["enc_dim"], 2048);
    }

    #[test]
    fn added_tokens_have_their_published_ids() {
        let added = &tokenizer()["added_tokens_decoder"];
        for (id, content, special) in [
            ("151644", "<|im_start|>", true),
            ("151667", "<think>", false),
            ("151671", "<tts_pad>", true),
            ("151673", "<tts_text_eod>", true),
        ] {
            assert_eq!(added[id]["content"], content);
            assert_eq!(added[id]["special"], special);
        }
    }
}
