//! `task_type`: the kind of model that a client of vllm-omni asks for.

use std::fmt;

use crate::error::{ApiError, ApiResult};
use crate::models::ModelFacts;
use crate::speech::SpeechFields;

/// The kind of model that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    CustomVoice,
    VoiceDesign,
    Base,
}

impl Task {
    const ALL: [Self; 3] = [Self::CustomVoice, Self::VoiceDesign, Self::Base];

    /// Reads the field `task_type`, if it is set.
    ///
    /// # Errors
    /// Returns an error if there is no such kind.
    pub fn of(fields: &SpeechFields) -> ApiResult<Option<Self>> {
        let Some(name) = fields.task_type.as_deref() else { return Ok(None) };
        let known = Self::ALL.into_iter().find(|task| task.name().eq_ignore_ascii_case(name));
        let unknown = || {
            let message = "`task_type`: expected CustomVoice, VoiceDesign or Base";
            ApiError::invalid(message).param("task_type").code("invalid_value")
        };
        known.map(Some).ok_or_else(unknown)
    }

    /// Checks that a model is of this kind.
    ///
    /// # Errors
    /// Returns an error that names the kind of the model.
    pub fn check(self, facts: &ModelFacts<'_>) -> ApiResult<()> {
        let found = facts.task_type();
        if found == self.name() {
            return Ok(());
        }
        let message = format!(
            "`task_type`: {self} does not fit: the model \"{}\", which has this voice, is a {found} \
             model",
            facts.name
        );
        Err(ApiError::invalid(message).param("task_type"))
    }

    fn name(self) -> &'static str {
        match self {
            Self::CustomVoice => "CustomVoice",
            Self::VoiceDesign => "VoiceDesign",
            Self::Base => "Base",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
