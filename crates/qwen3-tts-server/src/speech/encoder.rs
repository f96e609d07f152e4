//! Encoding beside the threads of the connections.

use qwen3_tts_audio::{Encoder, Finished, Metadata};
use tokio::task::spawn_blocking;

use super::format::OutputFormat;
use crate::error::{ApiError, ApiResult};

/// An encoder that works beside the threads of the connections.
pub struct BlockEncoder(Option<Encoder>);

impl BlockEncoder {
    /// Begins audio in this form, from samples at `sample_rate` Hz.
    ///
    /// # Errors
    /// Returns an error if the format does not have the rate.
    pub fn begin(format: &OutputFormat, sample_rate: u32) -> ApiResult<Self> {
        Ok(Self(Some(Encoder::new(&format.encoding, sample_rate, Metadata::default())?)))
    }

    /// Adds samples, and returns the next bytes.
    ///
    /// # Errors
    /// Returns an error if the encoder panics, or a call before was dropped.
    pub async fn push(&mut self, samples: Vec<f32>) -> ApiResult<Vec<u8>> {
        let mut encoder = self.0.take().ok_or_else(failed)?;
        let work = move || {
            let bytes = encoder.push(&samples);
            (encoder, bytes)
        };
        let (encoder, bytes) = spawn_blocking(work).await.map_err(|_| failed())?;
        self.0 = Some(encoder);
        Ok(bytes)
    }

    /// Completes the audio.
    ///
    /// # Errors
    /// Returns an error as [`Self::push`] does.
    pub async fn finish(&mut self) -> ApiResult<Finished> {
        let encoder = self.0.take().ok_or_else(failed)?;
        spawn_blocking(move || encoder.finish()).await.map_err(|_| failed())
    }
}

fn failed() -> ApiError {
    ApiError::internal("the audio could not be encoded; please report it")
}
