//! Speakers, languages and dialects by name.

use crate::error::{ConfigError, Result};
use crate::model::ModelConfig;

/// A preset speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Speaker<'a> {
    /// Name, as the checkpoint writes it.
    pub name: &'a str,
    /// Row of the talker's codec embedding that is the voice.
    pub id: u32,
    /// Dialect that is spoken if the language is Chinese or `auto`.
    pub dialect: Option<&'a str>,
}

impl ModelConfig {
    /// Iterates over the preset speakers in the order of the file.
    pub fn speakers(&self) -> impl Iterator<Item = Speaker<'_>> {
        let talker = &self.talker_config;
        talker.spk_id.iter().map(|(name, &id)| {
            let dialect = talker.spk_is_dialect.get(name).and_then(Option::as_deref);
            Speaker { name, id, dialect }
        })
    }

    /// Returns the speaker called `name`, ignoring case.
    ///
    /// # Errors
    /// Returns [`ConfigError::UnknownSpeaker`], which lists all speakers, if no
    /// speaker has this name.
    pub fn speaker(&self, name: &str) -> Result<Speaker<'_>> {
        let wanted = name.to_lowercase();
        self.speakers().find(|speaker| speaker.name.to_lowercase() == wanted).ok_or_else(|| {
            ConfigError::UnknownSpeaker {
                name: name.to_owned(),
                supported: self.speakers().map(|speaker| speaker.name.to_owned()).collect(),
            }
        })
    }

    /// Iterates over the languages besides `auto`; dialects are left out.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.talker_config.codec_language_id.names().filter(|name| !name.contains("dialect"))
    }

    /// Returns the token of a language, ignoring case; `None` for `auto`.
    ///
    /// The name of a dialect is accepted too, as in the official `generate`.
    ///
    /// # Errors
    /// Returns [`ConfigError::UnknownLanguage`], which lists all languages, if no
    /// language has this name.
    pub fn language_id(&self, name: &str) -> Result<Option<u32>> {
        if name.eq_ignore_ascii_case("auto") {
            return Ok(None);
        }
        let id = self.talker_config.codec_language_id.get(name).copied();
        id.map(Some).ok_or_else(|| ConfigError::UnknownLanguage {
            name: name.to_owned(),
            supported: std::iter::once("auto").chain(self.languages()).map(str::to_owned).collect(),
        })
    }

    /// Returns the language token of a prompt, as `Qwen3TTSForConditionalGeneration.generate`
    /// chooses it: a speaker's dialect replaces Chinese and `auto`, and no other language.
    ///
    /// # Errors
    /// Returns [`ConfigError::UnknownLanguage`] or [`ConfigError::UnknownSpeaker`] if there is no
    /// such language or speaker.
    pub fn language_token(&self, language: &str, speaker: Option<&str>) -> Result<Option<u32>> {
        let id = self.language_id(language)?;
        let open = ["auto", "chinese"].iter().any(|name| language.eq_ignore_ascii_case(name));
        let dialect = speaker.map(|name| self.speaker(name)).transpose()?.and_then(|s| s.dialect);
        match dialect {
            Some(dialect) if open => self.language_id(dialect),
            _ => Ok(id),
        }
    }
}
