//! The list of all voices: speakers of the models, aliases and registered voices.

use std::collections::HashSet;

use qwen3_tts_config::ModelConfig;
use serde::Serialize;
use utoipa::ToSchema;

use super::aliases;
use super::choose::Voices;
use super::error::VoiceError;
use super::id::VoiceId;
use super::index::VoiceEntry;
use crate::models::{Models, Need};

/// A voice that requests can name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedVoice {
    /// Name in the field `voice` of a request.
    pub id: String,
    /// Name to show.
    pub name: String,
    /// Always `audio.voice`.
    pub object: &'static str,
    /// Origin of the voice.
    pub kind: VoiceKind,
    /// Names of the models that speak with it.
    pub models: Vec<String>,
    /// Languages of these models besides `auto`.
    pub languages: Vec<String>,
    /// Dialect that a speaker speaks if the language is Chinese or `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// The voice that an alias stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<String>,
    /// Time of registration in seconds since 1970, of a registered voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<u64>,
    /// Always `audio_sample`, of a registered voice.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// True if speech continues the recording of a registered voice, false if the voice is its
    /// speaker embedding only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_context: Option<bool>,
}

/// Origin of a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VoiceKind {
    /// A registered voice.
    Registered,
    /// Another name of a voice.
    Alias,
    /// A speaker of a model.
    Speaker,
}

impl ListedVoice {
    fn new(id: &str, kind: VoiceKind) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            object: "audio.voice",
            kind,
            models: Vec::new(),
            languages: Vec::new(),
            dialect: None,
            stands_for: None,
            created_at: None,
            source: None,
            in_context: None,
        }
    }

    /// Describes a registered voice.
    pub fn registered(entry: &VoiceEntry, models: &Models) -> Self {
        let mut voice = Self::new(entry.id.as_str(), VoiceKind::Registered);
        let need = entry.need();
        voice.add_models(models, |config| need.fits(config));
        voice.created_at = Some(entry.created_at);
        voice.source = Some("audio_sample");
        voice.in_context = Some(entry.in_context);
        voice
    }

    fn speaker(name: &str, models: &Models) -> Self {
        let mut voice = Self::new(name, VoiceKind::Speaker);
        voice.add_models(models, |config| config.speaker(name).is_ok());
        let mut speakers = models.facts().filter_map(|facts| facts.config.speaker(name).ok());
        voice.dialect = speakers.find_map(|speaker| speaker.dialect).map(str::to_owned);
        voice
    }

    /// Describes an alias as what it stands for.
    fn alias(alias: &str, meant: &Self) -> Self {
        let stands_for = Some(meant.id.clone());
        let (id, name) = (alias.to_owned(), alias.to_owned());
        Self { id, name, kind: VoiceKind::Alias, stands_for, ..meant.clone() }
    }

    fn add_models(&mut self, models: &Models, speaks: impl Fn(&ModelConfig) -> bool) {
        for facts in models.facts().filter(|facts| speaks(facts.config)) {
            self.models.push(facts.name.to_owned());
            for language in facts.config.languages() {
                if !self.languages.iter().any(|known| known == language) {
                    self.languages.push(language.to_owned());
                }
            }
        }
    }
}

/// Lists all voices: first the speakers, then the registered voices `entries`, then the aliases. Of
/// several voices of one name only the one that a request gets is there.
pub fn list(voices: &Voices, models: &Models, entries: &[VoiceEntry]) -> Vec<ListedVoice> {
    let registered = entries.iter().map(|entry| ListedVoice::registered(entry, models));
    let registered: Vec<_> = registered.collect();
    let speakers = speakers(models);
    let set = set_aliases(voices, models, &registered, &speakers);
    let openai = openai_aliases(models, &speakers);
    let mut seen = HashSet::new();
    let all = [&registered, &set, &speakers, &openai].into_iter().flatten();
    let mut listed: Vec<_> =
        all.filter(|voice| seen.insert(voice.id.to_lowercase())).cloned().collect();
    listed.sort_by_key(|voice| match voice.kind {
        VoiceKind::Speaker => 0,
        VoiceKind::Registered => 1,
        VoiceKind::Alias => 2,
    });
    listed
}

/// Returns the voice of a name as [`list`] shows it, if it exists.
///
/// # Errors
/// Returns an error if the directory of voices cannot be read.
pub async fn find_listed(
    voices: &Voices,
    models: &Models,
    name: &str,
) -> Result<Option<ListedVoice>, VoiceError> {
    let listed = list(voices, models, &voices.entries().await?);
    let is_meant = |voice: &ListedVoice| {
        let id = voice.id.as_str();
        id.eq_ignore_ascii_case(name.trim())
            || VoiceId::meant_by(name).any(|meant| meant.as_str() == id)
    };
    Ok(listed.into_iter().find(is_meant))
}

/// Says what has a name that a registered voice would hide; `None` if it is free.
pub fn reserved_by(voices: &Voices, models: &Models, name: &str) -> Option<&'static str> {
    if models.facts().any(|facts| facts.config.speaker(name).is_ok()) {
        Some("a speaker of a model")
    } else if voices.aliases().target(name).is_some() || aliases::is_openai_name(name) {
        Some("an alias of a voice")
    } else {
        None
    }
}

fn speakers(models: &Models) -> Vec<ListedVoice> {
    let mut speakers: Vec<ListedVoice> = Vec::new();
    for speaker in models.facts().flat_map(|facts| facts.config.speakers()) {
        if !speakers.iter().any(|known| known.id.eq_ignore_ascii_case(speaker.name)) {
            speakers.push(ListedVoice::speaker(speaker.name, models));
        }
    }
    speakers
}

fn set_aliases(
    voices: &Voices,
    models: &Models,
    registered: &[ListedVoice],
    speakers: &[ListedVoice],
) -> Vec<ListedVoice> {
    let describe = |(alias, voice): (&str, &str)| {
        let mut known = registered.iter().chain(speakers);
        let known = known.find(|known| known.id.eq_ignore_ascii_case(voice));
        let openai = || {
            let speaker = models.facts().find_map(|f| aliases::openai_speaker(voice, f.config))?;
            speakers.iter().find(|known| known.id == speaker)
        };
        match known.or_else(openai) {
            Some(meant) => ListedVoice::alias(alias, meant),
            // A blend, or a voice without a model.
            None => {
                let mut blend = ListedVoice::new(voice, VoiceKind::Speaker);
                let need = Need::Speaker(voice.to_owned());
                blend.add_models(models, |config| need.fits(config));
                ListedVoice::alias(alias, &blend)
            }
        }
    };
    // An alias of a voice that is not there yet is not listed.
    voices.aliases().iter().map(describe).filter(|alias| !alias.models.is_empty()).collect()
}

fn openai_aliases(models: &Models, speakers: &[ListedVoice]) -> Vec<ListedVoice> {
    let describe = |name| {
        let speaker = models.facts().find_map(|f| aliases::openai_speaker(name, f.config))?;
        let meant = speakers.iter().find(|known| known.id == speaker)?;
        Some(ListedVoice::alias(name, meant))
    };
    aliases::openai_names().filter_map(describe).collect()
}
