//! Cloned voices as files: what a recording gave, so that it need not be encoded again.
//!
//! A voice file is one safetensors file:
//!
//! | tensor | type | shape | |
//! |---|---|---|---|
//! | `speaker_embedding` | F32 | `[hidden_size]` | the vector of the voice |
//! | `codes` | U32 | `[frames, codebooks]` | the recording, for a voice in context |
//!
//! Its metadata are `format` (`qwen3-tts-voice`), `version` (`1`), `tts_model_size` as in the
//! model's `config.json`, `created_with`, and, together with `codes`, `transcript`.

mod error;
mod read;
mod summary;
mod write;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use qwen3_tts_config::{ModelConfig, ModelSize};

use crate::{Error, OutputFile, Result};
pub use error::VoiceFileError;
pub use summary::VoiceSummary;

/// A voice taken from a recording, for models of one size.
///
/// ```no_run
/// use qwen3_tts_pipeline::ClonedVoice;
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let voice = ClonedVoice::load("ann.voice")?;
/// println!("{}", voice.summary());
/// voice.save("copy of ann.voice")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClonedVoice {
    /// The speaker encoder's vector, as many finite values as the talker's `hidden_size`.
    pub speaker_embedding: Vec<f32>,
    /// The recording itself, for a voice in context; a voice without it is its vector only.
    pub reference: Option<VoiceReference>,
    /// The size of the model that the vector was made with.
    pub tts_model_size: ModelSize,
    /// The program that made it, and its version.
    pub created_with: String,
}

/// What a voice in context speaks on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceReference {
    /// The codes of the recording, one of every codebook for each frame of 80 ms.
    pub codes: Vec<Vec<u32>>,
    /// What is said in it, word for word.
    pub transcript: String,
}

impl ClonedVoice {
    /// The largest file that can be a voice; a model in its place is noticed before it is read.
    const MAX_BYTES: u64 = 16 << 20;

    /// A voice that this program makes.
    pub fn new(
        speaker_embedding: Vec<f32>,
        reference: Option<VoiceReference>,
        tts_model_size: ModelSize,
    ) -> Self {
        let created_with = concat!("qwen3-tts ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { speaker_embedding, reference, tts_model_size, created_with }
    }

    /// Writes a voice file that is there whole or not at all.
    ///
    /// # Errors
    /// [`Error::VoiceFile`] if the voice is none that could be loaded again, [`Error::Write`].
    pub fn save(&self, path: impl Into<PathBuf>) -> Result<()> {
        let path = path.into();
        let bytes = self.to_bytes(&path.display().to_string())?;
        OutputFile::check(path)?.write(&bytes)
    }

    /// The bytes of a voice file, the same for the same voice; `name` is how a message calls it.
    ///
    /// # Errors
    /// [`Error::VoiceFile`] if the voice is none that could be loaded again.
    pub fn to_bytes(&self, name: &str) -> Result<Vec<u8>> {
        let written = write::write(self);
        let bytes = written.and_then(|bytes| read::read(&bytes).map(|_| bytes));
        bytes.map_err(|source| Error::VoiceFile { file: name.to_owned(), source })
    }

    /// Reads a voice file and checks everything in it.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::VoiceFile`] if it is none, damaged, or of a newer version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(Self::MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|source| Error::Read { file: file.clone(), source })?;
        Self::from_bytes(&bytes, &file)
    }

    /// Reads the bytes of a voice file; `name` is how a message calls them.
    ///
    /// # Errors
    /// [`Error::VoiceFile`], as for a file.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self> {
        read::read(bytes).map_err(|source| Error::VoiceFile { file: name.to_owned(), source })
    }

    /// What there is to know of it.
    pub fn summary(&self) -> VoiceSummary {
        VoiceSummary::of(self)
    }

    /// Checks that a model can speak with this voice.
    ///
    /// # Errors
    /// [`Error::Request`] if it was made with a model of another size, or its codes are none of
    /// the model's.
    pub fn check_for(&self, config: &ModelConfig) -> Result<()> {
        let talker = &config.talker_config;
        let (made, made_width) = (self.tts_model_size, self.speaker_embedding.len());
        let (found, width) = (config.tts_model_size, talker.hidden_size);
        if (made, made_width) != (found, width) {
            return Err(Error::Request(format!(
                "the voice was made with a {made} model ({made_width} values), and this is a \
                 {found} model ({width} values): make it again with this model"
            )));
        }
        self.reference.as_ref().map_or(Ok(()), |reference| reference.check_for(config))
    }
}

impl VoiceReference {
    fn check_for(&self, config: &ModelConfig) -> Result<()> {
        let talker = &config.talker_config;
        let groups = talker.num_code_groups;
        let sizes =
            [talker.first_suppressed_id() as usize, talker.code_predictor_config.vocab_size];
        for (index, frame) in self.codes.iter().enumerate() {
            if frame.len() != groups {
                let found = frame.len();
                return Err(refuse(index, format!("{groups} codes, found {found}")));
            }
            let size = |group: usize| sizes[group.min(1)];
            let wrong =
                frame.iter().enumerate().find(|&(group, &code)| code as usize >= size(group));
            if let Some((group, code)) = wrong {
                return Err(refuse(index, format!("codes below {}, found {code}", size(group))));
            }
        }
        Ok(())
    }
}

fn refuse(frame: usize, expected: String) -> Error {
    Error::Request(format!(
        "the voice does not fit this model: frame {frame}: expected {expected}; \
         make it again with this model"
    ))
}
