//! What ends a session of the WebSocket protocol, and what it survives.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::Message;

use crate::socket::Client;
use crate::support::{settings, start, until};
use crate::websocket::MODEL;

fn short() -> Value {
    json!({ "voice": "ryan", "response_format": "pcm", "stream_audio": true, "max_new_tokens": 2 })
}

/// A speech of minutes.
fn long() -> Value {
    json!({
        "voice": "ryan", "response_format": "pcm", "stream_audio": true, "max_new_tokens": 8_000,
        "sample_rate": 48_000,
    })
}

#[test]
fn before_the_configuration_a_wrong_message_ends_the_session() {
    let service = start(settings(&[MODEL]));
    let text = |value: Value| Message::text(value.to_string());
    for (message, code, expected) in [
        (Message::text("{"), 1002, "not valid JSON"),
        (Message::text("[]"), 1002, "not a JSON object"),
        (text(json!({ "type": "input.text", "text": "Hi" })), 1002, "session.config"),
        (text(json!({ "type": "input.done" })), 1002, "session.config"),
        (text(json!({ "type": "hello" })), 1002, "unknown message type"),
        (Message::binary(&b"\0\0"[..]), 1003, "binary"),
        (text(json!({ "type": "session.config", "sped": 1 })), 1008, "`sped`"),
        (
            text(json!({ "type": "session.config", "word_timestamps": true })),
            1008,
            "word_timestamps",
        ),
        (text(json!({ "type": "session.config", "voice": "nobody" })), 1008, "nobody"),
        (text(json!({ "type": "session.config", "language": "klingon" })), 1008, "klingon"),
        (text(json!({ "type": "session.config", "model": "other" })), 1008, "other"),
        (text(json!({ "type": "session.config", "response_format": "wma" })), 1008, "wma"),
    ] {
        let mut client = Client::connect(&service);
        client.socket.send(message.clone()).unwrap();
        let (error, found) = client.last_error();
        assert!(error["message"].as_str().unwrap().contains(expected), "{message}: {error}");
        assert_eq!(found, code, "{message}");
    }
    let mut client = Client::connect(&service);
    client.send(&json!({ "type": "session.close" }));
    assert_eq!(client.close_code(), 1000);
}

#[test]
fn after_the_configuration_a_wrong_message_is_answered() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, short());
    let large = format!(r#"{{"type":"input.text","text":"{}"}}"#, "a".repeat(200_000));
    for message in [
        "{",
        "null",
        "{\"type\":\"input.stop\"}",
        "{\"type\":\"input.text\"}",
        "{\"type\":\"session.config\",\"seed\":-1}",
        &large,
    ] {
        client.socket.send(Message::text(message)).unwrap();
        let error = client.message();
        assert_eq!(error["type"], "error", "{error}");
    }
    assert_eq!(client.speak(&["One."]).sentences(), ["One."]);
    client.socket.send(Message::binary(&b"\0\0"[..])).unwrap();
    assert_eq!(client.last_error().1, 1003);
}

#[test]
fn text_is_limited_in_all_and_per_message() {
    let mut settings = settings(&[MODEL]);
    settings.limits.max_text_chars = 20;
    let service = start(settings);
    let mut client = Client::configured(&service, short());
    assert_eq!(client.speak(&["äöü äöü äöü äöü äöü."]).sentences().len(), 1);
    client.send_text("äöü äöü äöü ");
    client.send_text("äöü äöü äöü ");
    let (error, code) = client.last_error();
    assert!(error["message"].as_str().unwrap().contains("20 characters"), "{error}");
    assert_eq!(code, 1009);
}

#[test]
fn texts_sent_ahead_are_limited() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, long());
    client.send_text(&"On and on and on. ".repeat(300));
    client.send_done();
    for _ in 0..2_000 {
        client.send_done();
    }
    let error = loop {
        let message = client.message();
        if message["type"] == "error" {
            break message;
        }
    };
    assert!(error["message"].as_str().unwrap().contains("too much text"), "{error}");
    assert_eq!(client.close_code(), 1008);
}

#[test]
fn a_key_is_needed_in_a_header_or_a_subprotocol() {
    let mut settings = settings(&[MODEL]);
    settings.api_keys = vec!["secret".to_owned()];
    let service = start(settings);
    let connect = |headers: &[(&'static str, &str)]| Client::connect_with(&service, headers);
    for wrong in [
        &[][..],
        &[("authorization", "Bearer wrong")],
        &[("sec-websocket-protocol", "qwen3-tts, qwen3-tts.key.d3Jvbmc")],
    ] {
        assert_eq!(connect(wrong).err().map(|status| status.as_u16()), Some(401), "{wrong:?}");
    }
    for right in [("authorization", "Bearer secret"), ("api-key", "secret")] {
        assert!(connect(&[right]).is_ok(), "{right:?}");
    }
    let offered = [("sec-websocket-protocol", "qwen3-tts, qwen3-tts.key.c2VjcmV0")];
    let (mut client, response) = connect(&offered).unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "qwen3-tts");
    client.configure(short());
    assert_eq!(client.speak(&["One."]).sentences(), ["One."]);
}

#[test]
fn pages_of_other_sites_and_plain_requests_are_refused() {
    let service = start(settings(&[MODEL]));
    let evil = [("origin", "https://evil.example")];
    assert_eq!(Client::connect_with(&service, &evil).err().map(|s| s.as_u16()), Some(403));
    let own = format!("http://{}", service.address);
    assert!(Client::connect_with(&service, &[("origin", &own)]).is_ok());
    let answer = service.get("/v1/audio/speech/stream");
    assert_eq!(answer.status, 426);
    assert_eq!(answer.error()["code"], "upgrade_required");
}

#[test]
fn sessions_are_limited() {
    let mut settings = settings(&[MODEL]);
    settings.limits.max_sessions = 1;
    let service = start(settings);
    let client = Client::connect(&service);
    assert_eq!(service.metric("qwen3_tts_sessions"), 1.0);
    assert_eq!(Client::connect_with(&service, &[]).err().map(|s| s.as_u16()), Some(429));
    drop(client);
    until(|| Client::connect_with(&service, &[]).is_ok());
}

#[test]
fn a_silent_client_is_sent_away() {
    let mut settings = settings(&[MODEL]);
    settings.limits.idle_session = Duration::from_millis(300);
    let service = start(settings);
    let mut client = Client::connect(&service);
    let (error, code) = client.last_error();
    assert_eq!((&error["code"], code), (&json!("idle_timeout"), 1008));
    assert!(error["message"].as_str().unwrap().contains("session.config"), "{error}");
    let mut client = Client::configured(&service, short());
    client.send_text("A text without an end");
    let begin = Instant::now();
    assert_eq!(client.last_error().1, 1008);
    assert!(begin.elapsed() > Duration::from_millis(200));
    let mut client = Client::configured(&service, short());
    client.socket.send(Message::Ping(Default::default())).unwrap();
    assert_eq!(client.last_error().1, 1008, "a ping is no text");
}

#[test]
fn a_client_that_leaves_frees_its_place() {
    let mut settings = settings(&[MODEL]);
    settings.limits.max_requests = 1;
    let service = start(settings);
    for is_orderly in [true, false] {
        let mut client = Client::configured(&service, long());
        client.send_text(&"On and on and on. ".repeat(300));
        client.send_done();
        assert_eq!(client.message()["type"], "audio.start");
        let mut other = Client::configured(&service, short());
        let answers = other.speak(&["One."]);
        assert_eq!(answers.of_type("error")[0]["code"], "rate_limit_exceeded", "{answers:?}");
        assert_eq!(answers.of_type("audio.done")[0]["error"], true);
        if is_orderly {
            client.socket.close(None).unwrap();
        }
        drop(client);
        let begin = Instant::now();
        while !other.speak(&["One."]).of_type("error").is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the place stays taken");
        }
    }
    assert!(
        service
            .metric("qwen3_tts_requests_total{model=\"custom_voice_0b6\",outcome=\"cancelled\"}")
            >= 2.0
    );
}

#[test]
fn a_text_has_one_place_for_all_its_sentences() {
    let mut settings = settings(&[MODEL]);
    settings.limits.max_requests = 1;
    let service = start(settings);
    let mut client = Client::configured(&service, short());
    let answers = client.speak(&["One. Two. Three. Four."]);
    assert_eq!((answers.of_type("error").len(), answers.audio.len()), (0, 4));
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    let mut settings = settings(&[MODEL]);
    settings.limits.slow_reader = Duration::from_millis(500);
    let service = start(settings);
    let mut client = Client::configured(&service, long());
    client.send_text(&"On and on and on. ".repeat(300));
    client.send_done();
    until(|| service.metric("qwen3_tts_slow_readers_total") >= 1.0);
    until(|| service.metric("qwen3_tts_sessions") == 0.0);
}

#[test]
fn what_was_begun_is_finished_when_the_service_ends() {
    let mut settings = settings(&[MODEL]);
    settings.limits.drain_delay = Duration::from_millis(500);
    let mut service = start(settings);
    let mut open = Client::configured(&service, short());
    let mut idle = Client::configured(&service, short());
    open.send_text("One two. Three ");
    assert_eq!(open.message()["type"], "audio.start");
    service.stop();
    let (error, code) = idle.last_error();
    assert_eq!((&error["code"], code), (&json!("unavailable"), 1001));
    assert_eq!(Client::connect_with(&service, &[]).err().map(|s| s.as_u16()), Some(503));
    open.send_text("four. Five.");
    open.send_done();
    assert_eq!(open.answers_after_start().last().unwrap()["total_sentences"], 3);
    assert_eq!(open.last_error().1, 1001);
    service.wait().unwrap();
}

impl Client {
    /// Receives the messages up to `session.done`, after the beginning of a sentence.
    fn answers_after_start(&mut self) -> Vec<Value> {
        let mut messages = vec![self.message()];
        while messages.last().unwrap()["type"] != "session.done" {
            messages.push(self.message());
        }
        messages
    }
}
