//! What Home Assistant gets, and what ends its connection.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::events::{Client, audio, kinds, start_with};
use crate::support::until;

const MODEL: &str = "custom_voice_0b6";

#[test]
fn home_assistant_learns_the_voices() {
    let (_service, address) = start_with(MODEL, |_| {});
    let mut client = Client::connect(address);
    client.send("describe", json!({}));
    let info = client.event().unwrap();
    assert_eq!(info.kind, "info");
    let program = &info.data["tts"][0];
    assert_eq!(
        (&program["installed"], &program["supports_synthesize_streaming"]),
        (&json!(true), &json!(true))
    );
    let voices = program["voices"].as_array().unwrap();
    let ryan = voices.iter().find(|voice| voice["name"] == "ryan").expect("a speaker");
    assert!(ryan["languages"].as_array().unwrap().contains(&json!("en")), "{ryan}");
    for field in ["name", "attribution", "installed", "description", "version", "languages"] {
        assert!(ryan.get(field).is_some(), "{field}");
    }
    for domain in ["asr", "handle", "intent", "wake", "mic", "snd"] {
        assert_eq!(info.data[domain], json!([]), "{domain}");
    }
}

#[test]
fn a_text_is_spoken_as_one_audio() {
    let (_service, address) = start_with(MODEL, |_| {});
    let mut client = Client::connect(address);
    let voice = json!({ "name": "vivian" });
    client.send("synthesize", json!({ "text": "One two. Three.", "voice": voice }));
    let events = client.events_to("audio-stop");
    assert_eq!(kinds(&events), ["audio-start", "audio-chunk", "audio-stop"]);
    let format = json!({ "rate": 24_000, "width": 2, "channels": 1, "timestamp": null });
    assert!(events[..events.len() - 1].iter().all(|event| event.data == format));
    assert!(audio(&events).len() > 1_000);
}

#[test]
fn a_stream_of_text_is_spoken_while_it_comes() {
    let (_service, address) = start_with(MODEL, |_| {});
    let mut client = Client::connect(address);
    client.send("synthesize-start", json!({ "voice": { "name": "ryan" } }));
    client.send("synthesize-chunk", json!({ "text": "The light is off. The " }));
    let first = client.events_to("audio-chunk");
    assert_eq!(kinds(&first), ["audio-start", "audio-chunk"]);
    client.send("synthesize-chunk", json!({ "text": "door is open." }));
    // The whole text again, which is not spoken twice.
    let whole = "The light is off. The door is open.";
    client.send("synthesize", json!({ "text": whole, "voice": { "name": "ryan" } }));
    client.send("synthesize-stop", json!({}));
    let rest = client.events_to("synthesize-stopped");
    assert_eq!(kinds(&rest), ["audio-chunk", "audio-stop", "synthesize-stopped"]);
    client.send("ping", json!({ "text": "still there" }));
    let pong = client.event().unwrap();
    assert_eq!((&*pong.kind, &pong.data["text"]), ("pong", &json!("still there")));
}

#[test]
fn requests_are_answered_one_after_the_other() {
    let (_service, address) = start_with(MODEL, |_| {});
    let mut client = Client::connect(address);
    client.send("select-program", json!({ "name": "qwen3-tts" }));
    for text in ["One.", " ", "Two."] {
        client.send("synthesize", json!({ "text": text }));
    }
    client.send("synthesize-start", json!({ "voice": null }));
    client.send("synthesize-chunk", json!({ "text": "..." }));
    client.send("synthesize-stop", json!({}));
    client.send("describe", json!({}));
    // All is answered although the client says nothing more.
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    for has_audio in [true, false, true] {
        let events = client.events_to("audio-stop");
        assert_eq!(events[0].kind, "audio-start");
        assert_eq!(!audio(&events).is_empty(), has_audio);
    }
    let silent = client.events_to("synthesize-stopped");
    assert_eq!(kinds(&silent), ["audio-start", "audio-stop", "synthesize-stopped"]);
    assert_eq!(client.event().unwrap().kind, "info");
    assert_eq!(client.event(), None);
}

#[test]
fn an_error_is_told_and_ends_the_connection() {
    let (_service, address) = start_with(MODEL, |settings| settings.limits.max_text_chars = 100);
    let long = "a".repeat(101);
    for (kind, data, expected) in [
        ("synthesize", json!({ "text": "Hi", "voice": { "name": "nobody" } }), "nobody"),
        ("synthesize", json!({ "text": "Hi", "voice": { "language": "tlh" } }), "tlh"),
        ("synthesize", json!({ "text": "<speak/>", "text_format": "ssml" }), "text_format"),
        ("synthesize", json!({}), "`text`"),
        ("synthesize", json!({ "text": long }), "100 characters"),
        ("synthesize-chunk", json!({ "text": "Hi" }), "outside a stream"),
        ("synthesize-stop", json!({}), "outside a stream"),
    ] {
        let mut client = Client::connect(address);
        client.send(kind, data);
        let error = client.last_error();
        assert!(error.contains(expected), "{kind}: {error}");
    }
    let mut client = Client::connect(address);
    client.send("synthesize-start", json!({}));
    client.send("synthesize-start", json!({}));
    assert!(client.last_error().contains("in a stream"));
}

#[test]
fn other_protocols_are_told_that_this_is_wyoming() {
    let (_service, address) = start_with(MODEL, |_| {});
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\n", b"{}\n"] {
        let mut client = Client::connect(address);
        client.send_bytes(bytes);
        assert!(client.last_error().starts_with("not an event"), "{bytes:?}");
    }
    let mut client = Client::connect(address);
    client.send_bytes(b"{\"type\":\"synthesize\",\"data_length\":999999999999}\n");
    assert!(client.last_error().contains("more than"));
}

#[test]
fn a_service_without_a_place_says_so() {
    let (service, address) = start_with(MODEL, |settings| settings.limits.max_requests = 1);
    let long = json!({ "text": "On and on. ".repeat(200) });
    let mut first = Client::connect(address);
    first.send("synthesize", long);
    first.events_to("audio-chunk");
    let mut second = Client::connect(address);
    second.send("synthesize", json!({ "text": "Hi" }));
    assert!(second.last_error().contains("try again"));
    drop(first);
    until(|| {
        let mut third = Client::connect(address);
        third.send("synthesize", json!({ "text": "Hi" }));
        third.event().is_some_and(|event| event.kind == "audio-start")
    });
    assert!(service.metric("qwen3_tts_requests_refused_total") > 0.0);
}

#[test]
fn connections_are_limited_and_end_if_nothing_comes() {
    let (_service, address) = start_with(MODEL, |settings| {
        settings.limits.max_sessions = 1;
        settings.limits.idle_session = Duration::from_millis(500);
    });
    let begin = Instant::now();
    let mut first = Client::connect(address);
    first.send("ping", json!({ "text": null }));
    assert_eq!(first.event().unwrap().kind, "pong");
    let mut second = Client::connect(address);
    second.send("ping", json!({}));
    assert_eq!(second.event().unwrap().kind, "pong", "it waits for the first to end");
    assert!(begin.elapsed() >= Duration::from_millis(450));
    assert_eq!(first.event(), None);
}

#[test]
fn what_was_begun_is_spoken_when_the_service_ends() {
    let (mut service, address) = start_with(MODEL, |_| {});
    let mut idle = Client::connect(address);
    let mut client = Client::connect(address);
    client.send("synthesize-start", json!({}));
    client.send("synthesize-chunk", json!({ "text": "One two. Three " }));
    client.events_to("audio-chunk");
    service.stop();
    assert_eq!(idle.event(), None);
    client.send("synthesize-chunk", json!({ "text": "four." }));
    client.send("synthesize-stop", json!({}));
    client.events_to("synthesize-stopped");
    assert_eq!(client.event(), None);
    service.wait().unwrap();
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    let (service, address) = start_with(MODEL, |settings| {
        settings.limits.slow_reader = Duration::from_millis(500);
    });
    let mut client = Client::connect(address);
    for _ in 0..40 {
        client.send("synthesize", json!({ "text": "On and on and on. ".repeat(100) }));
    }
    until(|| service.metric("qwen3_tts_slow_readers_total") >= 1.0);
    until(|| service.metric("qwen3_tts_sessions") == 0.0);
}
