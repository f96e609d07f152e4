//! `talker_config` and `code_predictor_config`: the two transformers that write speech codes.

use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::check::{Check, MAX_ENTRIES};
use crate::{NameTable, Result};

/// Shape and token ids of the talker (`Qwen3TTSTalkerConfig`), which writes codebook 0.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TalkerConfig {
    /// The transformer inside each frame, for codebooks 1 and up.
    pub code_predictor_config: CodePredictorConfig,
    /// Codec tokens: codes, control tokens, languages and speakers.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward blocks.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; each serves an equal share of the query heads.
    pub num_key_value_heads: usize,
    /// Width of a head, whatever `hidden_size / num_attention_heads` may be.
    pub head_dim: usize,
    /// Activation of the feed-forward blocks and of the text projection.
    pub hidden_act: Activation,
    /// Longest sequence, prompt and frames together.
    pub max_position_embeddings: usize,
    /// Added under the root of every RMS norm.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// How the rotary frequencies are shared among the three position axes.
    #[serde(default)]
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the attention projections have biases.
    #[serde(default)]
    pub attention_bias: bool,
    /// Never set in a published model.
    #[serde(default)]
    pub use_sliding_window: bool,
    /// Never set in a published model.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Codebooks of a frame.
    pub num_code_groups: usize,
    /// Width of a text embedding, before the projection.
    pub text_hidden_size: usize,
    /// Text tokens.
    pub text_vocab_size: usize,
    /// Ends the speech.
    pub codec_eos_token_id: u32,
    /// Announces a language.
    pub codec_think_id: u32,
    /// Announces that no language is given.
    pub codec_nothink_id: u32,
    /// Begins the language.
    pub codec_think_bos_id: u32,
    /// Ends the language.
    pub codec_think_eos_id: u32,
    /// Stands where there is text and no code.
    pub codec_pad_id: u32,
    /// Begins the speech.
    pub codec_bos_id: u32,
    /// Languages, and the dialects that only speakers choose.
    #[serde(default)]
    pub codec_language_id: NameTable<u32>,
    /// Preset speakers: the row of the codec embedding that is their voice.
    #[serde(default, deserialize_with = "speaker_ids")]
    pub spk_id: NameTable<u32>,
    /// The dialect of each speaker, a name in `codec_language_id`.
    #[serde(default, deserialize_with = "dialects")]
    pub spk_is_dialect: NameTable<Option<String>>,
}

/// Shape of the code predictor (`Qwen3TTSTalkerCodePredictorConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CodePredictorConfig {
    /// Entries of each codebook.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward blocks.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Activation of the feed-forward blocks.
    pub hidden_act: Activation,
    /// Longest sequence; a frame needs `num_code_groups` positions.
    #[serde(default = "default_max_position_embeddings")]
    pub max_position_embeddings: usize,
    /// Added under the root of every RMS norm.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Never scaled in a published model.
    #[serde(default)]
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the attention projections have biases.
    #[serde(default)]
    pub attention_bias: bool,
    /// Never set in a published model.
    #[serde(default)]
    pub use_sliding_window: bool,
    /// Never set in a published model.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Kind of each layer's attention; only `full_attention` is known.
    #[serde(default)]
    pub layer_types: Option<Vec<String>>,
    /// Codebooks of a frame, the talker's included.
    pub num_code_groups: usize,
}

/// `rope_scaling`: multimodal rotary positions.
///
/// All three axes of a speech position are equal, so with any sections, interleaved or not, this
/// is plain rotary embedding.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RopeScaling {
    /// Only `default` is known.
    #[serde(default)]
    pub rope_type: Option<String>,
    /// The older name of `rope_type`; published files have both.
    #[serde(default)]
    pub r#type: Option<String>,
    /// Frequencies of each position axis; they sum to half of `head_dim`.
    #[serde(default)]
    pub mrope_section: Option<Vec<usize>>,
    /// Whether the axes take turns along the frequencies.
    #[serde(default)]
    pub interleaved: bool,
}

/// An activation function by its published name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// x · sigmoid(x).
    Silu,
    /// x · Φ(x), exact.
    Gelu,
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Silu => "silu",
            Self::Gelu => "gelu",
        })
    }
}

impl TalkerConfig {
    /// Ids from here to `vocab_size` are suppressed while generating, end of speech excepted.
    pub fn first_suppressed_id(&self) -> u32 {
        self.vocab_size.saturating_sub(SUPPRESSED) as u32
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let check = Check::section("talker_config.");
        check.between("vocab_size", self.vocab_size, SUPPRESSED + 1, MAX_ENTRIES)?;
        check.between("text_vocab_size", self.text_vocab_size, 1, MAX_ENTRIES)?;
        check.dimension("hidden_size", self.hidden_size)?;
        check.dimension("intermediate_size", self.intermediate_size)?;
        check.dimension("text_hidden_size", self.text_hidden_size)?;
        check.count("num_hidden_layers", self.num_hidden_layers)?;
        check.silu(self.hidden_act)?;
        check.attention(self.num_attention_heads, self.num_key_value_heads, self.head_dim)?;
        let positions = self.max_position_embeddings;
        check.between("max_position_embeddings", positions, 16, MAX_ENTRIES)?;
        check.positive("rms_norm_eps", self.rms_norm_eps)?;
        check.positive("rope_theta", self.rope_theta)?;
        check.unused("use_sliding_window", self.use_sliding_window)?;
        check.unused("tie_word_embeddings", self.tie_word_embeddings)?;
        check.between("num_code_groups", self.num_code_groups, 2, 64)?;
        if let Some(scaling) = &self.rope_scaling {
            scaling.validate(&check, self.head_dim)?;
        }
        self.validate_tokens(&check)?;
        self.validate_dialects(&check)?;
        self.code_predictor_config.validate(self.num_code_groups)
    }

    fn validate_tokens(&self, check: &Check) -> Result<()> {
        let token = |field: &str, id| check.token(field, id, self.vocab_size, "vocab_size");
        token("codec_eos_token_id", self.codec_eos_token_id)?;
        token("codec_think_id", self.codec_think_id)?;
        token("codec_nothink_id", self.codec_nothink_id)?;
        token("codec_think_bos_id", self.codec_think_bos_id)?;
        token("codec_think_eos_id", self.codec_think_eos_id)?;
        token("codec_pad_id", self.codec_pad_id)?;
        token("codec_bos_id", self.codec_bos_id)?;
        for (name, &id) in self.codec_language_id.iter() {
            token(&format!("codec_language_id.{name}"), id)?;
        }
        for (name, &id) in self.spk_id.iter() {
            token(&format!("spk_id.{name}"), id)?;
        }
        Ok(())
    }

    fn validate_dialects(&self, check: &Check) -> Result<()> {
        for (speaker, dialect) in self.spk_is_dialect.iter() {
            let Some(dialect) = dialect else { continue };
            check.that(
                self.codec_language_id.get(dialect).is_some(),
                &format!("spk_is_dialect.{speaker}"),
                "false or a name in codec_language_id",
                format!("\"{dialect}\""),
            )?;
        }
        Ok(())
    }
}

impl CodePredictorConfig {
    fn validate(&self, num_code_groups: usize) -> Result<()> {
        let check = Check::section("talker_config.code_predictor_config.");
        check.between("vocab_size", self.vocab_size, 1, MAX_ENTRIES)?;
        check.dimension("hidden_size", self.hidden_size)?;
        check.dimension("intermediate_size", self.intermediate_size)?;
        check.count("num_hidden_layers", self.num_hidden_layers)?;
        check.silu(self.hidden_act)?;
        check.attention(self.num_attention_heads, self.num_key_value_heads, self.head_dim)?;
        check.positive("rms_norm_eps", self.rms_norm_eps)?;
        check.positive("rope_theta", self.rope_theta)?;
        check.unused("use_sliding_window", self.use_sliding_window)?;
        check.unused("tie_word_embeddings", self.tie_word_embeddings)?;
        let why = "talker_config.num_code_groups";
        check.equal("num_code_groups", self.num_code_groups, num_code_groups, why)?;
        let positions = self.max_position_embeddings;
        check.between("max_position_embeddings", positions, num_code_groups, MAX_ENTRIES)?;
        if let Some(scaling) = &self.rope_scaling {
            scaling.validate(&check, self.head_dim)?;
        }
        for kind in self.layer_types.iter().flatten() {
            check.that(kind == "full_attention", "layer_types", "\"full_attention\"", kind)?;
        }
        Ok(())
    }
}

impl RopeScaling {
    fn validate(&self, check: &Check, head_dim: usize) -> Result<()> {
        for kind in self.rope_type.iter().chain(&self.r#type) {
            check.that(kind == "default", "rope_scaling.rope_type", "\"default\"", kind)?;
        }
        let Some(section) = &self.mrope_section else { return Ok(()) };
        let sum = section.iter().fold(0usize, |sum, &n| sum.saturating_add(n));
        check.that(
            sum == head_dim / 2,
            "rope_scaling.mrope_section",
            format!("a sum of {} (head_dim / 2)", head_dim / 2),
            format!("{section:?}, a sum of {sum}"),
        )
    }
}

/// The last ids of the codec vocabulary are never codes.
const SUPPRESSED: usize = 1024;

fn default_max_position_embeddings() -> usize {
    32_768
}

/// An id is written as a number or as a list of one.
fn speaker_ids<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<NameTable<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a token id, or a list of one")]
    enum Id {
        One(u32),
        List([u32; 1]),
    }
    let table = NameTable::<Id>::deserialize(deserializer)?;
    let ids = table.into_iter().map(|(name, id)| match id {
        Id::One(id) | Id::List([id]) => (name, id),
    });
    Ok(ids.collect())
}

/// A dialect is written as its name, and none as `false`.
fn dialects<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<NameTable<Option<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected false or the name of a dialect")]
    enum Dialect {
        Name(String),
        Flag(bool),
    }
    let table = NameTable::<Dialect>::deserialize(deserializer)?;
    let dialects = table.into_iter().map(|(name, dialect)| match dialect {
        Dialect::Name(dialect) => Ok((name, Some(dialect))),
        Dialect::Flag(false) => Ok((name, None)),
        Dialect::Flag(true) => Err(serde::de::Error::custom(format!(
            "{name}: expected false or the name of a dialect, found true"
        ))),
    });
    dialects.collect()
}
