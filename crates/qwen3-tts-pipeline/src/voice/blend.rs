//! Preset speakers by name, alone or as a mixture: `ryan:0.7,vivian:0.3`.

use qwen3_tts_config::{ModelConfig, Speaker as Preset};
use qwen3_tts_talker::Speaker;

use crate::error::{Error, Result};

/// At least one preset speaker, each with a positive weight.
pub struct Blend<'c>(Vec<(Preset<'c>, f64)>);

/// Largest weight, which keeps sums of them finite.
const MAX_WEIGHT: f64 = 1e6;

impl<'c> Blend<'c> {
    /// Returns the blend of one speaker.
    pub fn of(speaker: Preset<'c>) -> Self {
        Self(vec![(speaker, 1.0)])
    }

    /// Reads the name of a speaker, or names with weights.
    pub fn parse(text: &str, config: &'c ModelConfig) -> Result<Self> {
        // A name may have a colon or a comma in it.
        if let Ok(speaker) = config.speaker(text) {
            return Ok(Self::of(speaker));
        }
        let mut blend: Vec<(Preset<'c>, f64)> = Vec::new();
        for (part, name, weight) in parts(text) {
            if name.is_empty() && text.contains([',', ':']) {
                return Err(refuse(text, part, "expected a name, as in ryan:0.7,vivian:0.3"));
            }
            let speaker = config.speaker(name).map_err(Error::UnknownName)?;
            let weight = weight.parse::<f64>().ok();
            let weight = weight.filter(|&weight| weight > 0.0 && weight <= MAX_WEIGHT);
            let weight = weight.ok_or_else(|| {
                refuse(text, part, "expected a positive weight of at most 1000000 after the colon")
            })?;
            if blend.iter().any(|(other, _)| other.id == speaker.id) {
                return Err(refuse(text, part, "this speaker is in the blend already"));
            }
            blend.push((speaker, weight));
        }
        Ok(Self(blend))
    }

    /// Returns a speaker whose dialect the voice speaks: any, if all speak the same one.
    pub fn dialect_speaker(&self) -> Option<&'c str> {
        let (first, _) = self.0.first()?;
        let is_shared = self.0.iter().all(|(speaker, _)| speaker.dialect == first.dialect);
        is_shared.then_some(first.name)
    }

    /// Returns the voice of the prompt. The weights sum up to 1.
    pub fn speaker(&self) -> Speaker {
        let total: f64 = self.0.iter().map(|(_, weight)| weight).sum();
        match self.0.as_slice() {
            [(speaker, _)] => Speaker::Preset(speaker.id),
            parts => Speaker::Blend(
                parts
                    .iter()
                    .map(|(speaker, weight)| (speaker.id, (weight / total) as f32))
                    .collect(),
            ),
        }
    }
}

/// Iterates over the names of the speakers of a blend.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    parts(text).map(|(_, name, _)| name)
}

/// Iterates over the parts of a blend, each with its name and its weight.
fn parts(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    text.split(',').map(|part| {
        let (name, weight) = part.split_once(':').unwrap_or((part, "1"));
        (part, name.trim(), weight.trim())
    })
}

fn refuse(text: &str, part: &str, expected: &str) -> Error {
    Error::of_field("voice", format!("speaker {text:?}: {part:?}: {expected}"))
}
