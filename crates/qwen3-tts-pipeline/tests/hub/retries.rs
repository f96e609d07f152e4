//! Servers that are busy or fail for a while.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use qwen3_tts_pipeline::HubError;

use crate::server::{
    CONFIG, Request, Running, Server, answer, hub, listen, machine, partial, published,
    resolve_with_waits, same_as_published, snapshot_in,
};

/// A hub that answers the first `times` requests for the configuration so.
fn failing(times: usize, answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Server {
    let answer = Arc::new(answer);
    Server::with_checkpoint().script(move |request| {
        let is_due = request.file() == Some(CONFIG) && request.earlier < times;
        is_due.then(|| answer(request))
    })
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    for (status, header) in [
        ("429 Too Many Requests", "Retry-After: 1"),
        ("503 Service Unavailable", "Retry-After: {date}"),
        ("429 Too Many Requests", "RateLimit: \"resolvers\";r=0;t=1"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = failing(1, move |_| {
            let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
            answer(status, &format!("{}\r\n", header.replace("{date}", &date)), b"busy")
        });
        let server = server.run();
        let begin = Instant::now();
        let (resolved, waits) = resolve_with_waits(&hub(cache.path(), &server.address));
        same_as_published(&resolved.unwrap());
        // A date has whole seconds, of which the present one is nearly over at worst.
        assert!(begin.elapsed() >= Duration::from_millis(900), "{waits:?}");
        assert_eq!(waits.len(), 1);
        assert!(waits[0].contains(status) && waits[0].contains("asks to wait"), "{waits:?}");
    }
}

#[test]
fn a_wait_that_is_too_long_is_an_error() {
    let cache = tempfile::tempdir().unwrap();
    let server =
        failing(9, |_| answer("429 Too Many Requests", "Retry-After: 7200\r\n", b"")).run();
    let (resolved, waits) = resolve_with_waits(&hub(cache.path(), &server.address));
    let message = resolved.unwrap_err().to_string();
    assert!(message.contains("429") && message.contains("7200 s"), "{message}");
    assert!(waits.is_empty());
}

#[test]
fn failures_that_pass_are_retried() {
    for status in ["500 Internal Server Error", "502 Bad Gateway", "504 Gateway Timeout", ""] {
        let cache = tempfile::tempdir().unwrap();
        // Without a status the connection is closed without an answer.
        let server = failing(2, move |_| match status {
            "" => Vec::new(),
            status => answer(status, "", b"<html>sorry</html>"),
        });
        let server = server.run();
        let (resolved, waits) = resolve_with_waits(&hub(cache.path(), &server.address));
        same_as_published(&resolved.unwrap());
        assert_eq!(waits.len(), 2, "{waits:?}");
        assert!(waits[0].ends_with(": 500ms") && waits[1].ends_with(": 1s"), "{waits:?}");
    }
}

#[test]
fn failures_that_last_are_not_retried_for_ever() {
    let cache = tempfile::tempdir().unwrap();
    let server = failing(usize::MAX, |_| answer("500 Internal Server Error", "", b"")).run();
    let mut hub = hub(cache.path(), &server.address);
    hub.retries = 1;
    let (resolved, waits) = resolve_with_waits(&hub);
    let error = resolved.unwrap_err();
    assert!(matches!(error, HubError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("500"), "{error}");
    assert_eq!(waits.len(), 1);
    assert_eq!(server.files().iter().filter(|name| *name == CONFIG).count(), 2);
}

const TAG: &str = "ETag: \"v1\"\r\n";

/// Returns the answer to a request for the rest of `content`, cut off after `most` bytes.
fn cut_off(request: &Request, content: &[u8], most: usize) -> Vec<u8> {
    let from = request.from().unwrap_or(0);
    let mut response = match request.from() {
        Some(from) => partial(content, from, TAG),
        None => answer("200 OK", TAG, content),
    };
    let rest = content.len() - from;
    response.truncate(response.len() - rest + rest.min(most));
    response
}

#[test]
fn progress_renews_the_patience() {
    let cache = tempfile::tempdir().unwrap();
    // Each answer breaks off 100 bytes after its start, which is more often than retries allow.
    let server = Server::with_checkpoint().script(|request| {
        let content = published(request.file().filter(|name| *name == CONFIG)?);
        Some(cut_off(request, &content, content.len() / 4 + 1))
    });
    let server = server.run();
    let mut hub = hub(cache.path(), &server.address);
    hub.retries = 1;
    let (resolved, waits) = resolve_with_waits(&hub);
    same_as_published(&resolved.unwrap());
    assert_eq!(waits.len(), 3, "{waits:?}");
}

#[test]
fn a_byte_at_a_time_is_no_progress() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().script(|request| {
        let name = request.file().filter(|name| *name == CONFIG)?;
        Some(cut_off(request, &published(name), 1))
    });
    let server = server.run();
    let mut hub = hub(cache.path(), &server.address);
    hub.retries = 2;
    let (resolved, waits) = resolve_with_waits(&hub);
    let error = resolved.unwrap_err();
    assert!(matches!(error, HubError::Unavailable { .. }), "{error}");
    assert!(waits.len() <= 3, "{waits:?}");
}

/// Serves a checkpoint whose file at `path` never ends: a byte, or a block, every `pause`.
fn endless(path: &'static str, block: usize, pause: Duration) -> Running {
    let (listener, address) = listen();
    Server { lists_hashes: true, ..Server::with_checkpoint() }.serve(
        listener,
        format!("http://{address}"),
        move |mut stream, answer| {
            let Some(request) = Request::read(stream.try_clone().unwrap()) else { return };
            if !request.path.ends_with(path) {
                let _ = stream.write_all(&answer(request));
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while stream.write_all(&vec![b' '; block]).is_ok() {
                std::thread::sleep(pause);
            }
        },
    )
}

#[test]
fn answers_without_an_end_are_given_up() {
    let cases = [
        ("revision/main", 1, 100, "less than 1000 bytes a second"),
        ("revision/main", 1 << 16, 0, "not that of a hub"),
        (CONFIG, 1, 100, "less than 1000 bytes a second"),
        (CONFIG, 1 << 16, 0, "more than the expected"),
    ];
    std::thread::scope(|scope| {
        for (path, block, pause, reason) in cases {
            scope.spawn(move || {
                let server = endless(path, block, Duration::from_millis(pause));
                is_given_up(&server, reason);
            });
        }
    });
}

fn is_given_up(server: &Running, reason: &str) {
    let cache = tempfile::tempdir().unwrap();
    let hub = machine(cache.path(), &server.address, &[("HF_HUB_DOWNLOAD_TIMEOUT", "1")]);
    let (resolved, waits) = resolve_with_waits(&hub);
    let message = resolved.unwrap_err().to_string();
    assert!(message.contains(reason) && waits.is_empty(), "{message} {waits:?}");
    let left = snapshot_in(cache.path()).join("config.json.incomplete");
    assert!(fs::metadata(left).map_or(0, |left| left.len()) < 1 << 16);
}

#[test]
fn what_cannot_pass_is_not_retried() {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone", "418 Teapot"] {
        let cache = tempfile::tempdir().unwrap();
        let server = failing(usize::MAX, move |_| answer(status, "", b"")).run();
        let (resolved, waits) = resolve_with_waits(&hub(cache.path(), &server.address));
        let message = resolved.unwrap_err().to_string();
        assert!(message.contains(&server.address), "{message}");
        assert!(waits.is_empty(), "{status}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
    let server = Server::with_checkpoint().script(|_| {
        std::thread::sleep(Duration::from_secs(5));
        None
    });
    let server = server.run();
    let cache = tempfile::tempdir().unwrap();
    let mut hub = machine(cache.path(), &server.address, &[("HF_HUB_ETAG_TIMEOUT", "1")]);
    hub.retries = 1;
    let begin = Instant::now();
    let (resolved, waits) = resolve_with_waits(&hub);
    let message = resolved.unwrap_err().to_string();
    assert!(message.contains("timeout"), "{message}");
    assert_eq!(waits.len(), 1);
    assert!(begin.elapsed() < Duration::from_secs(5));
}
