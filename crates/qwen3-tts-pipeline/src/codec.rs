//! The speech tokenizer alone: codes to audio.

use qwen3_tts_codec::CodecDecoder;
use qwen3_tts_config::SpeechTokenizerConfig;
use qwen3_tts_nn::Device;

use crate::{LoadOptions, ModelFiles, Result, SpeechCodes};

/// The speech tokenizer of a checkpoint, ready to decode.
pub struct SpeechTokenizer {
    pub(crate) config: SpeechTokenizerConfig,
    pub(crate) decoder: CodecDecoder,
}

impl SpeechTokenizer {
    /// Loads what decoding needs of `speech_tokenizer`.
    ///
    /// # Errors
    /// If a file is missing or damaged, or the weights do not fit the configuration.
    pub fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Self> {
        Self::on_device(files, &options.device())
    }

    pub(crate) fn on_device(files: &ModelFiles, device: &Device) -> Result<Self> {
        let config = files.speech_tokenizer_config()?;
        let weights = files.speech_tokenizer_weights()?;
        let decoder = CodecDecoder::load(&config.decoder_config, &weights, device)?;
        weights.finish(&[&["encoder."], CodecDecoder::UNUSED].concat())?;
        Ok(Self { config, decoder })
    }

    /// Its configuration.
    pub fn config(&self) -> &SpeechTokenizerConfig {
        &self.config
    }

    /// All samples of a sequence of frames, in [−1, 1]; `file` is how a message calls the codes.
    ///
    /// # Errors
    /// If the codes do not fit this codec.
    pub fn decode(&self, codes: &SpeechCodes, file: &str) -> Result<Vec<f32>> {
        codes.validate(&self.config, file)?;
        Ok(self.decoder.decode(&codes.codes)?)
    }
}
