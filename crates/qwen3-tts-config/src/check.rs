//! Checks of single fields; every error names the field.

use std::fmt::Display;

use crate::activation::Activation;
use crate::error::{ConfigError, Result};

/// Upper bound of a dimension. No Qwen3-TTS model comes near it: a larger value is damage, or an
/// attempt to exhaust memory.
pub(crate) const MAX_DIMENSION: usize = 1 << 16;
/// Upper bound of a vocabulary size or a context length, for the same reason.
pub(crate) const MAX_ENTRIES: usize = 1 << 22;
/// Upper bound of a number of layers, heads or code groups, for the same reason.
pub(crate) const MAX_COUNT: usize = 1 << 10;

/// Checks of the fields of one section.
pub(crate) struct Check {
    /// The section's path with a dot at its end; empty for the top level.
    prefix: &'static str,
}

impl Check {
    pub(crate) fn section(prefix: &'static str) -> Self {
        Self { prefix }
    }

    /// Refuses a width of 0 or above [`MAX_DIMENSION`].
    pub(crate) fn dimension(&self, field: &str, value: usize) -> Result<()> {
        self.between(field, value, 1, MAX_DIMENSION)
    }

    /// Refuses a number of layers, heads or groups that is 0 or above [`MAX_COUNT`].
    pub(crate) fn count(&self, field: &str, value: usize) -> Result<()> {
        self.between(field, value, 1, MAX_COUNT)
    }

    pub(crate) fn between(&self, field: &str, value: usize, low: usize, high: usize) -> Result<()> {
        self.that((low..=high).contains(&value), field, format!("{low} to {high}"), value)
    }

    /// Refuses a number that is not positive and finite in float32, in which models compute.
    pub(crate) fn positive(&self, field: &str, value: f64) -> Result<()> {
        let computed = value as f32;
        let holds = computed.is_normal() && computed > 0.0;
        self.that(holds, field, "a positive number of float32", value)
    }

    /// Refuses a token id outside the vocabulary `vocab_name` of `vocab_size` entries.
    pub(crate) fn token(
        &self,
        field: &str,
        id: u32,
        vocab_size: usize,
        vocab_name: &str,
    ) -> Result<()> {
        let expected = format!("an id below {vocab_name} ({vocab_size})");
        self.that((id as usize) < vocab_size, field, expected, id)
    }

    /// Refuses a feature that the models do not implement; no published checkpoint uses one.
    pub(crate) fn unused(&self, field: &str, used: bool) -> Result<()> {
        self.that(!used, field, "false: Qwen3-TTS does not use it", used)
    }

    /// Refuses any activation but SiLU, which every transformer but the encoder's has.
    pub(crate) fn silu(&self, found: Activation) -> Result<()> {
        self.equal("hidden_act", found, Activation::Silu, "as in every published model")
    }

    pub(crate) fn equal<T: PartialEq + Display>(
        &self,
        field: &str,
        value: T,
        expected: T,
        why: &str,
    ) -> Result<()> {
        let holds = value == expected;
        self.that(holds, field, format!("{expected} ({why})"), value)
    }

    /// Refuses heads that are no grouped-query attention with rotary positions.
    pub(crate) fn attention(&self, heads: usize, kv_heads: usize, head_dim: usize) -> Result<()> {
        self.count("num_attention_heads", heads)?;
        self.count("num_key_value_heads", kv_heads)?;
        self.count("head_dim", head_dim)?;
        self.that(
            heads.is_multiple_of(kv_heads),
            "num_attention_heads",
            format!("a multiple of num_key_value_heads ({kv_heads})"),
            heads,
        )?;
        let even = head_dim.is_multiple_of(2);
        self.that(even, "head_dim", "an even number, for rotary positions", head_dim)
    }

    pub(crate) fn that(
        &self,
        holds: bool,
        field: &str,
        expected: impl Display,
        found: impl Display,
    ) -> Result<()> {
        if holds {
            return Ok(());
        }
        Err(ConfigError::Value {
            field: format!("{}{field}", self.prefix),
            expected: expected.to_string(),
            found: found.to_string(),
        })
    }
}
