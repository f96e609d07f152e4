//! `talker_config` and `code_predictor_config`: the two transformers that generate speech codes.

use serde::{Deserialize, Deserializer};

use crate::activation::Activation;
use crate::check::{Check, MAX_ENTRIES};
use crate::error::Result;
use crate::names::NameTable;
use crate::rope::RopeConfig;
use crate::transformer::TransformerSizes;

/// Number of ids at the end of the codec vocabulary that are never codes.
pub(crate) const SUPPRESSED: usize = 1024;

/// Shape and token ids of the talker (`Qwen3TTSTalkerConfig`), which generates codebook 0.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct TalkerConfig {
    /// Section of the code predictor, which generates codebooks 1 and up of each frame.
    pub code_predictor_config: CodePredictorConfig,
    /// Number of codec tokens: codes, control tokens, languages and speakers.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward blocks.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads; each serves an equal share of the query heads.
    pub num_key_value_heads: usize,
    /// Width of a head, independent of `hidden_size / num_attention_heads`.
    pub head_dim: usize,
    /// Activation of the feed-forward blocks and of the text projection.
    pub hidden_act: Activation,
    /// Maximum length of a sequence, prompt and frames together.
    pub max_position_embeddings: usize,
    /// Term under the root of every RMS norm.
    pub rms_norm_eps: f64,
    /// Rotary positions.
    #[serde(flatten)]
    pub rope: RopeConfig,
    /// True if the attention projections have biases.
    #[serde(default)]
    pub attention_bias: bool,
    /// False in every published model; true is refused.
    #[serde(default)]
    pub use_sliding_window: bool,
    /// False in every published model; true is refused.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Number of codebooks of a frame.
    pub num_code_groups: usize,
    /// Width of a text embedding, before the projection.
    pub text_hidden_size: usize,
    /// Number of text tokens.
    pub text_vocab_size: usize,
    /// Codec token that ends the speech.
    pub codec_eos_token_id: u32,
    /// Codec token before a language.
    pub codec_think_id: u32,
    /// Codec token that replaces it if no language is given.
    pub codec_nothink_id: u32,
    /// Codec token that begins the language.
    pub codec_think_bos_id: u32,
    /// Codec token that ends the language.
    pub codec_think_eos_id: u32,
    /// Codec token of a position with text and no code.
    pub codec_pad_id: u32,
    /// Codec token that begins the speech.
    pub codec_bos_id: u32,
    /// Codec tokens of the languages, and of the dialects that only speakers choose.
    #[serde(default)]
    pub codec_language_id: NameTable<u32>,
    /// Rows of the codec embedding that are the voices of the preset speakers.
    #[serde(default, deserialize_with = "speaker_ids")]
    pub spk_id: NameTable<u32>,
    /// Dialect of each speaker, a name in `codec_language_id`.
    #[serde(default, deserialize_with = "dialects")]
    pub spk_is_dialect: NameTable<Option<String>>,
}

/// Shape of the code predictor (`Qwen3TTSTalkerCodePredictorConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct CodePredictorConfig {
    /// Number of entries of each codebook.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward blocks.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Activation of the feed-forward blocks.
    pub hidden_act: Activation,
    /// Maximum length of a sequence; a frame needs `num_code_groups` positions.
    #[serde(default = "default_max_position_embeddings")]
    pub max_position_embeddings: usize,
    /// Term under the root of every RMS norm.
    pub rms_norm_eps: f64,
    /// Rotary positions.
    #[serde(flatten)]
    pub rope: RopeConfig,
    /// True if the attention projections have biases.
    #[serde(default)]
    pub attention_bias: bool,
    /// False in every published model; true is refused.
    #[serde(default)]
    pub use_sliding_window: bool,
    /// False in every published model; true is refused.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Kind of each layer's attention: `full_attention`, any other is refused.
    #[serde(default)]
    pub layer_types: Option<Vec<String>>,
    /// Number of codebooks of a frame, the talker's included.
    pub num_code_groups: usize,
}

impl TalkerConfig {
    /// Returns the first id that is never a code. Ids from here to `vocab_size` are suppressed
    /// while generating, except for the end of speech.
    pub fn first_suppressed_id(&self) -> u32 {
        self.vocab_size.saturating_sub(SUPPRESSED) as u32
    }

    /// Returns the sizes of the transformer.
    pub fn transformer(&self) -> TransformerSizes {
        TransformerSizes {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            attention_bias: self.attention_bias,
            norm_eps: self.rms_norm_eps,
            rope_theta: self.rope.theta,
        }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let check = Check::section("talker_config.");
        check.between("vocab_size", self.vocab_size, SUPPRESSED + 1, MAX_ENTRIES)?;
        check.between("text_vocab_size", self.text_vocab_size, 1, MAX_ENTRIES)?;
        self.transformer().validate(&check, "rms_norm_eps")?;
        check.dimension("text_hidden_size", self.text_hidden_size)?;
        check.silu(self.hidden_act)?;
        let positions = self.max_position_embeddings;
        check.between("max_position_embeddings", positions, 16, MAX_ENTRIES)?;
        check.unused("use_sliding_window", self.use_sliding_window)?;
        check.unused("tie_word_embeddings", self.tie_word_embeddings)?;
        check.between("num_code_groups", self.num_code_groups, 2, 64)?;
        self.rope.validate(&check, self.head_dim)?;
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
    /// Returns the sizes of the transformer.
    pub fn transformer(&self) -> TransformerSizes {
        TransformerSizes {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            attention_bias: self.attention_bias,
            norm_eps: self.rms_norm_eps,
            rope_theta: self.rope.theta,
        }
    }

    fn validate(&self, num_code_groups: usize) -> Result<()> {
        let check = Check::section("talker_config.code_predictor_config.");
        check.between("vocab_size", self.vocab_size, 1, MAX_ENTRIES)?;
        self.transformer().validate(&check, "rms_norm_eps")?;
        check.silu(self.hidden_act)?;
        check.unused("use_sliding_window", self.use_sliding_window)?;
        check.unused("tie_word_embeddings", self.tie_word_embeddings)?;
        let why = "talker_config.num_code_groups";
        check.equal("num_code_groups", self.num_code_groups, num_code_groups, why)?;
        let positions = self.max_position_embeddings;
        check.between("max_position_embeddings", positions, num_code_groups, MAX_ENTRIES)?;
        self.rope.validate(&check, self.head_dim)?;
        for kind in self.layer_types.iter().flatten() {
            check.that(kind == "full_attention", "layer_types", "\"full_attention\"", kind)?;
        }
        Ok(())
    }
}

fn default_max_position_embeddings() -> usize {
    32_768
}

/// Reads ids that are written as a number or as a list of one.
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

/// Reads dialects that are written as a name, or as `false` for none.
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
