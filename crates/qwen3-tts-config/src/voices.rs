//! Speakers, languages and dialects by name.

use crate::error::{ConfigError, Result};
use crate::languages::Language;
use crate::model::ModelConfig;
use crate::names::{folded, nearest};

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

    /// Returns the speaker called `name`, ignoring case; a space or a hyphen counts as an underscore.
    ///
    /// # Errors
    /// Returns [`ConfigError::UnknownSpeaker`], which lists all speakers, if no
    /// speaker has this name.
    pub fn speaker(&self, name: &str) -> Result<Speaker<'_>> {
        let wanted = folded(name);
        self.speakers().find(|speaker| folded(speaker.name) == wanted).ok_or_else(|| {
            let names = || self.speakers().map(|speaker| speaker.name);
            ConfigError::UnknownSpeaker {
                name: name.to_owned(),
                suggestion: nearest(name, names().map(|name| (name, name.to_owned()))),
                supported: names().map(str::to_owned).collect(),
            }
        })
    }

    /// Iterates over the languages besides `auto`; dialects are left out.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.talker_config.codec_language_id.names().filter(|name| !name.contains("dialect"))
    }

    /// Returns the name of a language in this checkpoint; `None` for `auto`.
    ///
    /// A language has the name that the checkpoint writes, or any that [`Language::named`] knows;
    /// case does not matter. The name of a dialect is accepted too, as in the official `generate`.
    ///
    /// # Errors
    /// Returns [`ConfigError::UnknownLanguage`], which lists all languages, if no
    /// language has this name.
    pub fn language(&self, name: &str) -> Result<Option<&str>> {
        Ok(self.language_entry(name)?.map(|(name, _)| name))
    }

    /// Returns the token of a language, by a name as in [`Self::language`]; `None` for `auto`.
    ///
    /// # Errors
    /// As [`Self::language`].
    pub fn language_id(&self, name: &str) -> Result<Option<u32>> {
        Ok(self.language_entry(name)?.map(|(_, id)| id))
    }

    fn language_entry(&self, name: &str) -> Result<Option<(&str, u32)>> {
        if folded(name) == "auto" {
            return Ok(None);
        }
        let table = &self.talker_config.codec_language_id;
        let named = || table.entry(Language::named(name)?.name());
        match table.entry(name).or_else(named) {
            Some((name, &id)) => Ok(Some((name, id))),
            None => Err(self.unknown_language(name)),
        }
    }

    fn unknown_language(&self, name: &str) -> ConfigError {
        let spoken = self.languages().map(|own| (own, own));
        let known = Language::ALL.into_iter().filter(|language| {
            self.talker_config.codec_language_id.entry(language.name()).is_some()
        });
        let known = known.flat_map(|language| language.names().map(move |n| (n, language.name())));
        let country = Language::of_country(name).map(Language::name);
        let country = country.filter(|language| self.languages().any(|own| own == *language));
        ConfigError::UnknownLanguage {
            name: name.to_owned(),
            suggestion: country.or_else(|| nearest(name, spoken.chain(known))).map(str::to_owned),
            supported: std::iter::once("auto").chain(self.languages()).map(str::to_owned).collect(),
        }
    }

    /// Returns the language token of a prompt, as `Qwen3TTSForConditionalGeneration.generate`
    /// chooses it: a speaker's dialect replaces Chinese and `auto`, and no other language.
    ///
    /// # Errors
    /// Returns [`ConfigError::UnknownLanguage`] or [`ConfigError::UnknownSpeaker`] if there is no
    /// such language or speaker.
    pub fn language_token(&self, language: &str, speaker: Option<&str>) -> Result<Option<u32>> {
        let language = self.language_entry(language)?;
        let is_open = language.is_none_or(|(name, _)| folded(name) == Language::Chinese.name());
        let dialect = speaker.map(|name| self.speaker(name)).transpose()?.and_then(|s| s.dialect);
        match dialect {
            Some(dialect) if is_open => self.language_id(dialect),
            _ => Ok(language.map(|(_, id)| id)),
        }
    }
}
