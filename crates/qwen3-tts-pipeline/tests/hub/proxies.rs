//! Proxies of the hub.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::server::{Server, failure, listen, machine, resolve, same_as_published};

/// A proxy on the loopback address.
pub struct Proxy {
    pub address: String,
    /// The hosts that it was asked for.
    targets: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Runs a proxy whose `accept` greets a client and returns the host that it asks for.
    pub fn run(accept: fn(&mut TcpStream) -> Option<String>) -> Self {
        let (listener, address) = listen();
        let targets = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&targets);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, seen) = (client.unwrap(), Arc::clone(&seen));
                thread::spawn(move || {
                    let Some(target) = accept(&mut client) else { return };
                    seen.lock().unwrap().push(target.clone());
                    connect(client, TcpStream::connect(target).unwrap());
                });
            }
        });
        Self { address, targets }
    }

    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

/// Passes bytes between two connections until both end.
fn connect(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
    let (mut from_server, mut to_client) = (server, client);
    let _ = std::io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(std::net::Shutdown::Both);
}

/// CONNECT of RFC 9110, with the name and password "user" and "pass".
pub fn http(client: &mut TcpStream) -> Option<String> {
    let head = read_head(client)?;
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    if !head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n") {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        client.write_all(refusal.as_bytes()).ok()?;
        return None;
    }
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    Some(target)
}

fn read_head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// SOCKS 5 of RFC 1928, without authentication.
pub fn socks(client: &mut TcpStream) -> Option<String> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting).ok()?;
    let mut methods = vec![0; usize::from(greeting[1])];
    client.read_exact(&mut methods).ok()?;
    client.write_all(&[5, 0]).ok()?;
    let mut request = [0; 4];
    client.read_exact(&mut request).ok()?;
    let host = match request {
        [5, 1, 0, 1] => {
            let mut address = [0; 4];
            client.read_exact(&mut address).ok()?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        [5, 1, 0, 3] => {
            let mut length = [0];
            client.read_exact(&mut length).ok()?;
            let mut name = vec![0; usize::from(length[0])];
            client.read_exact(&mut name).ok()?;
            String::from_utf8(name).ok()?
        }
        _ => return None,
    };
    let mut port = [0; 2];
    client.read_exact(&mut port).ok()?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
    Some(format!("{host}:{}", u16::from_be_bytes(port)))
}

#[test]
fn downloads_go_through_the_proxy() {
    let server = Server::with_checkpoint().run();
    let host = server.address.strip_prefix("http://").unwrap();
    for (variable, scheme, accept) in [
        ("HTTP_PROXY", "http://user:pass@", http as fn(&mut TcpStream) -> _),
        ("http_proxy", "user:pass@", http),
        ("ALL_PROXY", "socks5://", socks),
        ("all_proxy", "socks5h://", socks),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let proxy = Proxy::run(accept);
        let url = format!("{scheme}{}", proxy.address);
        let hub = machine(cache.path(), &server.address, &[(variable, &url)]);
        same_as_published(&resolve(&hub).unwrap());
        assert!(!proxy.targets().is_empty());
        assert!(proxy.targets().iter().all(|target| target == host), "{variable}");
    }
}

#[test]
fn a_proxy_is_never_bypassed() {
    let server = Server::with_checkpoint().run();
    let refusing = Proxy::run(http).address;
    for (value, reason) in [
        ("http://127.0.0.1:9", "through the proxy 127.0.0.1:9"),
        ("socks5://127.0.0.1:9", "through the proxy 127.0.0.1:9"),
        (&*format!("http://user:wrong@{refusing}"), "407"),
        ("quic://user:secret@127.0.0.1:9", "HTTP_PROXY is \"127.0.0.1:9\""),
        ("not a proxy", "HTTP_PROXY is \"not a proxy\""),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let message = failure(&machine(cache.path(), &server.address, &[("HTTP_PROXY", value)]));
        assert!(message.contains(reason), "{message}");
        assert!(!message.contains("secret") && !message.contains("wrong"), "{message}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn hosts_of_no_proxy_are_reached_directly() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let variables = [("ALL_PROXY", "socks5://127.0.0.1:9"), ("no_proxy", "localhost,127.0.0.0/8")];
    same_as_published(&resolve(&machine(cache.path(), &server.address, &variables)).unwrap());
}

#[test]
fn the_proxy_of_the_other_scheme_is_not_used() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::with_checkpoint().run();
    let variables = [("HTTPS_PROXY", "http://127.0.0.1:9")];
    same_as_published(&resolve(&machine(cache.path(), &server.address, &variables)).unwrap());
}
