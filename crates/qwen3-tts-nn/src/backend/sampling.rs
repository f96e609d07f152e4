//! Arguments of the choice of a token.

use std::ops::{Range, RangeInclusive};

/// Parameters of the choice of a token from logits. Start from [`SamplingParams::GREEDY`], and
/// change fields.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SamplingParams {
    /// True to draw at random; false to take the most likely token.
    pub do_sample: bool,
    /// Divisor of the logits, at least [`Self::MIN_TEMPERATURE`].
    pub temperature: f32,
    /// Number of most likely tokens to choose from, more if the last ones tie; 0 for all tokens.
    pub top_k: usize,
    /// Tokens to choose from are the most likely ones that together reach this probability, which
    /// is above 0 and at most 1.
    pub top_p: f32,
    /// Penalty on tokens that were generated before, within [`Self::PENALTIES`]: positive logits are
    /// divided by it, negative ones multiplied; 1 for no penalty.
    pub repetition_penalty: f32,
}

impl SamplingParams {
    /// Minimum temperature. A lower one gives the greedy choice, until the logits overflow.
    pub const MIN_TEMPERATURE: f32 = 1e-3;
    /// Range of the repetition penalty; outside it, logits can overflow.
    pub const PENALTIES: RangeInclusive<f32> = 1e-3..=1e3;

    /// Always the most likely token.
    pub const GREEDY: Self =
        Self { do_sample: false, temperature: 1.0, top_k: 0, top_p: 1.0, repetition_penalty: 1.0 };

    /// Sets whether to draw at random.
    pub fn do_sample(self, do_sample: bool) -> Self {
        Self { do_sample, ..self }
    }

    /// Sets the divisor of the logits.
    pub fn temperature(self, temperature: f32) -> Self {
        Self { temperature, ..self }
    }

    /// Sets the number of most likely tokens to choose from; 0 for all.
    pub fn top_k(self, top_k: usize) -> Self {
        Self { top_k, ..self }
    }

    /// Sets the probability that the tokens to choose from reach together.
    pub fn top_p(self, top_p: f32) -> Self {
        Self { top_p, ..self }
    }

    /// Sets the penalty on tokens that were generated before.
    pub fn repetition_penalty(self, repetition_penalty: f32) -> Self {
        Self { repetition_penalty, ..self }
    }

    /// Checks that every parameter is in its range.
    ///
    /// # Errors
    /// Returns the first parameter that is not.
    pub fn validate(&self) -> Result<(), SamplingError> {
        let Self { temperature, top_p, repetition_penalty, .. } = *self;
        if !(temperature.is_finite() && temperature >= Self::MIN_TEMPERATURE) {
            return Err(SamplingError::Temperature { found: temperature });
        }
        if !Self::PENALTIES.contains(&repetition_penalty) {
            return Err(SamplingError::RepetitionPenalty { found: repetition_penalty });
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(SamplingError::TopP { found: top_p });
        }
        Ok(())
    }
}

/// A parameter of the choice that is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SamplingError {
    /// The temperature is too small, or not a number.
    #[error(
        "temperature must be a number of at least {}, not {found:?}: decode greedily for the most \
         likely codes",
        SamplingParams::MIN_TEMPERATURE
    )]
    Temperature {
        /// The temperature.
        found: f32,
    },
    /// The repetition penalty is out of range.
    #[error(
        "repetition penalty must be from {} to {}, not {found:?}",
        SamplingParams::PENALTIES.start(), SamplingParams::PENALTIES.end()
    )]
    RepetitionPenalty {
        /// The penalty.
        found: f32,
    },
    /// The probability mass of the candidates is out of range.
    #[error("top-p must be above 0 and at most 1, not {found}")]
    TopP {
        /// The probability.
        found: f32,
    },
}

/// The limits that the model itself sets to a choice, whatever the parameters. The default allows
/// every token.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Constraints<'a> {
    /// Tokens generated before, for the repetition penalty.
    pub history: &'a [u32],
    /// Ids that cannot be chosen, except `exempt`.
    pub suppressed: Range<u32>,
    /// An id within `suppressed` that can be chosen.
    pub exempt: Option<u32>,
    /// One more id that cannot be chosen.
    pub forbidden: Option<u32>,
}

impl<'a> Constraints<'a> {
    /// Sets the tokens generated before.
    pub fn history(self, history: &'a [u32]) -> Self {
        Self { history, ..self }
    }

    /// Sets the ids that cannot be chosen.
    pub fn suppressed(self, suppressed: Range<u32>) -> Self {
        Self { suppressed, ..self }
    }

    /// Sets an id within the suppressed ones that can be chosen.
    pub fn exempt(self, exempt: Option<u32>) -> Self {
        Self { exempt, ..self }
    }

    /// Sets one more id that cannot be chosen.
    pub fn forbidden(self, forbidden: Option<u32>) -> Self {
        Self { forbidden, ..self }
    }

    /// Returns the ids that cannot be chosen.
    pub(crate) fn excluded(&self) -> impl Iterator<Item = u32> {
        let suppressed = self.suppressed.clone().filter(|id| self.exempt != Some(*id));
        suppressed.chain(self.forbidden)
    }
}

/// One choice of a token.
pub(crate) struct Sampling<'a> {
    /// Parameters of the choice.
    pub params: &'a SamplingParams,
    /// Ids that cannot be chosen.
    pub constraints: &'a Constraints<'a>,
    /// A uniform random number in [0, 1), drawn on the host so that a seed means the same on every
    /// backend.
    pub uniform: f32,
}
