//! The speech tokenizer alone: codes to audio, and audio to codes.

use std::cell::RefCell;

use qwen3_tts_codec::{CodecDecoder, CodecEncoder, DecoderState};
use qwen3_tts_config::SpeechTokenizerConfig;
use qwen3_tts_nn::Device;

use crate::{Error, LoadOptions, ModelFiles, ReferenceAudio, Result, SpeechCodes};

/// Frames that are decoded together: few enough to stay in the caches, enough to be decoded fast.
pub(crate) const DECODED_TOGETHER: usize = 16;

/// The speech tokenizer of a checkpoint, ready to decode.
pub struct SpeechTokenizer {
    pub(crate) config: SpeechTokenizerConfig,
    pub(crate) decoder: CodecDecoder,
    primed: RefCell<Option<Primed>>,
}

/// A decoder that has heard a reference, so that what follows sounds as if it went on from it.
struct Primed {
    frames: Vec<Vec<u32>>,
    state: DecoderState,
}

impl SpeechTokenizer {
    /// Loads what decoding needs of `speech_tokenizer`.
    ///
    /// # Errors
    /// If a file is missing or damaged, or the weights do not fit the configuration.
    pub fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Self> {
        Self::on_device(files, &options.device()?)
    }

    pub(crate) fn on_device(files: &ModelFiles, device: &Device) -> Result<Self> {
        let config = files.speech_tokenizer_config()?;
        let weights = files.speech_tokenizer_weights()?;
        let decoder = CodecDecoder::load(&config.decoder_config, &weights, device)?;
        Ok(Self { config, decoder, primed: RefCell::new(None) })
    }

    /// Its configuration.
    pub fn config(&self) -> &SpeechTokenizerConfig {
        &self.config
    }

    /// The state after a reference, whose own samples are not wanted. The last one is kept, since
    /// a voice is seldom used once.
    pub(crate) fn primed(&self, frames: &[Vec<u32>]) -> Result<DecoderState> {
        let mut primed = self.primed.borrow_mut();
        if let Some(primed) = primed.as_ref().filter(|primed| primed.frames == frames) {
            return Ok(primed.state.clone());
        }
        let mut state = self.decoder.new_state();
        for frames in frames.chunks(DECODED_TOGETHER) {
            self.decoder.step(frames, &mut state)?;
        }
        // The next request may come on another thread.
        let state = state.computed();
        *primed = Some(Primed { frames: frames.to_vec(), state: state.clone() });
        Ok(state)
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

/// The speech tokenizer of a checkpoint, ready to encode.
pub struct SpeechEncoder {
    encoder: CodecEncoder,
}

impl SpeechEncoder {
    /// Loads what encoding needs of `speech_tokenizer`.
    ///
    /// # Errors
    /// If a file is missing or damaged, or the weights do not fit the configuration; if the codec
    /// can only decode, or takes audio at another rate than is read.
    pub fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Self> {
        Self::on_device(files, &options.device()?)
    }

    pub(crate) fn on_device(files: &ModelFiles, device: &Device) -> Result<Self> {
        let config = files.speech_tokenizer_config()?;
        let (rate, expected) = (config.input_sample_rate, ReferenceAudio::SAMPLE_RATE);
        if rate != expected {
            return Err(Error::Request(format!(
                "the speech tokenizer takes audio at {rate} Hz, and only {expected} Hz is supported"
            )));
        }
        let weights = files.speech_tokenizer_weights()?;
        let encoder = CodecEncoder::load(&config, &weights, device)?;
        Ok(Self { encoder })
    }

    /// The codes of a recording: one frame for each 80 ms that it has begun.
    ///
    /// # Errors
    /// If the recording is empty, or the weights are damaged.
    pub fn encode(&self, audio: &ReferenceAudio) -> Result<SpeechCodes> {
        Ok(SpeechCodes { codes: self.encoder.encode(&audio.samples)? })
    }
}
