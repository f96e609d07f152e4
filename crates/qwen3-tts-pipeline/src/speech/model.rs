//! A loaded checkpoint, which lives on one thread from its loading to its end.

use std::sync::Arc;

use qwen3_tts_codec::{CodecDecoder, CodecEncoder, DecoderState};
use qwen3_tts_config::{ModelConfig, SpeechTokenizerConfig};
use qwen3_tts_nn::{Device, KvType};
use qwen3_tts_talker::Talker;

use super::load::LoadOptions;
use super::plan::{Planner, refuse};
use super::request::DECODED_TOGETHER;
use crate::audio::ReferenceAudio;
use crate::checkpoint::ModelFiles;
use crate::error::{Error, Result};
use crate::text::TextTokenizer;
use crate::voice::VoiceEncoder;

/// A loaded checkpoint.
pub(super) struct Model {
    speaker: Option<Speaker>,
    pub config: SpeechTokenizerConfig,
    pub decoder: CodecDecoder,
    voice_encoder: Option<VoiceEncoder>,
    encoder: Option<CodecEncoder>,
    primed: Option<Primed>,
    files: ModelFiles,
    pub device: Device,
}

/// The part of a model that speaks.
pub(super) struct Speaker {
    pub planner: Arc<Planner>,
    pub talker: Talker,
}

/// The state of the decoder after a reference.
struct Primed {
    frames: Vec<Vec<u32>>,
    state: DecoderState,
}

impl Model {
    /// Loads a checkpoint on the current thread, which has to keep it.
    pub fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Self> {
        let device = options.open_device()?;
        let config = files.speech_tokenizer_config()?;
        let (speaker, decoder) = match options.talker {
            true => Speaker::load_with_decoder(files, &config, options, &device)?,
            false => (None, load_decoder(files, &config, &device)?),
        };
        Ok(Self {
            speaker,
            config,
            decoder,
            voice_encoder: None,
            encoder: None,
            primed: None,
            files: files.clone(),
            device,
        })
    }

    /// Returns the part that speaks.
    pub fn speaker(&self) -> Result<&Speaker> {
        self.speaker.as_ref().ok_or_else(no_talker)
    }

    /// Returns the data types of the weights of the part that speaks.
    pub fn weight_types(&self) -> Option<String> {
        let talker = &self.speaker.as_ref()?.talker;
        let (main, code_predictor) =
            (talker.weight_dtype(), talker.code_predictor().weight_dtype());
        match main == code_predictor {
            true => Some(main.to_string()),
            false => Some(format!("{main}, code predictor {code_predictor}")),
        }
    }

    /// Returns the decoder state after a reference, whose own samples are discarded. The last state
    /// is kept, since a voice is usually used again.
    pub fn primed(&mut self, frames: &[Vec<u32>]) -> Result<DecoderState> {
        if let Some(primed) = self.primed.as_ref().filter(|primed| primed.frames == frames) {
            return Ok(primed.state.clone());
        }
        let mut state = self.decoder.new_state();
        for frames in frames.chunks(DECODED_TOGETHER) {
            self.decoder.step(frames, &mut state)?;
        }
        self.primed = Some(Primed { frames: frames.to_vec(), state: state.clone() });
        Ok(state)
    }

    /// Returns the speaker encoder, which is loaded at its first use.
    pub fn voice_encoder(&mut self) -> Result<&VoiceEncoder> {
        match &mut self.voice_encoder {
            Some(encoder) => Ok(encoder),
            none => Ok(none.insert(VoiceEncoder::load(&self.files, &self.device)?)),
        }
    }

    /// Returns the speech encoder, which is loaded at its first use.
    pub fn encoder(&mut self) -> Result<&CodecEncoder> {
        match &mut self.encoder {
            Some(encoder) => Ok(encoder),
            none => Ok(none.insert(load_encoder(&self.files, &self.config, &self.device)?)),
        }
    }
}

impl Speaker {
    fn load_with_decoder(
        files: &ModelFiles,
        codec: &SpeechTokenizerConfig,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<(Option<Self>, CodecDecoder)> {
        let config = files.model_config()?;
        let generation = files.generation_config()?;
        codec
            .validate_for(&config)
            .map_err(|source| Error::Config { file: files.name_of("config.json"), source })?;
        // The text tokenizer takes as long to load as the weights.
        let (tokenizer, models) = std::thread::scope(|scope| {
            let tokenizer = scope.spawn(|| TextTokenizer::load(files));
            let models = load_decoder(files, codec, device)
                .and_then(|decoder| Ok((load_talker(files, &config, options, device)?, decoder)));
            (tokenizer.join(), models)
        });
        let tokenizer = tokenizer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let (talker, decoder) = models?;
        let planner = Arc::new(Planner { config, generation, tokenizer });
        Ok((Some(Self { planner, talker }), decoder))
    }
}

fn load_decoder(
    files: &ModelFiles,
    config: &SpeechTokenizerConfig,
    device: &Device,
) -> Result<CodecDecoder> {
    let weights = files.speech_tokenizer_weights()?;
    Ok(CodecDecoder::load(&config.decoder_config, &weights, device)?)
}

fn load_talker(
    files: &ModelFiles,
    config: &ModelConfig,
    options: &LoadOptions,
    device: &Device,
) -> Result<Talker> {
    let weights = files.talker_weights()?.quantize(options.quantize.policy());
    let talker = Talker::load(config, &weights, device)?;
    Ok(match options.float32_cache {
        true => talker.with_kv_type(KvType::F32),
        false => talker,
    })
}

fn load_encoder(
    files: &ModelFiles,
    config: &SpeechTokenizerConfig,
    device: &Device,
) -> Result<CodecEncoder> {
    let (rate, expected) = (config.input_sample_rate, ReferenceAudio::SAMPLE_RATE);
    if rate != expected {
        return Err(Error::Unsupported(format!(
            "the speech tokenizer takes audio at {rate} Hz, and only {expected} Hz is supported"
        )));
    }
    let weights = files.speech_tokenizer_weights()?;
    Ok(CodecEncoder::load(config, &weights, device)?)
}

pub(super) fn no_talker() -> Error {
    refuse("the model was loaded without its talker: speech needs the whole model")
}
