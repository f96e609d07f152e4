//! The field of a request that an error is about.

use qwen3_tts_config::ConfigError;
use qwen3_tts_nn::SamplingError;

use super::Error;

impl Error {
    /// Returns the name of the field of [`SpeechRequest`](crate::SpeechRequest) or of
    /// [`Sampling`](crate::Sampling) that is to blame; `None` if no single one is.
    pub fn field(&self) -> Option<&'static str> {
        use qwen3_tts_talker::Error as TalkerError;
        match self {
            Self::Field { field, .. } => Some(field),
            Self::Markup { .. } | Self::Talker(TalkerError::TextTooLong { .. }) => Some("text"),
            Self::UnknownName(ConfigError::UnknownSpeaker { .. }) => Some("voice"),
            Self::UnknownName(ConfigError::UnknownLanguage { .. }) => Some("language"),
            _ => None,
        }
    }

    /// Returns the error of a field of a request.
    pub(crate) fn of_field(field: &'static str, reason: impl ToString) -> Self {
        Self::Field { field, reason: reason.to_string() }
    }

    /// Returns the error of the sampling of the first codebook.
    pub(crate) fn of_talker(error: &SamplingError) -> Self {
        let field = match error {
            SamplingError::Temperature { .. } => "temperature",
            SamplingError::RepetitionPenalty { .. } => "repetition_penalty",
            SamplingError::TopP { .. } => "top_p",
        };
        Self::of_field(field, error)
    }

    /// Returns the error of the sampling of the other codebooks.
    pub(crate) fn of_subtalker(error: &SamplingError) -> Self {
        let field = match error {
            SamplingError::Temperature { .. } => "subtalker_temperature",
            // It has no field of its own.
            SamplingError::RepetitionPenalty { .. } => "repetition_penalty",
            SamplingError::TopP { .. } => "subtalker_top_p",
        };
        Self::of_field(field, format!("subtalker: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_model_does_not_have_are_of_a_field() {
        let unknown = |speaker: bool| {
            let (name, suggestion, supported) = (String::new(), None, Vec::new());
            Error::UnknownName(match speaker {
                true => ConfigError::UnknownSpeaker { name, suggestion, supported },
                false => ConfigError::UnknownLanguage { name, suggestion, supported },
            })
        };
        assert_eq!(unknown(true).field(), Some("voice"));
        assert_eq!(unknown(false).field(), Some("language"));
        let marks = Error::Markup { line: 1, column: 1, reason: String::new() };
        assert_eq!(marks.field(), Some("text"));
        assert_eq!(Error::Request(String::new()).field(), None);
        assert_eq!(Error::Stopped.field(), None);
    }

    #[test]
    fn the_parameters_of_both_samplings_have_their_own_fields() {
        let (temperature, top_p) =
            (SamplingError::Temperature { found: -1.0 }, SamplingError::TopP { found: 2.0 });
        assert_eq!(Error::of_talker(&temperature).field(), Some("temperature"));
        assert_eq!(Error::of_talker(&top_p).field(), Some("top_p"));
        assert_eq!(Error::of_subtalker(&temperature).field(), Some("subtalker_temperature"));
        assert_eq!(Error::of_subtalker(&top_p).field(), Some("subtalker_top_p"));
        let penalty = SamplingError::RepetitionPenalty { found: 0.0 };
        assert_eq!(Error::of_talker(&penalty).field(), Some("repetition_penalty"));
    }
}
