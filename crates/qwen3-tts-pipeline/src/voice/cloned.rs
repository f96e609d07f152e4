//! Cloned voices.

use qwen3_tts_config::{ModelConfig, ModelSize};

use crate::{Error, Result};

/// A voice cloned from a recording, for models of one size.
///
/// ```no_run
/// use qwen3_tts_pipeline::ClonedVoice;
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let voice = ClonedVoice::load("ann.voice")?;
/// println!("{} values", voice.speaker_embedding.len());
/// voice.save("copy of ann.voice")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClonedVoice {
    /// Speaker embedding (x-vector): as many finite values as the talker's `hidden_size`.
    pub speaker_embedding: Vec<f32>,
    /// The recording as codes, for a voice that is cloned in context; `None` for a voice that is
    /// its speaker embedding only.
    pub reference: Option<VoiceReference>,
    /// Size of the model that the speaker embedding was made with.
    pub tts_model_size: ModelSize,
    /// Name and version of the program that made the voice.
    pub created_with: String,
}

/// The recording that a voice in context continues.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceReference {
    /// Codes of the recording: for each frame of 80 ms, one code of every codebook.
    pub codes: Vec<Vec<u32>>,
    /// Transcript of the recording, word for word.
    pub transcript: String,
}

impl ClonedVoice {
    /// Returns a voice that is made by this program.
    pub fn new(
        speaker_embedding: Vec<f32>,
        reference: Option<VoiceReference>,
        tts_model_size: ModelSize,
    ) -> Self {
        let created_with = concat!("qwen3-tts ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { speaker_embedding, reference, tts_model_size, created_with }
    }

    /// Checks that a model can speak with this voice.
    ///
    /// # Errors
    /// Returns [`Error::Field`] if the voice was made with a model of another size, or if its
    /// codes do not fit the model's codebooks.
    pub fn check_for(&self, config: &ModelConfig) -> Result<()> {
        let talker = &config.talker_config;
        let (made, made_width) = (self.tts_model_size, self.speaker_embedding.len());
        let (found, width) = (config.tts_model_size, talker.hidden_size);
        if (made, made_width) != (found, width) {
            let reason = format!(
                "the voice was made with a {made} model ({made_width} values), and this is a \
                 {found} model ({width} values): make it again with this model"
            );
            return Err(Error::of_field("voice", reason));
        }
        self.reference.as_ref().map_or(Ok(()), |reference| reference.check_for(config))
    }
}

impl VoiceReference {
    /// Returns the reference of a voice in context.
    pub fn new(codes: Vec<Vec<u32>>, transcript: impl Into<String>) -> Self {
        Self { codes, transcript: transcript.into() }
    }

    fn check_for(&self, config: &ModelConfig) -> Result<()> {
        let talker = &config.talker_config;
        let groups = talker.num_code_groups;
        let sizes =
            [talker.first_suppressed_id() as usize, talker.code_predictor_config.vocab_size];
        for (index, frame) in self.codes.iter().enumerate() {
            if frame.len() != groups {
                let found = frame.len();
                return Err(misfit(index, format!("{groups} codes, found {found}")));
            }
            let size = |group: usize| sizes[group.min(1)];
            let wrong =
                frame.iter().enumerate().find(|&(group, &code)| code as usize >= size(group));
            if let Some((group, code)) = wrong {
                return Err(misfit(index, format!("codes below {}, found {code}", size(group))));
            }
        }
        Ok(())
    }
}

fn misfit(frame: usize, expected: String) -> Error {
    let reason = format!(
        "the voice does not fit this model: frame {frame}: expected {expected}; \
         make it again with this model"
    );
    Error::of_field("voice", reason)
}
