//! The small vocabulary of validation: every check names the field that it looks at.

use std::fmt::Display;

use crate::{Activation, ConfigError, Result};

/// No dimension of a Qwen3-TTS model is near this; more is damage, or an attempt to exhaust memory.
pub(crate) const MAX_DIMENSION: usize = 1 << 16;
/// The same for vocabularies and context lengths.
pub(crate) const MAX_ENTRIES: usize = 1 << 22;
/// The same for what is counted: layers, heads, code groups.
pub(crate) const MAX_COUNT: usize = 1 << 10;

/// Checks the fields of one section.
pub(crate) struct Check {
    /// The section's path with a dot at its end, or nothing at the top.
    prefix: &'static str,
}

impl Check {
    pub(crate) fn section(prefix: &'static str) -> Self {
        Self { prefix }
    }

    /// A width: positive, below [`MAX_DIMENSION`].
    pub(crate) fn dimension(&self, field: &str, value: usize) -> Result<()> {
        self.between(field, value, 1, MAX_DIMENSION)
    }

    /// A number of layers, heads or groups: positive, below [`MAX_COUNT`].
    pub(crate) fn count(&self, field: &str, value: usize) -> Result<()> {
        self.between(field, value, 1, MAX_COUNT)
    }

    pub(crate) fn between(&self, field: &str, value: usize, low: usize, high: usize) -> Result<()> {
        self.that((low..=high).contains(&value), field, format!("{low} to {high}"), value)
    }

    pub(crate) fn positive(&self, field: &str, value: f64) -> Result<()> {
        self.that(value.is_finite() && value > 0.0, field, "a positive number", value)
    }

    /// A token id inside the vocabulary `vocab_name` of `vocab_size` entries.
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

    /// Something the models have no code for, and no published checkpoint asks for.
    pub(crate) fn unused(&self, field: &str, used: bool) -> Result<()> {
        self.that(!used, field, "false: Qwen3-TTS does not use it", used)
    }

    /// The activation of every transformer here but the encoder's.
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

    /// The shape of grouped-query attention with rotary positions.
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
