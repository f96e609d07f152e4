//! From a recording to a voice.

use std::time::{Duration, Instant};

use qwen3_tts_config::{ModelConfig, ModelType};
use qwen3_tts_speaker::SpeakerEncoder;

use crate::{
    ClonedVoice, Error, LoadOptions, ModelFiles, ReferenceAudio, Result, SpeechEncoder,
    VoiceReference,
};

/// Makes voices of recordings, with the encoders of a base checkpoint.
///
/// A voice is made once: what it costs is in the [`ClonedVoice`], and speaking with it encodes
/// nothing. The talker is not loaded for it.
///
/// ```no_run
/// use std::sync::Arc;
/// use qwen3_tts_pipeline::{
///     AudioLimits, LoadOptions, ModelFiles, ReferenceAudio, SpeechRequest, Synthesizer,
///     VoiceEncoder,
/// };
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let files = ModelFiles::directory("Qwen3-TTS-12Hz-0.6B-Base");
/// let audio = ReferenceAudio::read("ann.wav", &AudioLimits::default())?;
/// let encoder = VoiceEncoder::load(&files, &LoadOptions::default())?;
/// let voice = Arc::new(encoder.encode(&audio, Some("What Ann says in it."))?);
/// let model = Synthesizer::from_files(&files, &LoadOptions::default())?;
/// let speech = model.synthesize(&SpeechRequest::new("Hello!").cloned(voice))?;
/// # Ok(())
/// # }
/// ```
pub struct VoiceEncoder {
    config: ModelConfig,
    speaker: SpeakerEncoder,
    speech: SpeechEncoder,
}

impl VoiceEncoder {
    /// Loads the encoders of a checkpoint.
    ///
    /// # Errors
    /// If the checkpoint is no base model, if a file is missing or damaged, or if the files do not
    /// fit each other.
    pub fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Self> {
        let config = files.model_config()?;
        let speaker_config = match (&config.speaker_encoder_config, config.tts_model_type) {
            (Some(speaker_config), ModelType::Base) => speaker_config,
            (_, kind) => {
                return Err(Error::Request(format!(
                    "a {kind} model has no encoder for voices: use a base model"
                )));
            }
        };
        let device = options.device()?;
        let speaker = SpeakerEncoder::load(speaker_config, &files.talker_weights()?, &device)?;
        let speech = SpeechEncoder::on_device(files, &device)?;
        Ok(Self { config, speaker, speech })
    }

    /// Makes a voice of a recording. With a transcript, which has to cover the whole recording, the
    /// talker speaks on from it; without one it knows the speaker's vector only.
    ///
    /// # Errors
    /// If the transcript is empty, or the recording too short, or the weights are damaged.
    pub fn encode(&self, audio: &ReferenceAudio, transcript: Option<&str>) -> Result<ClonedVoice> {
        self.encode_timed(audio, transcript).map(|(voice, _)| voice)
    }

    /// As [`Self::encode`], and how long it took.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_timed(
        &self,
        audio: &ReferenceAudio,
        transcript: Option<&str>,
    ) -> Result<(ClonedVoice, VoiceTimings)> {
        if transcript.is_some_and(|transcript| transcript.trim().is_empty()) {
            return Err(Error::Request(
                "the transcript of the recording is empty: say what is spoken in it, or clone the \
                 speaker's vector only"
                    .to_owned(),
            ));
        }
        let begin = Instant::now();
        let speaker_embedding = self.speaker.embed(&audio.samples)?;
        let speaker = begin.elapsed();
        let begin = Instant::now();
        let reference = match transcript {
            Some(transcript) => Some(VoiceReference {
                codes: self.speech.encode(audio)?.codes,
                transcript: transcript.to_owned(),
            }),
            None => None,
        };
        let speech = reference.as_ref().map(|_| begin.elapsed());
        let voice = ClonedVoice::new(speaker_embedding, reference, self.config.tts_model_size);
        Ok((voice, VoiceTimings { speaker, speech }))
    }
}

/// How long the encoders of a [`VoiceEncoder`] took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceTimings {
    /// The speaker's vector.
    pub speaker: Duration,
    /// The codes of the recording, where they were wanted.
    pub speech: Option<Duration>,
}
