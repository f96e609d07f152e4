//! Content that is not what the hub lists.

use std::fs;

use qwen3_tts_pipeline::{DownloadProgress, HubError};
use qwen3_tts_testkit::TempCheckpoint;

use crate::server::{
    CONFIG, MODEL, Request, Server, WEIGHTS, answer, download, download_again, failure, git_hash,
    hub, published, redirect, resolve, same_as_published, sha256, snapshot_in,
};

const PAGE: &[u8] = b"<!DOCTYPE html>\n<html><title>Log in</title></html>";

fn login_page() -> Vec<u8> {
    answer("200 OK", "Content-Type: text/html\r\n", PAGE)
}

/// Returns true for the first request for a file.
fn is_first(request: &Request, name: &str) -> bool {
    request.file() == Some(name) && request.earlier == 0
}

#[test]
fn a_login_page_is_not_saved() {
    for lists_hashes in [false, true] {
        for name in TempCheckpoint::FILES {
            let cache = tempfile::tempdir().unwrap();
            let server = Server { lists_hashes, ..Server::with_checkpoint() };
            let server =
                server.script(move |request| is_first(request, name).then(login_page)).run();
            let hub = hub(cache.path(), &server.address);
            let error = resolve(&hub).unwrap_err();
            assert!(matches!(&error, HubError::Content { file, .. } if file == name), "{error}");
            assert!(error.to_string().contains("HTML page"), "{error}");
            assert!(!snapshot_in(cache.path()).join(name).exists());
            same_as_published(&resolve(&hub).unwrap());
        }
    }
}

#[test]
fn a_login_page_instead_of_the_hub_is_explained() {
    let portal = Server::default().script(|_| Some(login_page())).run();
    let address = portal.address.clone();
    let redirecting =
        Server::default().script(move |_| Some(redirect(302, &format!("{address}/login")))).run();
    for server in [&portal, &redirecting] {
        let cache = tempfile::tempdir().unwrap();
        let message = failure(&hub(cache.path(), &server.address));
        assert!(message.contains("web page") && message.contains("log in"), "{message}");
        assert!(message.contains(&portal.address), "{message}");
    }
}

#[test]
fn files_that_are_not_as_listed_are_refused() {
    let mut other = published(WEIGHTS);
    *other.last_mut().unwrap() ^= 1;
    let shorter = other[..other.len() - 1].to_vec();
    for (wrong, reason) in [(other, "not those"), (shorter, "the hub lists")] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server { lists_hashes: true, ..Server::with_checkpoint() };
        let server = server
            .script(move |request| is_first(request, WEIGHTS).then(|| answer("200 OK", "", &wrong)))
            .run();
        let hub = hub(cache.path(), &server.address);
        let message = failure(&hub);
        assert!(message.contains(reason) && message.contains(WEIGHTS), "{message}");
        same_as_published(&resolve(&hub).unwrap());
    }
}

#[test]
fn the_headers_of_the_hub_tell_the_hash_too() {
    let tag = |name: &str, content: &[u8]| match name {
        WEIGHTS => {
            let (hash, size) = (sha256(content), content.len());
            // As the hub redirects to its storage, whose own tag is not the hash.
            format!(
                "X-Linked-ETag: \"{hash}\"\r\nX-Linked-Size: {size}\r\nETag: \"{}\"\r\n",
                "0".repeat(64)
            )
        }
        _ => format!("ETag: \"{}\"\r\n", git_hash(content)),
    };
    for name in [WEIGHTS, CONFIG] {
        let cache = tempfile::tempdir().unwrap();
        let (content, mut other) = (published(name), published(name));
        // Still valid JSON, and a valid head.
        let i = if name == CONFIG {
            other.iter().position(u8::is_ascii_digit).unwrap()
        } else {
            other.len() - 1
        };
        other[i] ^= 1;
        let server = Server::with_checkpoint().script(move |request| {
            let sent = if request.earlier == 0 { &other } else { &content };
            (request.file() == Some(name)).then(|| answer("200 OK", &tag(name, &content), sent))
        });
        let server = server.run();
        let hub = hub(cache.path(), &server.address);
        let message = failure(&hub);
        assert!(message.contains("not those") && message.contains(name), "{message}");
        same_as_published(&resolve(&hub).unwrap());
    }
}

#[test]
fn without_a_hash_a_file_needs_a_sound_form() {
    for (name, wrong) in [
        (CONFIG, &published(CONFIG)[..20]),
        (CONFIG, b"Service unavailable"),
        (CONFIG, b""),
        (WEIGHTS, &published(WEIGHTS)[..2000]),
        (WEIGHTS, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let wrong = wrong.to_vec();
        let server = Server::with_checkpoint()
            .script(move |request| is_first(request, name).then(|| answer("200 OK", "", &wrong)));
        let server = server.run();
        let hub = hub(cache.path(), &server.address);
        let error = resolve(&hub).unwrap_err();
        assert!(matches!(&error, HubError::Content { file, .. } if file == name), "{error}");
        same_as_published(&resolve(&hub).unwrap());
    }
}

#[test]
fn a_damaged_snapshot_heals_with_the_next_download() {
    let mut flipped = published(WEIGHTS);
    flipped[3000] ^= 1;
    for (name, damaged) in [(CONFIG, PAGE.to_vec()), (WEIGHTS, flipped), (WEIGHTS, Vec::new())] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server { lists_hashes: true, ..Server::with_checkpoint() }.run();
        let hub = hub(cache.path(), &server.address);
        let snapshot = resolve(&hub).unwrap();
        fs::write(snapshot.join(name), damaged).unwrap();
        let before = server.files().len();
        assert_eq!(resolve(&hub).unwrap(), snapshot);
        assert_eq!(server.files().len(), before);
        assert_eq!(download(&hub).unwrap(), snapshot);
        same_as_published(&snapshot);
        assert_eq!(server.files()[before..], [name]);
    }
}

#[test]
fn without_a_hash_a_damaged_form_heals() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let hub = hub(cache.path(), &server.address);
    let snapshot = resolve(&hub).unwrap();
    fs::write(snapshot.join(CONFIG), PAGE).unwrap();
    download(&hub).unwrap();
    same_as_published(&snapshot);
}

#[test]
fn replacing_downloads_every_file_again() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server { lists_hashes: true, ..Server::with_checkpoint() }.run();
    let hub = hub(cache.path(), &server.address);
    download_again(&hub).unwrap();
    let mut before = server.files();
    let snapshot = download_again(&hub).unwrap();
    same_as_published(&snapshot);
    let mut after = server.files().split_off(before.len());
    before.sort();
    after.sort();
    assert_eq!(before, after);
    assert_eq!(after.len(), TempCheckpoint::FILES.len());
}

#[test]
fn a_link_into_another_librarys_blobs_is_replaced() {
    #[cfg(unix)]
    {
        let cache = tempfile::tempdir().unwrap();
        let server = Server { lists_hashes: true, ..Server::with_checkpoint() }.run();
        let hub = hub(cache.path(), &server.address);
        let snapshot = resolve(&hub).unwrap();
        let blob = cache.path().join("blob");
        fs::write(&blob, "damaged").unwrap();
        fs::remove_file(snapshot.join(CONFIG)).unwrap();
        std::os::unix::fs::symlink(&blob, snapshot.join(CONFIG)).unwrap();
        download(&hub).unwrap();
        same_as_published(&snapshot);
        assert_eq!(fs::read(blob).unwrap(), b"damaged");
    }
}

#[test]
fn compressed_answers_are_refused() {
    for name in [CONFIG, WEIGHTS] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::with_checkpoint().script(move |request| {
            is_first(request, name).then(|| {
                answer("200 OK", "Content-Encoding: gzip\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\x03")
            })
        });
        let server = server.run();
        let hub = hub(cache.path(), &server.address);
        let message = failure(&hub);
        assert!(message.contains("compressed (gzip)") && message.contains(name), "{message}");
        for request in server.requests() {
            assert_eq!(request.header("accept-encoding"), Some("identity"));
        }
        same_as_published(&resolve(&hub).unwrap());
    }
}

/// Returns a response in chunks.
fn chunked(body: &[u8], is_whole: bool) -> Vec<u8> {
    let mut response =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".to_vec();
    for chunk in body.chunks(1000) {
        response.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        response.extend(chunk);
        response.extend(b"\r\n");
    }
    if is_whole {
        response.extend(b"0\r\n\r\n");
    }
    response
}

#[test]
fn chunks_without_a_length_are_read_to_their_end() {
    for lists_hashes in [false, true] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server { lists_hashes, ..Server::with_checkpoint() };
        let server = server.script(|request| {
            let content = published(request.file()?);
            // The first answer lacks its end, and ranges are ignored.
            let cut = &content[..content.len() / 2];
            Some(if request.earlier == 0 { chunked(cut, false) } else { chunked(&content, true) })
        });
        let server = server.run();
        let hub = hub(cache.path(), &server.address);
        let mut totals = Vec::new();
        let snapshot = hub.resolve(MODEL, &mut |progress| {
            if let DownloadProgress::File { total, .. } = progress {
                totals.push(*total);
            }
        });
        same_as_published(&snapshot.unwrap());
        assert!(!totals.is_empty());
    }
}
