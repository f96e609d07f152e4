//! Other names of voices: those that were set, and OpenAI's.

use std::collections::BTreeMap;

use qwen3_tts_config::ModelConfig;

/// OpenAI's voices, each with the published speaker that comes closest to it.
///
/// The speakers with a dialect are left out: they would speak it whenever the language is not named.
const OPENAI: [(&str, &str); 13] = [
    ("alloy", "serena"),
    ("ash", "ryan"),
    ("ballad", "aiden"),
    ("cedar", "uncle_fu"),
    ("coral", "sohee"),
    ("echo", "aiden"),
    ("fable", "ryan"),
    ("marin", "vivian"),
    ("nova", "vivian"),
    ("onyx", "uncle_fu"),
    ("sage", "serena"),
    ("shimmer", "ono_anna"),
    ("verse", "ryan"),
];

/// Name that means the default voice of the model.
pub const DEFAULT: &str = "default";

/// Names of voices by their aliases, which were set.
#[derive(Debug, Clone, Default)]
pub struct Aliases(BTreeMap<String, String>);

/// The reason why an alias means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the alias {alias:?} of a voice: {reason}")]
pub struct AliasError {
    alias: String,
    reason: &'static str,
}

impl Aliases {
    /// Takes the aliases of the settings.
    ///
    /// # Errors
    /// Returns an error if one of them means nothing.
    pub fn new(set: &BTreeMap<String, String>) -> Result<Self, AliasError> {
        let mut aliases = BTreeMap::new();
        for (alias, voice) in set {
            let refused = |reason| AliasError { alias: alias.clone(), reason };
            let (name, voice) = (folded(alias), voice.trim());
            match (name.as_str(), voice) {
                ("" | DEFAULT, _) => return Err(refused("this name cannot be set")),
                (_, "") => return Err(refused("the name of a voice is missing")),
                (name, voice) if folded(voice) == name => {
                    return Err(refused("it stands for itself"));
                }
                _ => {}
            }
            if aliases.insert(name, voice.to_owned()).is_some() {
                return Err(refused("it is set twice"));
            }
        }
        Ok(Self(aliases))
    }

    /// Returns the voice that an alias stands for, if it was set.
    pub fn target(&self, name: &str) -> Option<&str> {
        self.0.get(&folded(name)).map(String::as_str)
    }

    /// Iterates over the aliases that were set, with their voices.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(alias, voice)| (alias.as_str(), voice.as_str()))
    }
}

/// Iterates over OpenAI's names.
pub fn openai_names() -> impl Iterator<Item = &'static str> {
    OPENAI.iter().map(|(name, _)| *name)
}

/// Returns true for one of OpenAI's names.
pub fn is_openai_name(name: &str) -> bool {
    openai_names().any(|known| known == folded(name))
}

/// Returns the speaker of a model that one of OpenAI's names stands for: the closest one of the
/// published speakers, or one speaker of the model after the other.
pub fn openai_speaker<'c>(name: &str, config: &'c ModelConfig) -> Option<&'c str> {
    let name = folded(name);
    let index = OPENAI.iter().position(|(known, _)| *known == name)?;
    let speakers: Vec<_> = config.speakers().map(|speaker| speaker.name).collect();
    match config.speaker(OPENAI[index].1) {
        Ok(speaker) => Some(speaker.name),
        Err(_) => speakers.get(index.checked_rem(speakers.len())?).copied(),
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(speakers: &str) -> ModelConfig {
        let mut files = qwen3_tts_demo::custom_voice();
        let (_, config) = files.find(|(name, _)| *name == "config.json").unwrap();
        let mut config: serde_json::Value = serde_json::from_slice(config).unwrap();
        let names: Vec<_> = speakers.split_whitespace().collect();
        let ids = names.iter().enumerate().map(|(n, name)| ((*name).to_owned(), n.into()));
        let dialects = names.iter().map(|name| ((*name).to_owned(), false.into()));
        let talker = &mut config["talker_config"];
        talker["spk_id"] = serde_json::Value::Object(ids.collect());
        talker["spk_is_dialect"] = serde_json::Value::Object(dialects.collect());
        ModelConfig::from_json(&config.to_string()).unwrap()
    }

    #[test]
    fn each_name_of_openai_is_a_published_speaker() {
        let published = config("serena vivian uncle_fu ryan aiden ono_anna sohee eric dylan");
        for (name, speaker) in OPENAI {
            assert_eq!(openai_speaker(name, &published), Some(speaker));
        }
        assert_eq!(openai_speaker(" Alloy ", &published), Some("serena"));
        assert_eq!(openai_speaker("ryan", &published), None);
        assert!(OPENAI.is_sorted(), "the order decides which speaker of another model is meant");
    }

    #[test]
    fn other_models_have_one_speaker_after_the_other() {
        let two = config("arlo mina");
        let speakers: Vec<_> = openai_names().map(|name| openai_speaker(name, &two)).collect();
        assert_eq!(speakers[..4], [Some("arlo"), Some("mina"), Some("arlo"), Some("mina")]);
        let some = config("mina ryan");
        assert_eq!(openai_speaker("ash", &some), Some("ryan"));
        assert_eq!(openai_speaker("alloy", &some), Some("mina"));
    }

    #[test]
    fn aliases_are_found_in_any_case() {
        let set = |alias: &str, voice: &str| {
            Aliases::new(&BTreeMap::from([(alias.to_owned(), voice.to_owned())]))
        };
        let aliases = set("Narrator", "ryan:0.7,vivian:0.3").unwrap();
        assert_eq!(aliases.target(" narrator"), Some("ryan:0.7,vivian:0.3"));
        assert_eq!(aliases.target("ryan"), None);
        for (alias, voice) in [("", "ryan"), ("default", "ryan"), ("ann", " "), ("Ann", "ann")] {
            assert!(set(alias, voice).unwrap_err().to_string().contains("alias"), "{alias:?}");
        }
        let twice = ["ann", "Ann"].map(|alias| (alias.to_owned(), "ryan".to_owned()));
        assert!(Aliases::new(&BTreeMap::from(twice)).unwrap_err().to_string().contains("twice"));
    }
}
