//! Speech codes as a JSON file: `{"codes": [[c0, …, c15], …], "stop_reason": "eos"}`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use qwen3_tts_config::SpeechTokenizerConfig;
use serde::Deserialize;

use super::stop_reason::StopReason;
use crate::error::{Error, Result};

/// Largest size in bytes of a file of codes, which holds those of a day of speech.
const MAX_BYTES: u64 = 1 << 28;

/// Frames of speech codes, as `--codes` writes them and `codec decode` reads them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct SpeechCodes {
    /// One code of every codebook for each 80 ms frame, the semantic codebook first.
    pub codes: Vec<Vec<u32>>,
}

impl SpeechCodes {
    /// Reads a file of codes. Other fields of the file are ignored.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or has another form.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let file = path.as_ref().display().to_string();
        match File::open(path) {
            Ok(codes) => Self::from_reader(codes, &file),
            Err(source) => Err(Error::Read { file, source }),
        }
    }

    /// Reads codes from a file, a pipe or standard input, as [`Self::from_file`]. Error messages call
    /// the input `name`.
    ///
    /// # Errors
    /// As [`Self::from_file`].
    pub fn from_reader(codes: impl Read, name: &str) -> Result<Self> {
        let file = name.to_owned();
        let bytes = qwen3_tts_files::read_at_most(codes, MAX_BYTES)
            .map_err(|source| Error::Read { file: file.clone(), source })?;
        let text = qwen3_tts_files::text(bytes)
            .map_err(|wrong| Error::Codes { file: file.clone(), reason: wrong.to_string() })?;
        serde_json::from_str(&text).map_err(|error| Error::Codes {
            file,
            reason: format!("expected {{\"codes\": [[c0, c1, …], …]}} ({error})"),
        })
    }

    /// Checks that a codec can decode these codes. Error messages call them `file`.
    ///
    /// # Errors
    /// Returns [`Error::Codes`], naming the first frame that does not fit.
    pub fn validate(&self, config: &SpeechTokenizerConfig, file: &str) -> Result<()> {
        let refuse = |reason| Err(Error::Codes { file: file.to_owned(), reason });
        if self.codes.is_empty() {
            return refuse("there are no frames to decode".to_owned());
        }
        let width = config.decoder_config.num_quantizers;
        let size = config.decoder_config.codebook_size;
        for (index, frame) in self.codes.iter().enumerate() {
            if frame.len() != width {
                let found = frame.len();
                return refuse(format!("frame {index}: expected {width} codes, found {found}"));
            }
            if let Some(code) = frame.iter().find(|&&code| code as usize >= size) {
                return refuse(format!("frame {index}: expected codes below {size}, found {code}"));
            }
        }
        Ok(())
    }

    /// Returns the content of a file of codes, with the reason why their generation ended.
    pub fn to_json(&self, stop_reason: StopReason) -> String {
        let name = stop_reason.name();
        format!("{}\n", serde_json::json!({ "codes": self.codes, "stop_reason": name }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_file_of_another_form_is_an_invalid_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes.json");
        for bytes in [&b"{\"codes\": [[1, \xff]]}"[..], b"\x00\xff\xfe", b"[]", b"{}", b""] {
            std::fs::write(&path, bytes).unwrap();
            let error = SpeechCodes::from_file(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
            assert!(error.to_string().contains("codes.json"), "{error}");
        }
        let missing = SpeechCodes::from_file(folder.path().join("none.json")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    }
}
