//! The order in which a name is looked up, and the models that are chosen.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qwen3_tts_pipeline::ModelFiles;
use serde_json::{Value, json};

use super::super::sample;
use super::*;
use crate::metrics::Metrics;
use crate::settings::{ModelSetting, Settings};

/// Names of models.
const CUSTOM: &str = "custom";
const DESIGN: &str = "design";
const BASE: &str = "base";

/// Returns models of the demo voice. The one that makes voices from descriptions has only the
/// configuration of such a model.
fn models(names: &[&str]) -> Arc<Models> {
    let model = |name: &&str| {
        let files = match *name {
            CUSTOM => ModelFiles::embedded(qwen3_tts_demo::custom_voice()),
            BASE => ModelFiles::embedded(qwen3_tts_demo::base()),
            _ => ModelFiles::embedded(qwen3_tts_demo::base().map(|(name, content)| match name {
                "config.json" => (name, design(content)),
                _ => (name, content),
            })),
        };
        ModelSetting::new(*name, files)
    };
    let models = names.iter().map(model).collect();
    Models::new(&Settings { models, ..Default::default() }, Metrics::new()).unwrap()
}

/// Turns the configuration of a base model into that of one that makes voices from descriptions.
fn design(config: &[u8]) -> &'static [u8] {
    let mut config: Value = serde_json::from_slice(config).unwrap();
    config["tts_model_type"] = "voice_design".into();
    config.as_object_mut().unwrap().remove("speaker_encoder_config");
    config.to_string().into_bytes().leak()
}

fn voices(directory: Option<&Path>, aliases: &[(&str, &str)]) -> Voices {
    let owned = |&(alias, voice): &(&str, &str)| (alias.to_owned(), voice.to_owned());
    let (directory, aliases) = (directory.map(Path::to_owned), aliases.iter().map(owned).collect());
    let aliases = Aliases::new(&aliases).unwrap();
    Voices::open(&VoiceSettings { directory, ..Default::default() }, aliases).unwrap()
}

/// Returns the first two speakers of the custom voice model.
fn speakers(models: &Models) -> [String; 2] {
    let config = models.choose(Some(CUSTOM), &Need::Any).unwrap().config;
    let mut names = config.speakers().map(|speaker| speaker.name.to_owned());
    [names.next().unwrap(), names.next().unwrap()]
}

/// Writes a voice that fits the base model.
fn register(directory: &Path, models: &Models, id: &str) {
    let config = models.choose(Some(BASE), &Need::Any).unwrap().config;
    let mut voice = sample::voice(1.0);
    voice.tts_model_size = config.tts_model_size;
    voice.speaker_embedding = vec![1.0; config.talker_config.hidden_size];
    voice.reference = None;
    voice.save(directory.join(format!("{id}.voice"))).unwrap();
}

fn fields(json: Value) -> SpeechFields {
    SpeechFields::from_object(json.as_object().unwrap().clone()).unwrap()
}

#[tokio::test]
async fn a_name_is_looked_up_in_order() {
    let models = models(&[CUSTOM, BASE]);
    let [first, second] = speakers(&models);
    let temp = tempfile::tempdir().unwrap();
    let set = [(first.as_str(), second.as_str()), ("alloy", second.as_str()), ("me", "ann")];
    let book = voices(Some(temp.path()), &set);
    let resolved = async |name: &str| {
        let (facts, voice) = book.resolve(&models, None, name).await.unwrap();
        (facts.name, voice)
    };
    // An alias that was set comes before the speaker, and before OpenAI's alias.
    let speaker = |name: &str| Voice::Speaker(name.to_owned());
    assert_eq!(resolved(&first).await, (CUSTOM, speaker(&second)));
    assert_eq!(resolved("Alloy").await, (CUSTOM, speaker(&second)));
    assert_eq!(resolved(&second).await, (CUSTOM, speaker(&second)));
    // A registered voice comes before all of them.
    for id in [first.to_lowercase().as_str(), "alloy", "ann"] {
        register(temp.path(), &models, id);
    }
    for name in [first.as_str(), "alloy", "Ann", "me"] {
        let (model, voice) = resolved(name).await;
        assert!(model == BASE && matches!(voice, Voice::Cloned(_)), "{name}");
    }
}

#[tokio::test]
async fn blends_are_those_of_a_model() {
    let models = models(&[BASE, CUSTOM]);
    let [first, second] = speakers(&models);
    let blend = format!("{first}:0.7,{second}:0.3");
    let book = voices(None, &[("both", &blend)]);
    for name in [blend.as_str(), "both"] {
        let (facts, voice) = book.resolve(&models, None, name).await.unwrap();
        assert_eq!((facts.name, voice), (CUSTOM, Voice::Speaker(blend.clone())));
    }
    let wrong = format!("{first}:0.7,nobody:0.3");
    for (wrong, reason) in
        [(wrong.as_str(), "unknown speaker \"nobody\""), ("nobody:0.7,none:0.3", "no voice")]
    {
        let error = book.resolve(&models, None, wrong).await.unwrap_err();
        assert_eq!((error.status.as_u16(), error.code), (404, Some("voice_not_found")));
        assert!(error.message.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_missing_voice_is_an_error_with_a_suggestion() {
    let models = models(&[CUSTOM, BASE]);
    let book = voices(None, &[("me", "gone")]);
    let error = book.resolve(&models, None, "aloy").await.unwrap_err();
    assert_eq!((error.status.as_u16(), error.code), (404, Some("voice_not_found")));
    assert!(error.message.contains("did you mean \"alloy\"?"), "{error}");
    let error = book.resolve(&models, None, "me").await.unwrap_err();
    assert!(error.message.contains("\"gone\", which the alias \"me\" stands for"), "{error}");
    let error = book.resolve(&models, Some("nothing"), "alloy").await.unwrap_err();
    assert_eq!(error.code, Some("model_not_found"));
    // A base model has no speakers, and so no aliases.
    let error = book.resolve(&models, Some(BASE), "alloy").await.unwrap_err();
    assert_eq!(error.code, Some("voice_not_found"));
    assert!(error.message.contains("\"base\" does not have the voice \"alloy\""), "{error}");
    // Names of another length are not similar.
    let error = book.resolve(&models, None, "ana").await.unwrap_err();
    assert!(!error.message.contains("did you mean"), "{error}");
    let temp = tempfile::tempdir().unwrap();
    register(temp.path(), &models, "Ann");
    let book = voices(Some(temp.path()), &[]);
    let error = book.resolve(&models, None, "ann").await.unwrap_err();
    assert!(error.message.contains("did you mean \"Ann\"?"), "{error}");
}

#[tokio::test]
async fn a_named_model_that_cannot_speak_with_a_voice_is_an_error() {
    let models = models(&[CUSTOM, BASE]);
    let temp = tempfile::tempdir().unwrap();
    register(temp.path(), &models, "ann");
    let book = voices(Some(temp.path()), &[]);
    let error = book.resolve(&models, Some(CUSTOM), "ann").await.unwrap_err();
    assert!(error.status == 400 && error.message.contains("name a Base model"), "{error}");
    assert!(book.resolve(&models, Some(BASE), "ann").await.is_ok());
    // A voice of another size fits no model here.
    sample::voice(1.0).save(temp.path().join("large.voice")).unwrap();
    let error = book.resolve(&models, None, "large").await.unwrap_err();
    assert!(error.message.contains("the Base model that it was made with"), "{error}");
}

#[tokio::test]
async fn the_model_follows_from_what_is_asked_for() {
    let models = models(&[CUSTOM, DESIGN, BASE]);
    let book = voices(None, &[]);
    let [first, _] = speakers(&models);
    let chosen = async |json: Value| {
        let fields = fields(json);
        let task = Task::of(&fields).unwrap();
        book.find_both(&models, &fields, task).await.map(|(model, voice)| (model.to_owned(), voice))
    };
    let json = json!({});
    assert_eq!(chosen(json).await.unwrap(), (CUSTOM.to_owned(), Voice::Default));
    let json = json!({ "voice": "default", "instructions": "A calm voice." });
    assert_eq!(chosen(json).await.unwrap(), (DESIGN.to_owned(), Voice::Default));
    let json = json!({ "voice": "alloy", "instructions": "Slowly." });
    assert_eq!(chosen(json).await.unwrap().0, CUSTOM);
    for mut json in [json!({ "model": DESIGN }), json!({ "task_type": "voicedesign" })] {
        json["voice"] = "alloy".into();
        json["instructions"] = "A calm voice.".into();
        assert_eq!(chosen(json).await.unwrap(), (DESIGN.to_owned(), Voice::Default));
    }
    for (json, param) in [
        (json!({ "task_type": "Base" }), "voice"),
        (json!({ "model": BASE }), "voice"),
        (json!({ "task_type": "VoiceDesign", "voice": first }), "task_type"),
        (json!({ "task_type": "CustomVoice", "model": DESIGN }), "task_type"),
    ] {
        let error = chosen(json.clone()).await.unwrap_err();
        assert_eq!((error.status.as_u16(), error.param.as_deref()), (400, Some(param)), "{json}");
    }
}

#[tokio::test]
async fn fields_of_references_are_checked_before_anything_is_loaded() {
    let models = models(&[CUSTOM, BASE]);
    let book = voices(None, &[]);
    let url = "data:audio/wav;base64,AAAA";
    for (json, param) in [
        (json!({ "ref_audio": url }), "ref_text"),
        (json!({ "ref_audio": url, "ref_text": " " }), "ref_text"),
        (json!({ "ref_audio": url, "task_type": "CustomVoice" }), "task_type"),
        (json!({ "ref_audio": url, "ref_text": "Hi.", "model": CUSTOM }), "model"),
        (json!({ "ref_text": "Hi." }), "ref_text"),
        (json!({ "voice": "alloy", "x_vector_only_mode": true }), "x_vector_only_mode"),
        (json!({ "task_type": "Singing" }), "task_type"),
    ] {
        let error = book.choose(&models, &fields(json.clone())).await.err().unwrap();
        assert_eq!((error.status.as_u16(), error.param.as_deref()), (400, Some(param)), "{json}");
        assert!(models.loaded().is_empty());
    }
}

#[tokio::test]
async fn a_registered_voice_needs_no_task() {
    let models = models(&[CUSTOM, BASE]);
    let temp = tempfile::tempdir().unwrap();
    register(temp.path(), &models, "ann");
    let book = voices(Some(temp.path()), &[]);
    for task in ["CustomVoice", "Base"] {
        let fields = fields(json!({ "voice": "ann", "task_type": task }));
        let task = Task::of(&fields).unwrap();
        let (model, _) = book.find_both(&models, &fields, task).await.unwrap();
        assert_eq!(model, BASE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_comes_again_is_cloned_once() {
    let files = ModelFiles::embedded(qwen3_tts_demo::base());
    let settings =
        Settings { models: vec![ModelSetting::new("demo-base", files)], ..Default::default() };
    let models = Models::new(&settings, Metrics::new()).unwrap();
    let book = voices(None, &[]);
    let url = format!("data:audio/wav;base64,{}", STANDARD.encode(sample::tone(1)));
    let cloned = async |transcript: Option<&str>| {
        let fields = SpeechFields {
            ref_audio: Some(url.clone()),
            ref_text: transcript.map(str::to_owned),
            x_vector_only_mode: Some(transcript.is_none()),
            ..Default::default()
        };
        match book.choose(&models, &fields).await.unwrap() {
            (_, Voice::Cloned(voice)) => voice,
            _ => panic!("another voice"),
        }
    };
    let (first, second) = tokio::join!(cloned(None), cloned(None));
    assert!(Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&first, &cloned(None).await));
    let in_context = cloned(Some("Hello.")).await;
    assert_eq!(in_context.reference.as_ref().unwrap().transcript, "Hello.");
    assert!(Arc::ptr_eq(&in_context, &cloned(Some(" Hello. ")).await));
}
