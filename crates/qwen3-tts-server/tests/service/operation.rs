//! What those need who run the service: keys, limits, measurements, and its end.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::support::{request, settings, start, start_cold, unchunk, until};
use qwen3_tts_server::{ServerError, Settings, TlsFiles};
use serde_json::json;

const CUSTOM: &str = "custom_voice_0b6";
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn custom() -> Settings {
    settings(&[CUSTOM])
}

/// A request for far more audio than the buffers of a connection hold.
fn long_speech() -> String {
    let fields = json!({
        "input": "On and on. ".repeat(9000), "response_format": "pcm", "max_new_tokens": 100,
        "temperature": 2.0,
    });
    fields.to_string()
}

#[test]
fn keys_are_needed_to_speak_and_not_to_look() {
    let mut settings = custom();
    settings.api_keys = vec!["one".to_owned(), "two".to_owned()];
    let service = start(settings);
    let body = request(json!({ "response_format": "pcm" })).to_string();
    let speak = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([JSON]).collect();
        service.ask("POST", "/v1/audio/speech", &headers, body.as_bytes())
    };
    for wrong in [&[][..], &[("Authorization", "Bearer ")], &[("Authorization", "Bearer three")]] {
        let answer = speak(wrong);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
        let error = answer.error();
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("authentication_error"), &json!("invalid_api_key"))
        );
    }
    assert_eq!(speak(&[("Authorization", "Bearer one")]).status, 200);
    assert_eq!(speak(&[("Authorization", "Api-Key two")]).status, 200);
    assert_eq!(speak(&[("X-Api-Key", "two")]).status, 200);
    for path in ["/", "/health", "/ready", "/metrics", "/v1/models", "/openapi.json"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
}

#[test]
fn a_full_service_refuses_and_a_client_that_leaves_makes_room() {
    let mut settings = custom();
    settings.limits.max_requests = 2;
    let service = start(settings);
    let take = || {
        let mut stream =
            service.send("POST", "/v1/audio/speech", &[JSON], long_speech().as_bytes());
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        stream
    };
    let (first, _second) = (take(), take());
    let refused = service.speak(request(json!({})));
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")));
    assert_eq!(refused.error()["type"], "rate_limit_error");
    assert_eq!(service.metric("qwen3_tts_requests_refused_total"), 1.0);
    drop(first);
    until(|| service.speak(request(json!({}))).status == 200);
    let cancelled = format!("qwen3_tts_requests_total{{model=\"{CUSTOM}\",outcome=\"cancelled\"}}");
    assert_eq!(service.metric(&cancelled), 1.0);
}

#[test]
fn a_client_that_reads_nothing_is_cut() {
    let mut settings = custom();
    settings.limits.max_requests = 1;
    settings.limits.slow_reader = Duration::from_millis(300);
    let service = start(settings);
    let mut slow = service.send("POST", "/v1/audio/speech", &[JSON], long_speech().as_bytes());
    // Its place is free again though its connection is still open.
    until(|| service.metric("qwen3_tts_slow_readers_total") == 1.0);
    until(|| service.speak(request(json!({}))).status == 200);
    let mut answer = Vec::new();
    let _ = slow.read_to_end(&mut answer);
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    assert_eq!(unchunk(&answer[head + 4..]), None, "the answer does not look whole");
}

#[test]
fn a_stopped_service_finishes_what_it_began() {
    let mut settings = custom();
    settings.limits.drain_delay = Duration::from_secs(2);
    let mut service = start(settings);
    let fields = json!({ "input": "One. Two.", "response_format": "pcm", "max_new_tokens": 150 });
    let fields = fields.to_string();
    let mut begun = service.send("POST", "/v1/audio/speech", &[JSON], fields.as_bytes());
    let mut answer = vec![0];
    begun.read_exact(&mut answer).unwrap();
    service.stop();
    until(|| service.get("/ready").status == 503);
    let refused = service.speak(request(json!({})));
    assert_eq!((refused.status, refused.error()["code"].as_str()), (503, Some("unavailable")));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(service.get("/health").status, 200);
    begun.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    assert!(unchunk(&answer[head + 4..]).is_some(), "the speech is complete");
    service.wait().unwrap();
}

#[test]
fn measurements_count_what_was_spoken() {
    let service = start(custom());
    let before = service.metric(&format!("qwen3_tts_frames_total{{model=\"{CUSTOM}\"}}"));
    service.speak(request(json!({})));
    let after = service.metric(&format!("qwen3_tts_frames_total{{model=\"{CUSTOM}\"}}"));
    assert_eq!(after - before, 12.0);
    let text = service.get("/metrics").text();
    for line in [
        "qwen3_tts_requests_running{model=\"custom_voice_0b6\"} 0",
        "qwen3_tts_requests_waiting{model=\"custom_voice_0b6\"} 0",
        "qwen3_tts_requests_total{model=\"custom_voice_0b6\",outcome=\"completed\"} 1",
        "qwen3_tts_first_audio_seconds_count{model=\"custom_voice_0b6\"} 1",
        "qwen3_tts_real_time_factor_count{model=\"custom_voice_0b6\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn models_are_loaded_when_needed_and_freed_when_idle() {
    let mut settings = settings(&[CUSTOM, "voice_design_1b7"]);
    settings.idle_unload = Some(Duration::ZERO);
    let service = start(settings);
    let fields = json!({ "model": "voice_design_1b7", "instructions": "A calm voice." });
    assert_eq!(service.speak(request(fields)).status, 200);
    let running = "qwen3_tts_requests_running{model=\"voice_design_1b7\"}";
    assert!(service.get("/metrics").text().contains(running));
    // Loaded again after it was freed.
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(service.speak(request(json!({ "model": CUSTOM }))).status, 200);
}

#[test]
fn tls_is_spoken_with_the_files_of_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let names = vec!["localhost".to_owned()];
    let certified = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&certificate, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let mut settings = custom();
    settings.tls = Some(TlsFiles { certificate: certificate.clone(), key });
    let service = start_cold(settings);

    let pem = std::fs::read(&certificate).unwrap();
    let certificates = ureq::tls::Certificate::from_pem(&pem).unwrap();
    let roots = ureq::tls::RootCerts::new_with_certs(&[certificates]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(tls).build().into();
    let url = format!("https://localhost:{}/health", service.address.port());
    let body = agent.get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(body, "ok\n");
}

#[test]
fn pages_of_listed_origins_may_ask() {
    let mut settings = custom();
    settings.cors = vec!["https://example.org".to_owned()];
    let service = start(settings);
    let origin = |origin: &str| {
        let answer = service.ask("GET", "/v1/models", &[("Origin", origin)], b"");
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(origin("https://example.org").as_deref(), Some("https://example.org"));
    assert_eq!(origin("https://example.com"), None);
}

#[test]
fn pages_of_other_origins_may_only_read() {
    let mut settings = custom();
    settings.cors = vec!["https://example.org".to_owned()];
    let service = start(settings);
    let status = |method, origin| {
        service.ask(method, "/v1/audio/speech", &[("Origin", origin)], b"{}").status
    };
    // 400: the text is missing.
    assert_eq!(status("POST", "https://example.org"), 400);
    assert_eq!(status("POST", "http://test"), 400);
    assert_eq!(status("POST", "https://example.com"), 403);
    let list = service.ask("GET", "/v1/models", &[("Origin", "https://example.com")], b"");
    assert_eq!(list.status, 200);
}

#[test]
fn answers_have_the_id_of_their_request() {
    let service = start(custom());
    let given = service.ask("GET", "/health", &[("X-Request-Id", "mine-1")], b"");
    assert_eq!(given.header("x-request-id"), Some("mine-1"));
    assert_eq!(service.get("/health").header("x-request-id").map(str::len), Some(36));
}

#[test]
fn a_request_that_never_comes_is_not_waited_for() {
    let mut settings = custom();
    settings.limits.receive = Duration::from_millis(200);
    let service = start(settings);
    let begin = Instant::now();
    let mut stream = std::net::TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20));
    // A body that never comes.
    let fields = "POST /v1/audio/speech HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\n{";
    let mut stream = std::net::TcpStream::connect(service.address).unwrap();
    stream.write_all(fields.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 408");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let bind = |settings: Settings| -> ServerError {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(qwen3_tts_server::Server::bind(settings)).err().unwrap()
    };
    assert!(bind(settings(&[])).to_string().contains("no model"));
    assert!(bind(settings(&[CUSTOM, CUSTOM])).to_string().contains("two models"));
    let taken = start(custom());
    let mut settings = custom();
    settings.port = taken.address.port();
    let error = bind(settings).to_string();
    assert!(error.starts_with("cannot listen on 127.0.0.1:"), "{error}");
    let mut settings = custom();
    settings.tls = Some(TlsFiles { certificate: "no.pem".into(), key: "no.pem".into() });
    assert!(bind(settings).to_string().contains("no.pem"));
}
