//! The audio of one sentence as messages.

use super::config::SessionConfig;
use crate::error::{ApiError, ApiResult};
use crate::speech::{BlockEncoder, OutputFormat};

/// Maximum size in bytes of a sentence that is sent in one message.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// The audio of one sentence: a file of its own, sent as it is made or in one message.
pub struct SentenceAudio {
    encoder: BlockEncoder,
    /// Bytes that wait for the rest, if the sentence is one message.
    whole: Option<Vec<u8>>,
    /// Number of bytes in messages so far.
    pub n_bytes: usize,
}

impl SentenceAudio {
    /// Begins the audio of a sentence.
    ///
    /// # Errors
    /// Returns an error if the format does not have the sample rate.
    pub fn begin(format: &OutputFormat, rate: u32, config: &SessionConfig) -> ApiResult<Self> {
        let whole = (!config.stream_audio).then(Vec::new);
        Ok(Self { encoder: BlockEncoder::begin(format, rate)?, whole, n_bytes: 0 })
    }

    /// Adds samples. Returns the next message, which may be empty.
    ///
    /// # Errors
    /// Returns an error if the encoder fails, or the sentence is too long for a message.
    pub async fn push(&mut self, samples: Vec<f32>) -> ApiResult<Vec<u8>> {
        let bytes = self.encoder.push(samples).await?;
        let Some(whole) = &mut self.whole else {
            self.n_bytes += bytes.len();
            return Ok(bytes);
        };
        whole.extend(bytes);
        if whole.len() > MAX_MESSAGE_BYTES {
            let most = MAX_MESSAGE_BYTES >> 20;
            let message = format!("the audio has more than {most} MiB: send `stream_audio`: true");
            return Err(ApiError::invalid(message).param("stream_audio"));
        }
        Ok(Vec::new())
    }

    /// Completes the audio. Returns the last message, which may be empty.
    ///
    /// # Errors
    /// Returns an error if the encoder fails.
    pub async fn finish(&mut self) -> ApiResult<Vec<u8>> {
        let finished = self.encoder.finish().await?;
        let bytes = match self.whole.take() {
            None => finished.rest,
            Some(mut whole) => {
                whole.extend(finished.rest);
                whole[..finished.head.len()].copy_from_slice(&finished.head);
                whole
            }
        };
        self.n_bytes += bytes.len();
        Ok(bytes)
    }
}
