//! Encrypted connections, and the certificates that they need.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::proxies::{self, Proxy};
use crate::server::{
    Request, Running, Server, failure, listen, machine, redirect, resolve, same_as_published,
};

/// An authority that no system knows, and a hub with a certificate of it.
struct Private {
    server: Running,
    /// The authority's certificate in PEM form.
    authority: String,
}

impl Private {
    fn run(name: &str, server: Server) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let (listener, address) = listen();
        let address = address.replace("127.0.0.1", "https://localhost");
        let server = server.serve(listener, address, move |stream, answer| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            // A client that does not trust the certificate sends no request.
            let Some(request) = Request::read(&mut stream) else { return };
            let _ = stream.write_all(&answer(request));
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
        Self { server, authority }
    }
}

/// Writes the authority's certificate to a file and to a directory.
fn write(folder: &Path, authority: &str) -> (String, String) {
    let (file, directory) = (folder.join("authority.pem"), folder.join("authorities"));
    fs::write(&file, authority).unwrap();
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("one.pem"), authority).unwrap();
    (file.to_str().unwrap().to_owned(), directory.to_str().unwrap().to_owned())
}

#[test]
fn an_authority_of_the_hub_is_trusted() {
    let private = Private::run("Some authority", Server::with_checkpoint());
    let folder = tempfile::tempdir().unwrap();
    let (file, directory) = write(folder.path(), &private.authority);
    for variables in [
        &[("SSL_CERT_FILE", &*file)][..],
        &[("SSL_CERT_DIR", &directory)],
        &[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", "/nonexistent")],
        &[("REQUESTS_CA_BUNDLE", &file)],
        &[("REQUESTS_CA_BUNDLE", &directory), ("SSL_CERT_FILE", "/nonexistent")],
        &[("CURL_CA_BUNDLE", &file)],
    ] {
        let cache = tempfile::tempdir().unwrap();
        let hub = machine(cache.path(), &private.server.address, variables);
        same_as_published(&resolve(&hub).unwrap());
    }
}

#[test]
fn an_unknown_authority_is_refused_with_a_hint() {
    let private = Private::run("Some authority", Server::with_checkpoint());
    let other = Private::run("Another authority", Server::default());
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = write(folder.path(), &other.authority);
    for variables in [&[][..], &[("SSL_CERT_FILE", &*file)]] {
        let cache = tempfile::tempdir().unwrap();
        let message = failure(&machine(cache.path(), &private.server.address, variables));
        assert!(
            message.contains("UnknownIssuer") && message.contains("SSL_CERT_FILE"),
            "{message}"
        );
    }
    assert!(private.server.requests().is_empty());
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let private = Private::run("Some authority", Server::with_checkpoint());
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = write(folder.path(), &private.authority);
    let address = private.server.address.replace("localhost", "127.0.0.1");
    let message = failure(&machine(folder.path(), &address, &[("SSL_CERT_FILE", &file)]));
    assert!(message.contains("not valid for name"), "{message}");
}

#[test]
fn an_encrypted_connection_goes_through_the_proxy() {
    let private = Private::run("Some authority", Server::with_checkpoint());
    let host = private.server.address.strip_prefix("https://").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = write(folder.path(), &private.authority);
    for (variable, scheme, accept) in [
        ("HTTPS_PROXY", "http://user:pass@", proxies::http as fn(&mut TcpStream) -> _),
        ("all_proxy", "socks5h://", proxies::socks),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let proxy = Proxy::run(accept);
        let url = format!("{scheme}{}", proxy.address);
        let variables = [("SSL_CERT_FILE", &*file), (variable, &url)];
        same_as_published(
            &resolve(&machine(cache.path(), &private.server.address, &variables)).unwrap(),
        );
        assert!(!proxy.targets().is_empty());
        assert!(proxy.targets().iter().all(|target| target == host), "{variable}");
    }
}

#[test]
fn a_redirect_out_of_encryption_is_refused() {
    let plain = Server::with_checkpoint().run();
    let address = plain.address.clone();
    let private = Private::run(
        "Some authority",
        Server::with_checkpoint()
            .script(move |request| Some(redirect(302, &format!("{address}{}", request.path)))),
    );
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = write(folder.path(), &private.authority);
    let hub = machine(folder.path(), &private.server.address, &[("SSL_CERT_FILE", &file)]);
    let message = failure(&hub);
    assert!(message.contains("not encrypted") && message.contains(&plain.address), "{message}");
    assert!(plain.requests().is_empty());
}
