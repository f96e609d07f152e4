//! Redirects, and the hosts that the token is sent to.

use crate::server::{
    COMMIT, MODEL, Running, Server, answer, failure, hub, machine, redirect, resolve,
    same_as_published,
};

const TOKEN: &str = "secret";

/// A hub that asks for the token everywhere, and answers requests for files by a redirect to what
/// `location` makes of a file's name.
fn redirecting(status: u16, location: impl Fn(&str) -> String + Send + Sync + 'static) -> Running {
    let server = Server { token: Some(TOKEN.to_owned()), ..Server::with_checkpoint() };
    let server = server.script(move |request| {
        let is_hubs = request.path.starts_with(&format!("/{MODEL}/resolve/"));
        is_hubs.then(|| redirect(status, &location(request.file().unwrap())))
    });
    server.run()
}

#[test]
fn the_token_is_kept_on_the_hub_itself() {
    for status in [301, 302, 303, 307, 308] {
        for form in ["/cache", "../../../../cache"] {
            let cache = tempfile::tempdir().unwrap();
            let server = redirecting(status, move |name| {
                // A file in a folder is one level deeper.
                let up = if form.starts_with('.') {
                    "../".repeat(name.matches('/').count())
                } else {
                    String::new()
                };
                format!("{up}{form}/{COMMIT}/{name}?etag=%22x%22")
            });
            let hub = machine(cache.path(), &server.address, &[("HF_TOKEN", TOKEN)]);
            same_as_published(&resolve(&hub).unwrap());
            let to_cache =
                server.requests().into_iter().filter(|request| request.path.starts_with("/cache"));
            assert!(to_cache.into_iter().all(|request| request.query == "etag=%22x%22"));
        }
    }
}

#[test]
fn an_absolute_redirect_to_the_hub_keeps_the_token() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server { token: Some(TOKEN.to_owned()), ..Server::with_checkpoint() };
    let server = server.script(|request| {
        let host = request.header("host")?;
        let name = request.path.strip_prefix(&format!("/{MODEL}/resolve/{COMMIT}/"))?;
        Some(redirect(307, &format!("http://{host}/cache/{COMMIT}/{name}")))
    });
    let server = server.run();
    let hub = machine(cache.path(), &server.address, &[("HF_TOKEN", TOKEN)]);
    same_as_published(&resolve(&hub).unwrap());
}

#[test]
fn the_token_is_not_sent_to_another_host() {
    let cache = tempfile::tempdir().unwrap();
    let storage = Server::with_checkpoint().run();
    let address = storage.address.clone();
    let server = redirecting(302, move |name| {
        format!("{address}/{MODEL}/resolve/{COMMIT}/{name}?Signature=signed")
    });
    let hub = machine(cache.path(), &server.address, &[("HF_TOKEN", TOKEN)]);
    same_as_published(&resolve(&hub).unwrap());
    assert!(!storage.requests().is_empty());
    for request in storage.requests() {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.query, "Signature=signed");
    }
}

#[test]
fn a_signature_that_has_expired_is_renewed() {
    let cache = tempfile::tempdir().unwrap();
    let storage = Server::with_checkpoint()
        .script(|request| (request.earlier == 0).then(|| answer("403 Forbidden", "", b"expired")));
    let storage = storage.run();
    let address = storage.address.clone();
    let server = redirecting(302, move |name| format!("{address}/{MODEL}/resolve/{COMMIT}/{name}"));
    let hub = machine(cache.path(), &server.address, &[("HF_TOKEN", TOKEN)]);
    // Each file fails once, with half a second between.
    same_as_published(&resolve(&hub).unwrap());
}

#[test]
fn a_renamed_model_is_found() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().script(|request| {
        let new = request.path.replace("Old-TTS", "Tiny-TTS");
        (new != request.path).then(|| redirect(307, &format!("{new}?{}", request.query)))
    });
    let server = server.run();
    let hub = hub(cache.path(), &server.address);
    let old = hub.resolve("Someone/Old-TTS", &mut |_| ());
    same_as_published(&old.unwrap());
}

#[test]
fn redirects_that_lead_nowhere_are_refused() {
    for (location, reason) in [
        ("/loop", "more than 10 redirects"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("ftp://127.0.0.1/x", "ftp://127.0.0.1/x"),
        ("", "no URL"),
        ("http://", "no URL"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::with_checkpoint().script(move |_| Some(redirect(302, location)));
        let server = server.run();
        let message = failure(&hub(cache.path(), &server.address));
        assert!(message.contains(reason) && message.contains(&server.address), "{message}");
        assert!(server.requests().len() <= 11, "{location}");
    }
}

#[test]
fn messages_hold_no_secret() {
    let cache = tempfile::tempdir().unwrap();
    let server = redirecting(302, |_| "http://127.0.0.1:9/x?Signature=signed".to_owned());
    let address = server.address.replace("http://", "http://user:password@");
    let hub = machine(cache.path(), &address, &[("HF_TOKEN", TOKEN)]);
    let message = failure(&hub);
    assert!(message.contains("http://127.0.0.1:9/x"), "{message}");
    for secret in ["signed", TOKEN, "password"] {
        assert!(!message.contains(secret), "{message}");
    }
}
