//! Speakers, languages and dialects by name.

use crate::{ConfigError, ModelConfig, Result};

/// A preset speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker<'a> {
    /// The name, as the checkpoint writes it.
    pub name: &'a str,
    /// Its row of the talker's codec embedding.
    pub id: u32,
    /// The dialect it speaks when the language is Chinese or left open.
    pub dialect: Option<&'a str>,
}

impl ModelConfig {
    /// The preset speakers in the order of the file.
    pub fn speakers(&self) -> impl Iterator<Item = Speaker<'_>> {
        let talker = &self.talker_config;
        talker.spk_id.iter().map(|(name, &id)| {
            let dialect = talker.spk_is_dialect.get(name).and_then(Option::as_deref);
            Speaker { name, id, dialect }
        })
    }

    /// The speaker called `name`, in any case.
    ///
    /// # Errors
    /// [`ConfigError::UnknownSpeaker`], with the names that there are.
    pub fn speaker(&self, name: &str) -> Result<Speaker<'_>> {
        let wanted = name.to_lowercase();
        self.speakers().find(|speaker| speaker.name.to_lowercase() == wanted).ok_or_else(|| {
            ConfigError::UnknownSpeaker {
                name: name.to_owned(),
                supported: self.speakers().map(|speaker| speaker.name.to_owned()).collect(),
            }
        })
    }

    /// The languages one can ask for, besides `auto`: all but the dialects.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.talker_config.codec_language_id.names().filter(|name| !name.contains("dialect"))
    }

    /// The token of a language, in any case; `None` for `auto`.
    ///
    /// A dialect can be named as well, as in the official `generate`.
    ///
    /// # Errors
    /// [`ConfigError::UnknownLanguage`], with the names that there are.
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

    /// The language token of a prompt, following `Qwen3TTSForConditionalGeneration.generate`:
    /// the dialect of a speaker takes the place of Chinese and of `auto`, and of nothing else.
    ///
    /// # Errors
    /// If the language or the speaker is unknown.
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
