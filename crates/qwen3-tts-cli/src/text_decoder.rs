//! Text in the encodings that editors and shells write: UTF-8, and UTF-16 with a byte order mark.

use encoding_rs::{Decoder, DecoderResult, UTF_8};

use crate::failure::{Failure, Result};

/// A decoder of text that arrives in parts, which may be cut anywhere.
pub struct TextDecoder {
    /// Name of the input in errors.
    input: String,
    decoder: Decoder,
    /// Line ends so far.
    n_lines: usize,
    /// Bytes of text so far.
    n_bytes: usize,
    keeps_nul: bool,
}

/// Reason why a text with a NUL character is refused.
pub const NUL: &str = "a NUL character; is it UTF-16 without a byte order mark, or no text at all?";

impl TextDecoder {
    /// Creates a decoder of the input with this name.
    pub fn new(input: impl Into<String>) -> Self {
        // Obeys and removes a byte order mark.
        let decoder = UTF_8.new_decoder();
        Self { input: input.into(), decoder, n_lines: 0, n_bytes: 0, keeps_nul: false }
    }

    /// Keeps NUL characters instead of refusing the whole text for one.
    pub fn keep_nul(self) -> Self {
        Self { keeps_nul: true, ..self }
    }

    /// Decodes a whole text.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn decode(mut self, bytes: &[u8]) -> Result<String> {
        self.push(bytes, true)
    }

    /// Returns the characters that are complete with these bytes.
    ///
    /// # Errors
    /// Returns a failure with the place of the first bytes that are no text.
    pub fn push(&mut self, bytes: &[u8], is_last: bool) -> Result<String> {
        let mut text = String::new();
        let longest = self.decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        text.reserve(longest.unwrap_or(0));
        let (result, _) =
            self.decoder.decode_to_string_without_replacement(bytes, &mut text, is_last);
        let encoding = self.decoder.encoding();
        if let Some(place) = text.find('\0').filter(|_| !self.keeps_nul) {
            self.count(&text[..place]);
            return Err(self.refuse(NUL));
        }
        self.count(&text);
        match result {
            DecoderResult::InputEmpty => Ok(text),
            DecoderResult::Malformed(..) if text.contains('\0') => Err(self.refuse(NUL)),
            DecoderResult::Malformed(..) if encoding == UTF_8 => {
                Err(self.refuse("not valid UTF-8"))
            }
            DecoderResult::Malformed(..) => Err(self.refuse("not valid UTF-16")),
            DecoderResult::OutputFull => Err(Failure::Other("the text does not fit".to_owned())),
        }
    }

    fn count(&mut self, text: &str) {
        self.n_lines += text.matches('\n').count();
        self.n_bytes += text.len();
    }

    fn refuse(&self, reason: &str) -> Failure {
        let line = self.n_lines + 1;
        let place = match self.decoder.encoding() == UTF_8 {
            true => format!("line {line}, byte {} of the text", self.n_bytes + 1),
            false => format!("line {line}"),
        };
        Failure::request(format!(
            "cannot read text from {}: {place}: {reason}; save it as UTF-8, or as UTF-16 with a byte \
             order mark",
            self.input
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Grüße – 你好 🙂.\nZwei";

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(to_bytes).collect()
    }

    fn encodings(text: &str) -> [Vec<u8>; 4] {
        [
            text.into(),
            format!("\u{feff}{text}").into(),
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
        ]
    }

    fn decode(bytes: &[u8]) -> std::result::Result<String, String> {
        TextDecoder::new("input").decode(bytes).map_err(|failure| failure.reason())
    }

    #[test]
    fn every_encoding_gives_the_same_text_wherever_it_is_cut() {
        for bytes in encodings(TEXT) {
            assert_eq!(decode(&bytes).as_deref(), Ok(TEXT));
            for size in 1..5 {
                let mut decoder = TextDecoder::new("input");
                let mut text = String::new();
                for part in bytes.chunks(size) {
                    text.push_str(&decoder.push(part, false).unwrap());
                }
                text.push_str(&decoder.push(&[], true).unwrap());
                assert_eq!(text, TEXT);
            }
        }
        for bytes in encodings("") {
            assert_eq!(decode(&bytes).as_deref(), Ok(""));
        }
        // Only the first mark is one.
        assert_eq!(decode("\u{feff}\u{feff}a".as_bytes()).as_deref(), Ok("\u{feff}a"));
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let latin_1 = b"One.\nTwo\nGr\xfc\xdfe";
        let without_mark = &utf16("ab", u16::to_le_bytes)[2..];
        let half = &utf16("ab\n🙂", u16::to_le_bytes)[..10];
        for (bytes, words) in [
            (&latin_1[..], &["line 3, byte 12 of", "not valid UTF-8", "save it as UTF-8"][..]),
            (without_mark, &["line 1, byte 2 of", "NUL", "UTF-16 without a byte order mark"]),
            (half, &["line 2", "not valid UTF-16"]),
            (b"\xff\xfea\0b", &["line 1", "not valid UTF-16"]),
            (b"\xff\xfe\0\0a\0\0\0", &["NUL"]),
            (b"a\n\xe4\xbd", &["line 2, byte 3 of", "not valid UTF-8"]),
            (b"\xef\xbb", &["not valid UTF-8"]),
            (b"\x89PNG\r\n\x1a\n\0\0", &["line 1, byte 1 of", "not valid UTF-8"]),
        ] {
            let reason = decode(bytes).unwrap_err();
            for word in words {
                assert!(reason.contains(word), "{reason:?} lacks {word:?}");
            }
        }
    }
}
