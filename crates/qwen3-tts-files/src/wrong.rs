//! Files that are not what their name says, recognised from their first bytes.

use serde_json::Value;

/// A file that is not what its name says, with what to do about it. The message follows the name of
/// the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongFile {
    /// The file is empty.
    #[error("the file is empty; fetch it again")]
    Empty,
    /// The file is a Git LFS pointer.
    #[error("a Git LFS pointer, not the file; run `git lfs pull`")]
    LfsPointer,
    /// The file is an HTML page, such as a login page.
    #[error(
        "an HTML page, not the file; its address may ask for a login, or be that of a page about \
         the file: fetch the file itself"
    )]
    Html,
    /// The file is XML, as storage servers report errors.
    #[error("an XML document, as servers report errors, not the file; fetch it again")]
    Xml,
    /// The file is in the format of llama.cpp.
    #[error("a GGUF file, which cannot be read; take a checkpoint with safetensors files")]
    Gguf,
    /// The file is a ZIP archive, which is what `torch.save` writes.
    #[error(
        "a ZIP archive; if torch.save wrote it, `qwen3-tts convert` turns its checkpoint into \
         safetensors files, else unpack it"
    )]
    Zip,
    /// The file is a pickle, which is what `torch.save` wrote before PyTorch 1.6.
    #[error(
        "a pickle of PyTorch before 1.6; load it with torch and save it again, then run \
         `qwen3-tts convert`"
    )]
    Pickle,
    /// The file is compressed as a whole.
    #[error("a compressed archive; unpack it")]
    Compressed,
    /// The file is a recording.
    #[error("a recording; expected another kind of file")]
    Recording,
    /// The file is text in UTF-16.
    #[error("text in UTF-16; save it as UTF-8")]
    Utf16,
    /// The file is not UTF-8 text.
    #[error("not text in UTF-8 (byte {at}); fetch it again, or save it as UTF-8")]
    NotText {
        /// Position of the first byte that is not part of a character.
        at: usize,
    },
    /// The file is shorter than its header says.
    #[error("truncated: it has {found} of {expected} bytes; fetch it again")]
    Truncated {
        /// Size in bytes.
        found: u64,
        /// Size in bytes that follows from the header.
        expected: u64,
    },
    /// The file is longer than its header says.
    #[error("damaged: it has {found} bytes, but its header describes {expected}; fetch it again")]
    TooLong {
        /// Size in bytes.
        found: u64,
        /// Size in bytes that follows from the header.
        expected: u64,
    },
}

/// First bytes of the formats that are recognised by a signature.
const SIGNATURES: [(&[u8], WrongFile); 16] = [
    (b"version https://git-lfs.github.com/spec/", WrongFile::LfsPointer),
    (b"GGUF", WrongFile::Gguf),
    (b"PK\x03\x04", WrongFile::Zip),
    (b"PK\x05\x06", WrongFile::Zip),
    (b"\x80\x02", WrongFile::Pickle),
    (b"\x80\x03", WrongFile::Pickle),
    (b"\x80\x04\x95", WrongFile::Pickle),
    (b"\x80\x05\x95", WrongFile::Pickle),
    (b"\x1f\x8b", WrongFile::Compressed),
    (b"\x28\xb5\x2f\xfd", WrongFile::Compressed),
    (b"RIFF", WrongFile::Recording),
    (b"fLaC", WrongFile::Recording),
    (b"OggS", WrongFile::Recording),
    (b"ID3", WrongFile::Recording),
    (b"\xff\xfe", WrongFile::Utf16),
    (b"\xfe\xff", WrongFile::Utf16),
];

/// Number of bytes of the length that begins a safetensors file.
const LENGTH: u64 = 8;

/// Largest size in bytes of a safetensors header, as in the crate `safetensors`.
const MAX_HEADER: u64 = 100_000_000;

impl WrongFile {
    /// Recognises a file that is neither JSON, plain text nor safetensors, from its first bytes.
    pub fn recognise(head: &[u8]) -> Option<Self> {
        if head.is_empty() {
            return Some(Self::Empty);
        }
        // The length of a safetensors header can begin with any bytes; its brace decides.
        if head.get(LENGTH as usize) == Some(&b'{') && head[4..LENGTH as usize] == [0; 4] {
            return None;
        }
        let signature = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
        signature.map(|(_, kind)| kind.clone()).or_else(|| Self::page(head))
    }

    /// Recognises a file in the place of a safetensors file: another format, or a file that is
    /// shorter or longer than its header says. `head` are its first bytes, at least to the end of
    /// the header, or all of them; `size` is its size in bytes.
    pub fn in_place_of_safetensors(head: &[u8], size: u64) -> Option<Self> {
        if let Some(kind) = Self::recognise(head) {
            return Some(kind);
        }
        let length = u64::from_le_bytes(*head.first_chunk()?);
        if length > MAX_HEADER {
            return None;
        }
        let header = LENGTH + length;
        if size < header {
            let brace = head.get(LENGTH as usize).is_none_or(|&byte| byte == b'{');
            return brace.then_some(Self::Truncated { found: size, expected: header });
        }
        let json: Value =
            serde_json::from_slice(head.get(LENGTH as usize..header as usize)?).ok()?;
        let ends = json.as_object()?.values().filter_map(|info| info["data_offsets"][1].as_u64());
        let expected = header.checked_add(ends.max().unwrap_or(0))?;
        match size {
            _ if size < expected => Some(Self::Truncated { found: size, expected }),
            _ if size > expected => Some(Self::TooLong { found: size, expected }),
            _ => None,
        }
    }

    fn page(head: &[u8]) -> Option<Self> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let begins = |tag: &str| {
            head.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
        };
        if ["<!doctype html", "<html", "<head", "<!--"].into_iter().any(begins) {
            return Some(Self::Html);
        }
        begins("<?xml").then_some(Self::Xml)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safetensors(end: u64, data: usize) -> Vec<u8> {
        let header = format!(
            r#"{{"__metadata__":{{"format":"pt"}},"a":{{"dtype":"U8","shape":[{end}],"data_offsets":[0,{end}]}}}}"#
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    #[test]
    fn the_usual_wrong_files_are_recognised() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
        for (head, kind) in [
            (&pointer[..], WrongFile::LfsPointer),
            (b"", WrongFile::Empty),
            (b"\n <!DOCTYPE html>\n<html lang=\"en\">", WrongFile::Html),
            (b"\xef\xbb\xbf<HTML><body>", WrongFile::Html),
            (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", WrongFile::Xml),
            (b"GGUF\x03\0\0\0", WrongFile::Gguf),
            (b"PK\x03\x04\0\0\x08\x08", WrongFile::Zip),
            (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", WrongFile::Pickle),
            (b"\x1f\x8b\x08\0", WrongFile::Compressed),
            (b"RIFF\x24\0\0\0WAVE", WrongFile::Recording),
            (b"\xff\xfe{\0\"\0", WrongFile::Utf16),
        ] {
            assert_eq!(WrongFile::recognise(head), Some(kind.clone()));
            assert_eq!(
                WrongFile::in_place_of_safetensors(head, head.len() as u64),
                Some(kind.clone())
            );
            assert!(!kind.to_string().contains('\n'));
        }
    }

    #[test]
    fn right_files_are_not_recognised_as_wrong() {
        for head in [
            &b"{\"model_type\": \"qwen3_tts\"}"[..],
            b"[1, 2]",
            b"#version: 0.2\n\xc4\xa0 t\n",
            b"a plain sentence",
            // Headers of 20555 (`KP`) and 640 (`\x80\x02`) bytes.
            b"PK\0\0\0\0\0\0{\"a\":",
            b"\x80\x02\0\0\0\0\0\0{\"a\":",
            &safetensors(3, 3),
        ] {
            assert_eq!(WrongFile::recognise(head), None, "{head:?}");
        }
        let whole = safetensors(3, 3);
        assert_eq!(WrongFile::in_place_of_safetensors(&whole, whole.len() as u64), None);
    }

    #[test]
    fn a_partial_download_is_told_with_both_sizes() {
        let whole = safetensors(1000, 1000);
        let expected = whole.len() as u64;
        for found in [expected - 1000, expected - 1, 200] {
            let kind = WrongFile::in_place_of_safetensors(&whole[..found as usize], found);
            assert_eq!(kind, Some(WrongFile::Truncated { found, expected }));
        }
        // Within the header, only the header's own size is known.
        let header = expected - 1000;
        for found in [8, 9, header - 1] {
            let kind = WrongFile::in_place_of_safetensors(&whole[..found as usize], found);
            assert_eq!(kind, Some(WrongFile::Truncated { found, expected: header }));
        }
        let longer = safetensors(1000, 1001);
        let found = longer.len() as u64;
        let kind = WrongFile::in_place_of_safetensors(&longer, found);
        assert_eq!(kind, Some(WrongFile::TooLong { found, expected }));
    }

    #[test]
    fn hostile_headers_are_left_to_the_parser() {
        for end in ["18446744073709551615", "-1", "1e400", "\"9\"", "null"] {
            let header = format!(r#"{{"a":{{"data_offsets":[0,{end}]}}}}"#);
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            let size = bytes.len() as u64;
            assert_eq!(WrongFile::in_place_of_safetensors(&bytes, size), None, "{end}");
        }
        for length in [u64::MAX, 1 << 40] {
            let bytes = length.to_le_bytes();
            assert_eq!(WrongFile::in_place_of_safetensors(&bytes, 8), None);
        }
        assert_eq!(WrongFile::in_place_of_safetensors(&[1, 2, 3], 3), None);
    }
}
