//! Checks of a file against the size and hash that the hub lists, or else of its format.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use qwen3_tts_files::WrongFile;
use safetensors::tensor::Metadata;
use serde::de::IgnoredAny;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use ureq::http::{HeaderMap, header};

/// Largest size in bytes of the head of a safetensors file.
const MAX_HEAD: u64 = 100_000_000;

/// Size and hash of a file, if the hub lists them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Expected {
    pub size: Option<u64>,
    pub hash: Option<Hash>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hash {
    /// Of the content, in hexadecimal digits: files in large-file storage.
    Sha256(String),
    /// Of the content as a Git blob: all others. Some mirrors send that of the bare content.
    Sha1(String),
}

impl Expected {
    /// Reads the headers of a response of the hub's own server.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let hash = match text("x-linked-etag") {
            Some(tag) => Hash::parse(bare_tag(tag)),
            // An ETag of 64 digits need not be a hash of the content.
            None => text(header::ETAG.as_str())
                .and_then(|tag| Hash::parse(bare_tag(tag)))
                .filter(|hash| matches!(hash, Hash::Sha1(_))),
        };
        Self { size: text("x-linked-size").and_then(|size| size.trim().parse().ok()), hash }
    }

    /// Returns what is known here, else there.
    pub fn or(self, other: Self) -> Self {
        Self { size: self.size.or(other.size), hash: self.hash.or(other.hash) }
    }
}

impl Hash {
    /// Returns the hash written as `digits`. Their number tells SHA-1 from SHA-256.
    pub fn parse(digits: &str) -> Option<Self> {
        let digits = digits.to_lowercase();
        match digits.len() {
            _ if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => None,
            64 => Some(Self::Sha256(digits)),
            40 => Some(Self::Sha1(digits)),
            _ => None,
        }
    }

    fn fits(&self, mut file: File, size: u64) -> io::Result<bool> {
        match self {
            Self::Sha256(digits) => Ok(digest::<Sha256>(&mut file, "")? == *digits),
            Self::Sha1(digits) => {
                if digest::<Sha1>(&mut file, &format!("blob {size}\0"))? == *digits {
                    return Ok(true);
                }
                file.rewind()?;
                Ok(digest::<Sha1>(&mut file, "")? == *digits)
            }
        }
    }
}

/// Checks the file at `path`, which is `name` in the checkpoint.
///
/// # Errors
/// Returns what is wrong with it, in one line.
pub(super) fn check(path: &Path, name: &str, expected: &Expected) -> Result<(), String> {
    flaw(path, name, expected)
        .unwrap_or_else(|error| Some(format!("cannot be read: {error}")))
        .map_or(Ok(()), Err)
}

fn flaw(path: &Path, name: &str, expected: &Expected) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let wrong_size = expected.size.is_some_and(|expected| expected != size);
    if !wrong_size && let Some(hash) = &expected.hash {
        let fits = hash.fits(file, size)?;
        return Ok((!fits).then(|| format!("the {size} bytes are not those that the hub lists")));
    }
    let mut start = Vec::new();
    file.by_ref().take(256).read_to_end(&mut start)?;
    if let Some(wrong) = WrongFile::recognise(&start) {
        return Ok(Some(wrong.to_string()));
    }
    if let Some(listed) = expected.size.filter(|_| wrong_size) {
        return Ok(Some(format!("it has {size} bytes, and the hub lists {listed}")));
    }
    file.rewind()?;
    match name.rsplit('.').next() {
        Some("json") => json_flaw(file),
        Some("safetensors") => safetensors_flaw(file, size),
        _ => Ok(None),
    }
}

fn json_flaw(mut file: File) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = match qwen3_tts_files::text(bytes) {
        Ok(text) => text,
        Err(wrong) => return Ok(Some(wrong.to_string())),
    };
    let parsed = serde_json::from_str::<IgnoredAny>(&text);
    Ok(parsed.err().map(|error| format!("not JSON: {error}")))
}

fn safetensors_flaw(file: File, size: u64) -> io::Result<Option<String>> {
    let mut file = BufReader::new(file);
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head)?;
    let length = head.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    file.take(length.min(MAX_HEAD)).read_to_end(&mut head)?;
    if let Some(wrong) = WrongFile::in_place_of_safetensors(&head, size) {
        return Ok(Some(wrong.to_string()));
    }
    let parsed = serde_json::from_slice::<Metadata>(head.get(8..).unwrap_or_default());
    Ok(parsed.err().map(|error| format!("not the head of a safetensors file: {error}")))
}

/// Returns the hash of `prefix` and the rest of `file` in hexadecimal digits.
fn digest<D: Digest>(file: &mut File, prefix: &str) -> io::Result<String> {
    let mut digest = D::new_with_prefix(prefix);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns an ETag without its quotes and the mark of a weak one.
fn bare_tag(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/").trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    fn flaw_of(name: &str, content: &[u8], expected: Expected) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        check(&path, name, &expected).err()
    }

    fn listed(size: u64, hash: &str) -> Expected {
        Expected { size: Some(size), hash: Hash::parse(hash) }
    }

    // Hashes of "hello\n": `sha256sum`, `git hash-object` and `sha1sum`.
    const SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    const BLOB: &str = "ce013625030ba8dba906f756967f9e9ca394464a";
    const SHA1: &str = "f572d396fae9206628714fb2ce00f72e94f2258f";

    #[test]
    fn size_and_hash_are_those_that_the_hub_lists() {
        for hash in [SHA256, BLOB, SHA1] {
            assert_eq!(flaw_of("a.txt", b"hello\n", listed(6, hash)), None);
            assert!(flaw_of("a.txt", b"hallo\n", listed(6, hash)).unwrap().contains("not those"));
            let flaw = flaw_of("a.txt", b"hell", listed(6, hash)).unwrap();
            assert!(flaw.contains("4 bytes") && flaw.contains('6'), "{flaw}");
        }
        // What is as published is not judged further.
        assert_eq!(flaw_of("a.json", b"hello\n", listed(6, SHA256)), None);
    }

    #[test]
    fn without_a_hash_the_form_is_checked() {
        let head = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let length = head.len() as u64;
        let tensors = [&length.to_le_bytes()[..], head, &[0; 4]].concat();
        let page = b"\n<!DOCTYPE html><html></html>";
        let none = Expected::default;
        for (name, content) in [
            ("a.json", &b"{\"a\": [1, 2]}"[..]),
            ("a.json", b"\xef\xbb\xbf{}"),
            ("a.safetensors", &tensors),
            ("merges.txt", b"#version: 0.2\na b"),
        ] {
            assert_eq!(flaw_of(name, content, none()), None, "{name}");
            assert!(flaw_of(name, page, none()).unwrap().contains("HTML page"), "{name}");
            let listed = Expected { size: Some(1), hash: None };
            assert!(flaw_of(name, page, listed).unwrap().contains("HTML page"), "{name}");
            let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
            assert!(flaw_of(name, pointer, none()).unwrap().contains("Git LFS"), "{name}");
        }
        assert!(flaw_of("a.json", b"", none()).unwrap().contains("empty"));
        for content in [&b"{"[..], b"{} {", b"not found"] {
            assert!(
                flaw_of("a.json", content, none()).unwrap().contains("not JSON"),
                "{content:?}"
            );
        }
        let one_less = &tensors[..tensors.len() - 1];
        for content in
            [&b""[..], b"1234567", &[255; 20], &[4, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], one_less]
        {
            assert!(flaw_of("a.safetensors", content, none()).is_some(), "{content:?}");
        }
    }

    #[test]
    fn headers_tell_size_and_hash() {
        let read = |headers: &[(&'static str, String)]| {
            let headers = headers.iter().map(|(name, value)| {
                (header::HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())
            });
            Expected::from_headers(&headers.collect())
        };
        let quoted = |hash: &str| format!("\"{hash}\"");
        let linked = read(&[
            ("x-linked-size", "6".to_owned()),
            ("x-linked-etag", quoted(SHA256)),
            ("etag", quoted("other")),
        ]);
        assert_eq!(linked, listed(6, SHA256));
        let small = Expected { size: None, hash: Hash::parse(BLOB) };
        assert_eq!(read(&[("etag", quoted(BLOB))]), small);
        assert_eq!(read(&[("etag", format!("W/{}", quoted(BLOB)))]), small);
        for tag in [SHA256, "d41d8cd98f00b204e9800998ecf8427e", "65f1-4a", ""] {
            assert_eq!(read(&[("etag", quoted(tag))]), Expected::default(), "{tag}");
        }
    }
}
