//! The five published checkpoints parse to the values in their files.

use std::path::{Path, PathBuf};

use qwen3_tts_config::{
    Activation, ConfigError, GenerationConfig, ModelConfig, ModelSize, ModelType,
    SpeechTokenizerConfig,
};
use serde_json::Value;

const MODELS: [(&str, ModelType, ModelSize); 5] = [
    ("0.6B-Base", ModelType::Base, ModelSize::B0_6),
    ("0.6B-CustomVoice", ModelType::CustomVoice, ModelSize::B0_6),
    ("1.7B-Base", ModelType::Base, ModelSize::B1_7),
    ("1.7B-CustomVoice", ModelType::CustomVoice, ModelSize::B1_7),
    ("1.7B-VoiceDesign", ModelType::VoiceDesign, ModelSize::B1_7),
];

fn dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("Qwen3-TTS-12Hz-{name}"))
}

fn model(name: &str) -> ModelConfig {
    ModelConfig::from_file(dir(name).join("config.json")).unwrap()
}

fn raw(name: &str, file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(dir(name).join(file)).unwrap()).unwrap()
}

#[test]
fn every_checkpoint_is_what_its_name_says() {
    for (name, kind, size) in MODELS {
        let config = model(name);
        let raw = raw(name, "config.json");
        assert_eq!((config.tts_model_type, config.tts_model_size), (kind, size), "{name}");
        assert_eq!(config.speaker_encoder_config.is_some(), kind == ModelType::Base, "{name}");
        assert_eq!(config.speakers().count() > 0, kind == ModelType::CustomVoice, "{name}");
        assert!(config.quantization.is_none(), "{name}");
        assert_eq!(config.tokenizer_type, raw["tokenizer_type"].as_str().unwrap());

        let codec =
            SpeechTokenizerConfig::from_file(dir(name).join("speech_tokenizer/config.json"))
                .unwrap();
        codec.validate_for(&config).unwrap();
        GenerationConfig::from_file(dir(name).join("generation_config.json")).unwrap();
    }
}

#[test]
fn the_talker_has_every_value_of_its_file() {
    for (name, ..) in MODELS {
        let talker = model(name).talker_config;
        let json = &raw(name, "config.json")["talker_config"];
        let is = |field: &str, value: usize| {
            assert_eq!(json[field].as_u64(), Some(value as u64), "{name} {field}");
        };
        is("vocab_size", talker.vocab_size);
        is("hidden_size", talker.hidden_size);
        is("intermediate_size", talker.intermediate_size);
        is("num_hidden_layers", talker.num_hidden_layers);
        is("num_attention_heads", talker.num_attention_heads);
        is("num_key_value_heads", talker.num_key_value_heads);
        is("head_dim", talker.head_dim);
        is("max_position_embeddings", talker.max_position_embeddings);
        is("num_code_groups", talker.num_code_groups);
        is("text_hidden_size", talker.text_hidden_size);
        is("text_vocab_size", talker.text_vocab_size);
        is("codec_eos_token_id", talker.codec_eos_token_id as usize);
        is("codec_think_id", talker.codec_think_id as usize);
        is("codec_nothink_id", talker.codec_nothink_id as usize);
        is("codec_think_bos_id", talker.codec_think_bos_id as usize);
        is("codec_think_eos_id", talker.codec_think_eos_id as usize);
        is("codec_pad_id", talker.codec_pad_id as usize);
        is("codec_bos_id", talker.codec_bos_id as usize);
        assert_eq!(json["rope_theta"].as_f64(), Some(talker.rope.theta));
        assert_eq!(json["rms_norm_eps"].as_f64(), Some(talker.rms_norm_eps));
        assert_eq!(json["hidden_act"], talker.hidden_act.to_string());
        let section = talker.rope.scaling.unwrap().mrope_section.unwrap();
        assert_eq!(section, [24, 20, 20]);
        assert_eq!(talker.code_predictor_config.hidden_size, 1024);
        assert_eq!(talker.code_predictor_config.num_hidden_layers, 5);
    }
}

#[test]
fn the_codec_has_the_published_rates() {
    let codec =
        SpeechTokenizerConfig::from_file(dir("0.6B-Base").join("speech_tokenizer/config.json"))
            .unwrap();
    assert_eq!(codec.frame_rate(), 12.5);
    assert_eq!(codec.decoder_config.total_upsample(), 1920);
    assert_eq!(codec.decoder_config.sliding_window, 72);
    let encoder = codec.encoder_config.unwrap();
    assert_eq!((encoder.num_quantizers, encoder.hidden_act), (32, Activation::Gelu));
}

#[test]
fn speakers_keep_the_order_of_the_file_and_match_in_any_case() {
    let config = model("0.6B-CustomVoice");
    let names: Vec<_> = config.speakers().map(|speaker| speaker.name).collect();
    assert_eq!(names[..3], ["serena", "vivian", "uncle_fu"]);
    assert_eq!(config.speaker("Uncle_Fu").unwrap().id, 3010);
    assert_eq!(config.speaker("DYLAN").unwrap().dialect, Some("beijing_dialect"));
    let error = config.speaker("bob").unwrap_err();
    assert!(matches!(&error, ConfigError::UnknownSpeaker { supported, .. } if supported == &names));
    assert!(error.to_string().contains("\"bob\"") && error.to_string().contains("ono_anna"));
}

#[test]
fn a_dialect_replaces_chinese_and_auto_only() {
    let config = model("1.7B-CustomVoice");
    let ids = &config.talker_config.codec_language_id;
    let id = |name| ids.get(name).copied();
    let token = |language, speaker| config.language_token(language, speaker).unwrap();
    assert_eq!(token("Auto", None), None);
    assert_eq!(token("auto", Some("serena")), None);
    assert_eq!(token("auto", Some("Eric")), id("sichuan_dialect"));
    assert_eq!(token("Chinese", Some("dylan")), id("beijing_dialect"));
    assert_eq!(token("chinese", Some("ryan")), id("chinese"));
    assert_eq!(token("English", Some("eric")), id("english"));
    assert_eq!(token("chinese", None), id("chinese"));
}

#[test]
fn languages_leave_out_dialects() {
    let config = model("0.6B-CustomVoice");
    assert_eq!(config.languages().count(), 10);
    let error = config.language_id("klingon").unwrap_err().to_string();
    assert!(error.contains("\"klingon\"") && error.contains("auto, chinese"), "{error}");
    assert!(!error.contains("dialect"), "{error}");
    assert!(model("1.7B-VoiceDesign").language_id("beijing_dialect").is_err());
}

#[test]
fn instructions_are_for_those_that_follow_them() {
    let takes: Vec<_> = MODELS.iter().map(|(name, ..)| model(name).takes_instruct()).collect();
    assert_eq!(takes, [false, false, false, true, true]);
}

#[test]
fn sampling_defaults_are_the_official_ones() {
    let published = GenerationConfig::from_file(dir("0.6B-Base").join("generation_config.json"));
    let fallback = GenerationConfig::from_json("{}").unwrap();
    assert_eq!(fallback.max_new_tokens, 2048);
    let mut expected = fallback;
    expected.max_new_tokens = 8192;
    assert_eq!(published.unwrap(), expected);
}
