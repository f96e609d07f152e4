//! Uploads and lists, over HTTP without a port, with the demo voice.

use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qwen3_tts_pipeline::ModelFiles;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::metrics::Metrics;
use crate::models::Models;
use crate::routes::router;
use crate::service::Service;
use crate::settings::{ModelSetting, Settings};
use crate::voices::sample::tone;
use crate::voices::{Aliases, Voices};

const BOUNDARY: &str = "----boundary";

/// Name and content of a field of a form.
type Part<'a> = (&'a str, &'a [u8]);

/// Returns a service with the demo voice.
fn service(directory: Option<&Path>, change: impl FnOnce(&mut Settings)) -> Router {
    let models = vec![
        ModelSetting::new("demo", ModelFiles::embedded(qwen3_tts_demo::custom_voice())),
        ModelSetting::new("demo-base", ModelFiles::embedded(qwen3_tts_demo::base())),
    ];
    let mut settings = Settings { models, ..Default::default() };
    settings.voices.directory = directory.map(Path::to_owned);
    change(&mut settings);
    let metrics = Metrics::new();
    let models = Models::new(&settings, metrics.clone()).unwrap();
    let aliases = Aliases::new(&settings.voices.aliases).unwrap();
    let voices = Voices::open(&settings.voices, aliases).unwrap();
    router(Service::new(settings, models, voices, metrics))
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 24).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn get(app: &Router, path: &str) -> (StatusCode, Value) {
    send(app, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn delete(app: &Router, path: &str) -> (StatusCode, Value) {
    send(app, Request::builder().method(Method::DELETE).uri(path).body(Body::empty()).unwrap())
        .await
}

/// Returns a request with a form. A part with a file name is a file.
fn form(parts: &[Part]) -> Request<Body> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let file = if *name == "audio_sample" { "; filename=\"a.wav\"" } else { "" };
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
        );
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = Request::post("/v1/audio/voices").header("content-type", content_type);
    request.body(Body::from(body)).unwrap()
}

async fn speak(app: &Router, mut fields: Value) -> (StatusCode, Vec<u8>) {
    fields["input"] = "Yes.".into();
    fields["response_format"] = "pcm".into();
    fields["seed"] = 1.into();
    speak_as(app, &fields).await
}

async fn speak_as(app: &Router, fields: &Value) -> (StatusCode, Vec<u8>) {
    let request = Request::post("/v1/audio/speech").header("content-type", "application/json");
    let request = request.body(Body::from(fields.to_string())).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    (status, to_bytes(response.into_body(), 1 << 24).await.unwrap().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_is_registered_spoken_with_and_removed() {
    let temp = tempfile::tempdir().unwrap();
    let app = service(Some(temp.path()), |_| {});
    let parts: [Part; 3] =
        [("name", b"Ann Smith"), ("consent", b"cons_1"), ("audio_sample", &tone(2))];
    let (status, voice) = send(&app, form(&parts)).await;
    assert_eq!(status, 200, "{voice}");
    assert_eq!((&voice["object"], &voice["id"]), (&json!("audio.voice"), &json!("ann_smith")));
    assert_eq!((&voice["type"], &voice["in_context"]), (&json!("audio_sample"), &json!(false)));
    assert!(voice["created_at"].as_u64().unwrap() > 1_600_000_000);
    assert_eq!(voice["models"], json!(["demo-base"]));
    assert_eq!((&voice["success"], &voice["warnings"]), (&json!(true), &json!([])));
    assert_eq!(voice["voice"]["consent"], "cons_1");
    let files: Vec<_> = temp.path().read_dir().unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(files, ["ann_smith.voice"]);

    let (status, audio) = speak(&app, json!({ "voice": "Ann Smith" })).await;
    assert!(status == 200 && audio.len() > 4000, "{status}: {}", String::from_utf8_lossy(&audio));
    assert_eq!(get(&app, "/v1/audio/voices/Ann%20Smith").await.1["kind"], "registered");
    let (_, listed) = get(&app, "/v1/audio/voices").await;
    assert_eq!(listed["uploaded_voices"][0]["name"], "ann_smith");

    let (status, taken) = send(&app, form(&parts)).await;
    assert_eq!((status.as_u16(), &taken["error"]["code"]), (409, &json!("voice_exists")));
    let replacing = [parts[0], parts[2], ("replace", b"true"), ("ref_text", b"La, la.")];
    let (status, voice) = send(&app, form(&replacing)).await;
    assert_eq!((status.as_u16(), &voice["in_context"]), (200, &json!(true)), "{voice}");
    let (_, in_context) = speak(&app, json!({ "voice": "ann_smith" })).await;
    assert_ne!(in_context, audio);
    let embedding_only = json!({ "voice": "ann_smith", "x_vector_only_mode": true });
    assert_eq!(speak(&app, embedding_only).await.1, audio);

    let (status, removed) = delete(&app, "/v1/audio/voices/Ann_Smith").await;
    assert_eq!((status.as_u16(), &removed["deleted"]), (200, &json!(true)));
    assert_eq!(removed["object"], "audio.voice.deleted");
    let (status, error) = delete(&app, "/v1/audio/voices/ann_smith").await;
    assert_eq!((status.as_u16(), &error["error"]["code"]), (404, &json!("voice_not_found")));
    assert_eq!(get(&app, "/v1/audio/voices/ann_smith").await.0, 404);
    assert_eq!(speak(&app, json!({ "voice": "ann_smith" })).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_of_several_formats_are_taken() {
    let temp = tempfile::tempdir().unwrap();
    let app = service(Some(temp.path()), |_| {});
    for format in ["wav", "flac", "mp3", "aac", "opus"] {
        let fields = json!({ "input": "Yes, yes.", "response_format": format, "seed": 1 });
        let (status, audio) = speak_as(&app, &fields).await;
        assert_eq!(status, 200, "{format}");
        let parts: [Part; 3] = [("name", b"ann"), ("audio_sample", &audio), ("replace", b"true")];
        let (status, answer) = send(&app, form(&parts)).await;
        assert_eq!(status, 200, "{format}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_recording_is_cut_with_a_warning() {
    let temp = tempfile::tempdir().unwrap();
    let app = service(Some(temp.path()), |_| {});
    let parts: [Part; 3] =
        [("name", b"ann"), ("audio_sample", &tone(31)), ("speaker_description", b"warm")];
    let (status, answer) = send(&app, form(&parts)).await;
    assert_eq!(status, 200, "{answer}");
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("only the first 30 s are used"), "{warnings}");
    assert!(warnings.contains("`speaker_description` is not kept"), "{warnings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_speaker_embedding_is_a_voice() {
    let temp = tempfile::tempdir().unwrap();
    let app = service(Some(temp.path()), |_| {});
    let embedding = format!("{:?}", vec![0.1; 256]);
    let parts: [Part; 2] = [("name", b"ann"), ("speaker_embedding", embedding.as_bytes())];
    let (status, answer) = send(&app, form(&parts)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["voice"]["embedding_dim"], 256);
    for wrong in ["[0.1]", "[]", "[1e99]", "0.1", "[\"a\"]", "[null]"] {
        let parts: [Part; 2] = [("name", b"mia"), ("speaker_embedding", wrong.as_bytes())];
        let (status, answer) = send(&app, form(&parts)).await;
        assert_eq!(status, 400, "{wrong}: {answer}");
        assert_eq!(answer["error"]["param"], "speaker_embedding", "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_uploads_are_refused_with_a_reason() {
    let temp = tempfile::tempdir().unwrap();
    let app = service(Some(temp.path()), |settings| {
        settings.voices.max_recording_bytes = 200_000;
        settings.voices.max_voices = 1;
        settings.voices.aliases.insert("narrator".to_owned(), "mina".to_owned());
    });
    let (sound, long): (&[u8], &[u8]) = (&tone(1), &tone(5));
    let cases: [(&[Part], u16, &str); 17] = [
        (&[("audio_sample", sound)], 400, "missing_required_parameter"),
        (&[("name", b"ann")], 400, "missing_required_parameter"),
        (&[("name", b"../ann"), ("audio_sample", sound)], 400, "invalid_voice_name"),
        (&[("name", b"default"), ("audio_sample", sound)], 400, "invalid_voice_name"),
        (&[("name", b"Mina"), ("audio_sample", sound)], 400, "voice_name_reserved"),
        (&[("name", b"alloy"), ("audio_sample", sound)], 400, "voice_name_reserved"),
        (&[("name", b"narrator"), ("audio_sample", sound)], 400, "voice_name_reserved"),
        (&[("name", b"ann"), ("audio_sample", long)], 413, "body_too_large"),
        (&[("name", b"ann"), ("audio_sample", &[7; 2_000_000])], 413, "body_too_large"),
        (&[("name", b"ann"), ("audio_sample", b"<html>")], 400, "invalid_recording"),
        (&[("name", b"ann"), ("audio_sample", b"")], 400, "invalid_recording"),
        (&[("name", b"ann"), ("audio_sample", sound), ("file", b"")], 400, "unknown_parameter"),
        (&[("name", b"ann"), ("audio_sample", sound), ("replace", b"?")], 400, "invalid_value"),
        (&[("name", b"ann"), ("type", b"prompt"), ("audio_sample", sound)], 400, "invalid_value"),
        (&[("name", b"ann"), ("audio_sample", sound), ("model", b"x")], 404, "model_not_found"),
        (&[("name", b"ann"), ("prompt", b"A calm voice.")], 400, "invalid_value"),
        (&[("name", b"\xff"), ("audio_sample", sound)], 400, ""),
    ];
    for (parts, status, code) in cases {
        let (found, answer) = send(&app, form(parts)).await;
        assert_eq!(found, status, "{answer}");
        assert_eq!(answer["error"]["code"].as_str().unwrap_or_default(), code, "{answer}");
    }
    let twice: [Part; 2] = [("name", b"ann"), ("name", b"mia")];
    assert_eq!(send(&app, form(&twice)).await.0, 400);
    let preset: [Part; 3] = [("name", b"ann"), ("audio_sample", sound), ("model", b"demo")];
    assert_eq!(send(&app, form(&preset)).await.1["error"]["param"], "model");
    let json = Request::post("/v1/audio/voices").header("content-type", "application/json");
    let json = json.body(Body::from("{\"type\": \"prompt\"}")).unwrap();
    assert_eq!(send(&app, json).await.0, 415);
    let torn = Request::post("/v1/audio/voices");
    let torn = torn.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let torn = torn.body(Body::from(format!("--{BOUNDARY}\r\ncontent-dispo"))).unwrap();
    assert_eq!(send(&app, torn).await.0, 400);
    assert_eq!(temp.path().read_dir().unwrap().count(), 0);

    let whole = |name: &'static [u8]| form(&[("name", name), ("audio_sample", sound)]);
    assert_eq!(send(&app, whole(b"ann")).await.0, 200);
    assert_eq!(send(&app, whole(b"mia")).await.1["error"]["code"], "too_many_voices");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uploads_of_one_name_at_once_one_wins() {
    let temp = tempfile::tempdir().unwrap();
    // Two replicas on one directory.
    let apps = [service(Some(temp.path()), |_| {}), service(Some(temp.path()), |_| {})];
    let sound = tone(1);
    let request = || form(&[("name", b"ann"), ("audio_sample", &sound)]);
    let (one, two) = tokio::join!(send(&apps[0], request()), send(&apps[1], request()));
    let mut statuses = [one.0.as_u16(), two.0.as_u16()];
    statuses.sort();
    assert_eq!(statuses, [200, 409]);
    for app in &apps {
        assert_eq!(speak(app, json!({ "voice": "ann" })).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_uploads_are_refused() {
    let app = service(None, |_| {});
    let (status, answer) = send(&app, form(&[("name", b"ann"), ("audio_sample", &tone(1))])).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (403, &json!("voices_disabled")));
    assert_eq!(delete(&app, "/v1/audio/voices/ann").await.0, 404);
    let (_, answer) = delete(&app, "/v1/audio/voices/mina").await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("no registered voice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_needed_to_change_voices_but_not_to_list_them() {
    let temp = tempfile::tempdir().unwrap();
    let app = service(Some(temp.path()), |settings| settings.api_keys = vec!["key".to_owned()]);
    assert_eq!(get(&app, "/v1/audio/voices").await.0, 200);
    assert_eq!(get(&app, "/v1/audio/voices/mina").await.0, 200);
    assert_eq!(send(&app, form(&[("name", b"ann"), ("audio_sample", &tone(1))])).await.0, 401);
    assert_eq!(delete(&app, "/v1/audio/voices/ann").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_speakers_registered_voices_and_aliases() {
    let temp = tempfile::tempdir().unwrap();
    let app = service(Some(temp.path()), |settings| {
        let aliases = &mut settings.voices.aliases;
        aliases.insert("both".to_owned(), "arlo:0.5,mina:0.5".to_owned());
        aliases.insert("alloy".to_owned(), "mina".to_owned());
        aliases.insert("me".to_owned(), "not there yet".to_owned());
    });
    std::fs::write(temp.path().join("torn.voice"), "torn").unwrap();
    let (status, listed) = get(&app, "/v1/audio/voices").await;
    assert_eq!(status, 200);
    let voices = listed["voices"].as_array().unwrap();
    // Open WebUI and Home Assistant read these two.
    assert!(voices.iter().all(|voice| voice["id"].is_string() && voice["name"].is_string()));
    let ids: Vec<_> = voices.iter().map(|voice| voice["id"].as_str().unwrap()).collect();
    assert_eq!(ids[..4], ["arlo", "mina", "alloy", "both"]);
    assert_eq!(ids.len(), 2 + 2 + 12, "{ids:?}");
    let of = |id: &str| voices.iter().find(|voice| voice["id"] == id).unwrap();
    assert_eq!(of("mina")["kind"], "speaker");
    assert_eq!(of("mina")["models"], json!(["demo"]));
    assert!(of("mina")["languages"].as_array().is_some_and(|languages| !languages.is_empty()));
    assert_eq!(
        (&of("alloy")["kind"], &of("alloy")["stands_for"]),
        (&json!("alias"), &json!("mina"))
    );
    assert_eq!(of("both")["stands_for"], "arlo:0.5,mina:0.5");
    assert_eq!(of("both")["models"], json!(["demo"]));
    for id in ids {
        let (status, _) = speak(&app, json!({ "voice": id, "max_new_tokens": 2 })).await;
        assert_eq!(status, 200, "{id}");
    }
    let (status, error) = speak(&app, json!({ "voice": "torn" })).await;
    let error: Value = serde_json::from_slice(&error).unwrap();
    assert_eq!((status.as_u16(), &error["error"]["code"]), (500, &json!("voice_damaged")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_comes_with_a_request() {
    let app = service(None, |settings| settings.voices.max_recording_bytes = 200_000);
    let url = |bytes: &[u8]| format!("data:audio/wav;base64,{}", STANDARD.encode(bytes));
    let fields =
        json!({ "ref_audio": url(&tone(1)), "x_vector_only_mode": true, "voice": "alloy" });
    let (status, first) = speak(&app, fields.clone()).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&first));
    assert_eq!(speak(&app, fields).await.1, first);
    let in_context = json!({ "ref_audio": url(&tone(1)), "ref_text": "La, la." });
    let (status, other) = speak(&app, in_context).await;
    assert!(status == 200 && other != first);
    for (audio, status) in [
        (url(&tone(5)), 413),
        (url(b"<html>"), 400),
        (url(&[]), 400),
        ("https://example.org/a.wav".to_owned(), 400),
        ("file:///etc/passwd".to_owned(), 400),
    ] {
        let fields = json!({ "ref_audio": audio, "x_vector_only_mode": true });
        let (found, error) = speak(&app, fields).await;
        let error: Value = serde_json::from_slice(&error).unwrap();
        assert_eq!(found, status, "{error}");
        assert_eq!(error["error"]["param"], "ref_audio", "{error}");
    }
}
