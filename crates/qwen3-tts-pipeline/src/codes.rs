//! Speech codes as a JSON file: `{"codes": [[c0, …, c15], …], "stop_reason": "eos"}`.

use std::path::Path;

use qwen3_tts_config::SpeechTokenizerConfig;
use qwen3_tts_talker::StopReason;
use serde::Deserialize;

use crate::{Error, Result};

/// The frames of a generation, as `--codes` writes them and `codec decode` reads them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SpeechCodes {
    /// One code of every codebook for each frame of 80 ms, the semantic one first.
    pub codes: Vec<Vec<u32>>,
}

impl SpeechCodes {
    /// Reads a file of codes. What else the file says is ignored.
    ///
    /// # Errors
    /// If the file cannot be read or has another form.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let file = path.as_ref().display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { file: file.clone(), source })?;
        serde_json::from_str(&text).map_err(|error| Error::Codes {
            file,
            reason: format!("expected {{\"codes\": [[c0, c1, …], …]}} ({error})"),
        })
    }

    /// Checks that a codec can decode these codes; `file` is how the message calls them.
    ///
    /// # Errors
    /// [`Error::Codes`], naming the first frame that is wrong.
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

    /// The text of a file of codes, with the reason why their generation stopped.
    pub fn to_json(&self, stop_reason: StopReason) -> String {
        let name = stop_reason_name(stop_reason);
        format!("{}\n", serde_json::json!({ "codes": self.codes, "stop_reason": name }))
    }
}

/// How files call a reason to stop: `eos` or `max_frames`.
pub fn stop_reason_name(reason: StopReason) -> &'static str {
    reason.name()
}
