//! Encoding of recordings as voices.

use std::time::{Duration, Instant};

use qwen3_tts_config::{ModelConfig, ModelType};
use qwen3_tts_speaker::SpeakerEncoder;

use crate::{
    ClonedVoice, Error, LoadOptions, ModelFiles, ReferenceAudio, Result, SpeechEncoder,
    VoiceReference,
};

/// The encoders of a base checkpoint, which make voices from recordings.
///
/// A recording is encoded once. Speaking with the [`ClonedVoice`] encodes nothing, and encoding does
/// not load the talker.
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
    /// Returns an error if the checkpoint is not a base model, if a file is missing or damaged, or
    /// if the files do not belong together.
    pub fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Self> {
        let config = files.model_config()?;
        let speaker_config = match (&config.speaker_encoder_config, config.tts_model_type) {
            (Some(speaker_config), ModelType::Base) => speaker_config,
            (_, kind) => {
                return Err(Error::Request(format!(
                    "a {kind} model cannot clone voices: use a base model"
                )));
            }
        };
        let device = options.device()?;
        let speaker = SpeakerEncoder::load(speaker_config, &files.talker_weights()?, &device)?;
        let speech = SpeechEncoder::on_device(files, &device)?;
        Ok(Self { config, speaker, speech })
    }

    /// Makes a voice from a recording. With a transcript, which has to cover the whole recording,
    /// the talker continues the recording; without one, it gets the speaker embedding only.
    ///
    /// # Errors
    /// Returns an error if the transcript is empty, if the recording is too short, or if the weights
    /// are damaged.
    pub fn encode(&self, audio: &ReferenceAudio, transcript: Option<&str>) -> Result<ClonedVoice> {
        self.encode_timed(audio, transcript).map(|(voice, _)| voice)
    }

    /// Makes a voice as [`Self::encode`] does, and measures the encoders.
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
                "the transcript of the recording is empty: give the words that are spoken in it, or \
                 clone the speaker embedding only"
                    .to_owned(),
            ));
        }
        let begin = Instant::now();
        let speaker_embedding = self.speaker.embed(&audio.samples)?;
        let speaker = begin.elapsed();
        let begin = Instant::now();
        let reference = match transcript {
            Some(transcript) => {
                Some(VoiceReference::new(self.speech.encode(audio)?.codes, transcript))
            }
            None => None,
        };
        let speech = reference.as_ref().map(|_| begin.elapsed());
        let voice = ClonedVoice::new(speaker_embedding, reference, self.config.tts_model_size);
        Ok((voice, VoiceTimings { speaker, speech }))
    }
}

/// Processing time of the encoders of a [`VoiceEncoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceTimings {
    /// Time of the speaker encoder.
    pub speaker: Duration,
    /// Time of the codec's encoder, if there was a transcript.
    pub speech: Option<Duration>,
}
