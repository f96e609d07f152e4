//! OpenAI's speech endpoint.

use std::sync::LazyLock;

use crate::support::{Running, request, settings, start};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qwen3_tts_audio::{Encoding, Format, Metadata};
use qwen3_tts_pipeline::{LoadOptions, SpeechRequest, Synthesizer};
use qwen3_tts_testkit::checkpoint;
use serde_json::{Value, json};

const CUSTOM: &str = "custom_voice_0b6";

static SERVICE: LazyLock<Running> = LazyLock::new(|| start(settings(&[CUSTOM])));

/// The samples of [`request`] as the pipeline speaks it.
static SAMPLES: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let options = LoadOptions::default().threads(2);
    let tts = Synthesizer::load(checkpoint(CUSTOM), &options).unwrap();
    let request = SpeechRequest::new("Hello there.").seed(7).max_frames(12);
    tts.speak(request).unwrap().collect_audio().unwrap().audio
});

fn encoded(format: Format) -> Vec<u8> {
    Encoding::new(format).encode(&SAMPLES, 24_000, Metadata::default()).unwrap()
}

/// Returns the messages of server-sent events.
fn events(body: &str) -> Vec<Value> {
    let events = body.split_terminator("\n\n");
    events
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

#[test]
fn audio_is_that_of_the_pipeline() {
    let pcm = SERVICE.speak(request(json!({ "response_format": "pcm" })));
    assert_eq!((pcm.status, pcm.header("content-type")), (200, Some("audio/pcm")));
    assert_eq!(pcm.body, encoded(Format::Pcm));
    assert_eq!(pcm.header("x-seed"), Some("7"));
    // Streamed files have a head without lengths, and the same samples.
    let wav = SERVICE.speak(request(json!({ "response_format": "wav" })));
    assert_eq!(wav.header("content-type"), Some("audio/wav"));
    assert!(wav.body.starts_with(b"RIFF") && wav.body.ends_with(&pcm.body));
}

#[test]
fn whole_files_have_a_length() {
    for (name, format) in [
        ("wav", Format::Wav),
        ("flac", Format::Flac),
        ("mp3", Format::Mp3),
        ("aac", Format::Aac),
        ("opus", Format::Opus),
        ("pcm", Format::Pcm),
    ] {
        let answer = SERVICE.speak(request(json!({ "response_format": name, "stream": false })));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-length"), Some(&*answer.body.len().to_string()));
        if format != Format::Opus {
            assert_eq!(answer.body, encoded(format), "{name}");
        }
    }
}

#[test]
fn mp3_is_the_default_and_every_format_has_its_type() {
    for (fields, media_type, start) in [
        (json!({}), "audio/mpeg", &b"ID3"[..]),
        (json!({ "response_format": "mp3" }), "audio/mpeg", b"ID3"),
        (json!({ "response_format": "aac" }), "audio/aac", b"ID3"),
        (json!({ "response_format": "opus" }), "audio/ogg", b"OggS"),
        (json!({ "response_format": "flac" }), "audio/flac", b"fLaC"),
        (json!({ "response_format": "WAV" }), "audio/wav", b"RIFF"),
    ] {
        let answer = SERVICE.speak(request(fields.clone()));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)));
        let head = &answer.body[..start.len()];
        let is_frame = ["audio/mpeg", "audio/aac"].contains(&media_type) && head[0] == 0xff;
        assert!(head == start || is_frame, "{fields}: {head:?}");
    }
}

#[test]
fn events_carry_the_same_bytes() {
    let fields = json!({ "response_format": "flac", "stream_format": "sse" });
    let answer = SERVICE.speak(request(fields));
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let events = events(&answer.text());
    let (done, deltas) = events.split_last().unwrap();
    let audio: Vec<u8> = deltas
        .iter()
        .flat_map(|event| {
            assert_eq!(event["type"], "speech.audio.delta");
            STANDARD.decode(event["audio"].as_str().unwrap()).unwrap()
        })
        .collect();
    assert_eq!(audio, SERVICE.speak(request(json!({ "response_format": "flac" }))).body);
    assert_eq!(done["type"], "speech.audio.done");
    let usage = &done["usage"];
    assert_eq!(usage["output_tokens"], 12);
    let total = usage["input_tokens"].as_u64().unwrap() + 12;
    assert_eq!(usage["total_tokens"], total);
}

#[test]
fn speed_and_sample_rate_change_the_length() {
    let length = |more: Value| {
        let mut fields = json!({ "response_format": "pcm" });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        SERVICE.speak(request(fields)).body.len()
    };
    let usual = length(json!({}));
    assert_eq!(length(json!({ "speed": 2 })), usual / 2);
    assert_eq!(length(json!({ "speed": 1.0 })), usual);
    assert_eq!(length(json!({ "sample_rate": 48000 })), usual * 2);
}

#[test]
fn long_texts_are_no_error() {
    let long = "A sentence of some length, said again. ".repeat(150);
    assert!(long.len() > 4096);
    let fields = json!({ "input": long, "max_new_tokens": 1, "response_format": "pcm" });
    let answer = SERVICE.speak(fields);
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() > 10 * 2 * 1920, "many pieces");
}

#[test]
fn refusals_name_the_field() {
    for (fields, status, param, code, message) in [
        (json!({}), 400, "input", "missing_required_parameter", "missing"),
        (json!({ "input": " " }), 400, "input", "missing_required_parameter", "missing"),
        (json!({ "input": "Hi", "speed": 5 }), 400, "speed", "invalid_value", "0.25"),
        (
            json!({ "input": "Hi", "response_format": "midi" }),
            400,
            "response_format",
            "unsupported_format",
            "mp3",
        ),
        (json!({ "input": "Hi", "sample_rate": 1 }), 400, "sample_rate", "invalid_value", "24000"),
        (json!({ "input": "Hi", "model": "gpt-9" }), 404, "model", "model_not_found", CUSTOM),
        (json!({ "input": "Hi", "colour": "red" }), 400, "colour", "unknown_parameter", "colour"),
        (json!({ "input": 5 }), 400, "input", "invalid_value", "input"),
    ] {
        let answer = SERVICE.speak(fields.clone());
        assert_eq!(answer.status, status, "{fields}: {}", answer.text());
        let error = answer.error();
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)), "{fields}");
        assert!(error["message"].as_str().unwrap().contains(message), "{error}");
        assert_eq!(error["type"], "invalid_request_error");
    }
}

/// Checks that the fields are refused, and that the first of them is to blame.
#[track_caller]
fn assert_blames(service: &Running, param: &str, fields: Value) {
    let answer = service.speak(request(fields.clone()));
    assert!([400, 404].contains(&answer.status), "{fields}: {} {}", answer.status, answer.text());
    let error = answer.error();
    assert_eq!(error["param"], param, "{fields}: {error}");
}

#[test]
fn what_the_model_cannot_do_names_the_field() {
    for (param, fields) in [
        ("language", json!({ "language": "Klingon" })),
        ("max_new_tokens", json!({ "max_new_tokens": 0 })),
        ("max_new_tokens", json!({ "max_new_tokens": 1_000_000 })),
        ("temperature", json!({ "temperature": -1 })),
        ("top_p", json!({ "top_p": 1.5 })),
        ("repetition_penalty", json!({ "repetition_penalty": 0 })),
        ("subtalker_temperature", json!({ "subtalker_temperature": -1 })),
        ("subtalker_top_p", json!({ "subtalker_top_p": 0 })),
        ("instructions", json!({ "instructions": "Whisper." })),
        ("voice", json!({ "voice": "nobody" })),
        ("voice", json!({ "voice": "ryan:0" })),
        ("voice", json!({ "voice": "ryan,nobody" })),
        ("voice", json!({ "voice": "ryan,vivian:x" })),
        ("voice", json!({ "voice": "ryan,ryan" })),
        ("input", json!({ "input": "x".repeat(90_000) })),
        ("task_type", json!({ "task_type": "Song" })),
        ("task_type", json!({ "task_type": "VoiceDesign" })),
        ("task_type", json!({ "task_type": "VoiceDesign", "voice": "ryan" })),
        ("ref_text", json!({ "ref_text": "La, la." })),
        ("ref_text", json!({ "ref_audio": "data:audio/wav;base64,AAAA" })),
        ("ref_audio", json!({ "ref_audio": "data:audio/wav;base64,AAAA", "ref_text": "La, la." })),
        ("x_vector_only_mode", json!({ "x_vector_only_mode": true })),
        ("seed", json!({ "seed": -1 })),
        ("top_k", json!({ "top_k": 0.5 })),
        ("speed", json!({ "speed": 0 })),
        ("sample_rate", json!({ "response_format": "opus", "sample_rate": 11_025 })),
        ("stream_format", json!({ "stream_format": "ogg" })),
        ("non_streaming_mode", json!({ "non_streaming_mode": 1 })),
    ] {
        assert_blames(&SERVICE, param, fields);
    }
}

#[test]
fn models_that_clone_name_the_field_too() {
    let service = start(settings(&["base_0b6"]));
    let noise = "data:audio/wav;base64,AAAA";
    for (param, fields) in [
        ("voice", json!({})),
        ("voice", json!({ "voice": "ryan" })),
        ("task_type", json!({ "task_type": "CustomVoice" })),
        ("task_type", json!({ "task_type": "VoiceDesign", "ref_audio": noise, "ref_text": "La." })),
        ("ref_audio", json!({ "ref_audio": noise, "ref_text": "La." })),
        ("ref_audio", json!({ "ref_audio": noise, "x_vector_only_mode": true })),
        ("ref_audio", json!({ "ref_audio": "https://example.org/a.wav", "ref_text": "La." })),
    ] {
        assert_blames(&service, param, fields);
    }
}

#[test]
fn streamed_answers_pass_through_nginx_at_once() {
    for (fields, expected) in [
        (json!({ "response_format": "pcm" }), Some("no")),
        (json!({ "response_format": "pcm", "stream_format": "sse" }), Some("no")),
        (json!({ "response_format": "pcm", "stream": false }), None),
    ] {
        let answer = SERVICE.speak(request(fields.clone()));
        assert_eq!(
            (answer.status, answer.header("x-accel-buffering")),
            (200, expected),
            "{fields}"
        );
    }
}

#[test]
fn bodies_are_json_within_limits() {
    let post = |content_type: &str, body: &[u8]| {
        let headers = [("Content-Type", content_type)];
        SERVICE.ask("POST", "/v1/audio/speech", &headers, body)
    };
    assert_eq!(post("application/x-www-form-urlencoded", b"input=Hi").status, 415);
    assert_eq!(post("text/plain", b"Hi").error()["code"], "unsupported_media_type");
    assert_eq!(post("application/json", b"{").status, 400);
    assert_eq!(post("application/json", b"[1]").status, 400);
    let large = vec![b' '; 20 << 20];
    assert_eq!(post("application/json", &large).error()["code"], "body_too_large");
    let fields = request(json!({ "response_format": "pcm" })).to_string();
    assert_eq!(post("application/json; charset=utf-8", fields.as_bytes()).status, 200);
}

#[test]
fn unknown_paths_and_methods_are_errors_of_the_api() {
    let answer = SERVICE.get("/v1/audio/music");
    assert_eq!((answer.status, answer.error()["code"].as_str()), (404, Some("unknown_url")));
    let answer = SERVICE.get("/v1/audio/speech");
    assert_eq!((answer.status, answer.error()["code"].as_str()), (405, Some("method_not_allowed")));
}

#[test]
fn every_refusal_of_the_framework_has_the_form_of_the_api() {
    type Header = (&'static str, &'static str);
    let json = ("Content-Type", "application/json");
    let form = ("Content-Type", "multipart/form-data");
    let upgrade = ("Upgrade", "websocket");
    let cases: [(&str, &str, &[Header], u16, &str); 17] = [
        ("GET", "/v1/models/%ff", &[], 400, "invalid_url"),
        ("GET", "/v1/audio/voices/%ff", &[], 400, "invalid_url"),
        ("DELETE", "/v1/audio/voices/%C3", &[], 400, "invalid_url"),
        ("GET", "/%ff", &[], 404, "unknown_url"),
        ("GET", "/assets/nothing.js", &[], 404, "unknown_url"),
        ("GET", "/v1/models/", &[], 404, "unknown_url"),
        ("GET", "/v1/audio/voices/a/b?%ff=%ff", &[], 404, "unknown_url"),
        ("PATCH", "/v1/audio/voices/ryan", &[], 405, "method_not_allowed"),
        ("POST", "/v1/models", &[json], 405, "method_not_allowed"),
        ("POST", "/", &[], 405, "method_not_allowed"),
        ("OPTIONS", "/v1/audio/speech", &[], 405, "method_not_allowed"),
        ("POST", "/v1/audio/speech?%ff=%ff", &[json], 400, ""),
        (
            "POST",
            "/v1/audio/speech",
            &[("Content-Type", "text/\u{e9}")],
            415,
            "unsupported_media_type",
        ),
        ("POST", "/v1/audio/voices", &[json], 415, "unsupported_media_type"),
        ("POST", "/v1/audio/voices", &[form], 415, "unsupported_media_type"),
        ("GET", "/v1/audio/speech/stream", &[], 426, "upgrade_required"),
        ("GET", "/v1/audio/speech/stream", &[upgrade], 426, "upgrade_required"),
    ];
    for (method, path, headers, status, code) in cases {
        let answer = SERVICE.ask(method, path, headers, b"");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
        assert_eq!(answer.error()["code"].as_str().unwrap_or_default(), code, "{method} {path}");
    }
    // A query that says nothing to a path is passed over, whatever it is.
    assert_eq!(SERVICE.get("/v1/models?%ff=%ff&limit=x").status, 200);
}

#[test]
fn models_are_listed_for_each_client() {
    let list = SERVICE.get("/v1/models").json();
    assert_eq!((&list["object"], &list["data"][0]["id"]), (&json!("list"), &json!(CUSTOM)));
    assert_eq!(list["data"][0]["task_type"], "CustomVoice");
    assert_eq!(SERVICE.get("/v1/audio/models").json()["models"][0]["id"], CUSTOM);
    assert_eq!(SERVICE.get(&format!("/v1/models/{CUSTOM}")).json()["object"], "model");
    assert_eq!(SERVICE.get("/v1/models/other").error()["code"], "model_not_found");
}

#[test]
fn the_document_describes_the_paths() {
    let document = SERVICE.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    for path in
        ["/v1/audio/speech", "/v1/models", "/v1/audio/models", "/health", "/ready", "/metrics"]
    {
        assert!(paths.contains_key(path), "{path}");
    }
    let fields = &document["components"]["schemas"]["SpeechFields"];
    assert_eq!(fields["required"], json!(["input"]));
    assert_eq!(fields["properties"]["speed"]["maximum"], json!(4));
}
