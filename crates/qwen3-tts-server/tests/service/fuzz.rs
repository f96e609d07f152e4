//! Clients that say anything: nothing panics, and the service goes on speaking.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qwen3_tts_testkit::{Seed, mutate};
use serde_json::json;
use tungstenite::Message;

use crate::events::{self, start_with};
use crate::socket;

const MODEL: &str = "custom_voice_0b6";

/// Number of clients of each protocol.
const CLIENTS: u64 = 150;

/// Panics outside the tests.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics of the service.
fn count_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_test = panic.location().is_some_and(|place| place.file().contains("tests/"));
        PANICS.fetch_add(usize::from(!is_test), Ordering::Relaxed);
        report(panic);
    }));
}

/// Messages of the WebSocket protocol, most of them right.
fn messages() -> Vec<Seed> {
    let config = json!({
        "type": "session.config", "voice": "ryan", "response_format": "pcm", "stream_audio": true,
        "max_new_tokens": 2, "seed": 3, "language": "en", "speed": 1.0,
    });
    let messages = [
        config,
        json!({ "type": "input.text", "text": "One two. Three “four” äöü! " }),
        json!({ "type": "input.text", "text": "五六。七" }),
        json!({ "type": "input.done" }),
        json!({ "type": "session.config", "split_granularity": "none", "max_new_tokens": 2 }),
        json!({ "type": "session.close" }),
    ];
    messages.iter().map(|message| Seed::new("message", message.to_string())).collect()
}

/// Streams of the Wyoming protocol.
fn streams() -> Vec<Seed> {
    let event = |kind: &str, data: &str| {
        format!("{{\"type\":\"{kind}\",\"data_length\":{}}}\n{data}", data.len())
    };
    let streams = [
        event("describe", "{}") + &event("ping", "{\"text\":\"a\"}"),
        event("synthesize-start", "{\"voice\":{\"name\":\"ryan\"}}")
            + &event("synthesize-chunk", "{\"text\":\"One. Two \"}")
            + &event("synthesize", "{\"text\":\"One. Two three.\"}")
            + &event("synthesize-stop", "{}"),
        event("synthesize", "{\"text\":\"One.\",\"voice\":{\"language\":\"en\"}}"),
        "{\"type\":\"audio-chunk\",\"payload_length\":4}\nabcd{\"type\":\"describe\"}\n".to_owned(),
    ];
    streams.into_iter().map(|stream| Seed::new("stream", stream)).collect()
}

#[test]
fn any_messages_leave_the_service_whole() {
    count_panics();
    let (service, address) = start_with(MODEL, |settings| {
        settings.limits.idle_session = Duration::from_millis(200);
        settings.limits.max_text_chars = 2_000;
    });
    let seeds = messages();
    for number in 0..CLIENTS {
        let mut client = socket::Client::connect(&service);
        client.socket.get_ref().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        for step in 0..number % 9 {
            let index = (number / 3 + step) as usize % seeds.len();
            let bytes = match (number + step) % 3 {
                0 => mutate(&seeds[index..=index], number * 31 + step),
                _ => seeds[index].bytes.clone(),
            };
            let message = match String::from_utf8(bytes) {
                Ok(text) => Message::text(text),
                Err(error) => Message::binary(error.into_bytes()),
            };
            if client.socket.send(message).is_err() {
                break;
            }
        }
        match number % 4 {
            0 => drop(client.socket.close(None)),
            // Torn in the middle of a frame.
            1 => drop(client.socket.get_mut().write_all(b"\x81\xfe\x10\x00abcd")),
            2 => drop(client.socket.get_mut().write_all(&mutate(&seeds, number))),
            _ => drop(client.socket.read()),
        }
    }
    let streams = streams();
    for number in 0..CLIENTS {
        let mut stream = TcpStream::connect(address).unwrap();
        let bytes = match number % 3 {
            0 => streams[(number / 3) as usize % streams.len()].bytes.clone(),
            _ => mutate(&streams, number),
        };
        let end = if number % 5 == 0 { bytes.len() / 2 } else { bytes.len() };
        drop(stream.write_all(&bytes[..end]));
    }
    let fields = json!({ "voice": "ryan", "stream_audio": true, "response_format": "pcm", "max_new_tokens": 2 });
    let answers = socket::Client::configured(&service, fields).speak(&["One two. Three."]);
    assert_eq!(answers.audio.len(), 2);
    let mut client = events::Client::connect(address);
    client.send("synthesize", json!({ "text": "One." }));
    client.events_to("audio-stop");
    drop(client);
    crate::support::until(|| service.metric("qwen3_tts_sessions") == 0.0);
    service.wait().unwrap();
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}
