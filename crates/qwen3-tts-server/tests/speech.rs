//! OpenAI's speech endpoint.

mod support;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qwen3_tts_audio::{Encoding, Format, Metadata};
use qwen3_tts_pipeline::{LoadOptions, SpeechRequest, Synthesizer};
use qwen3_tts_testkit::checkpoint;
use serde_json::{Value, json};
use support::{Running, request, settings, start};

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

#[test]
fn what_the_model_cannot_do_is_an_error() {
    for fields in [
        json!({ "language": "Klingon" }),
        json!({ "max_new_tokens": 0 }),
        json!({ "temperature": -1 }),
        json!({ "instructions": "Whisper." }),
    ] {
        let answer = SERVICE.speak(request(fields.clone()));
        assert_eq!(answer.status, 400, "{fields}: {}", answer.text());
        answer.error();
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
