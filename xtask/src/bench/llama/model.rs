//! Transformers of the shapes of a checkpoint, as GGUF files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::gguf::{File, WeightType};

/// A transformer of the architecture that llama.cpp calls `qwen3`.
pub struct Model {
    name: &'static str,
    /// Number of tokens per frame.
    pub steps: usize,
    layers: usize,
    hidden: usize,
    intermediate: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    vocabulary: usize,
    rope_theta: f64,
    norm_epsilon: f64,
}

impl Model {
    /// Returns the talker of a checkpoint; its vocabulary is that of the codec head.
    pub fn talker(config: &Value) -> Result<Self> {
        Self::read("talker", 1, &config["talker_config"])
    }

    /// Returns the code predictor of a checkpoint, with one of its heads.
    pub fn code_predictor(config: &Value) -> Result<Self> {
        let talker = &config["talker_config"];
        let groups = count(talker, "num_code_groups")?;
        Self::read("code-predictor", groups - 1, &talker["code_predictor_config"])
    }

    fn read(name: &'static str, steps: usize, config: &Value) -> Result<Self> {
        Ok(Self {
            name,
            steps,
            layers: count(config, "num_hidden_layers")?,
            hidden: count(config, "hidden_size")?,
            intermediate: count(config, "intermediate_size")?,
            heads: count(config, "num_attention_heads")?,
            kv_heads: count(config, "num_key_value_heads")?,
            head_dim: count(config, "head_dim")?,
            vocabulary: count(config, "vocab_size")?,
            rope_theta: config["rope_theta"].as_f64().unwrap_or(1e6),
            norm_epsilon: config["rms_norm_eps"].as_f64().unwrap_or(1e-6),
        })
    }

    /// Returns the path of its GGUF file in `folder`, which is written if it is not there.
    pub fn written(&self, folder: &Path, weights: WeightType) -> Result<PathBuf> {
        let Self { name, layers, hidden, vocabulary, .. } = self;
        let path =
            folder.join(format!("{name}-{layers}x{hidden}-{vocabulary}-{}.gguf", weights.name()));
        if !path.is_file() {
            self.file(weights)
                .write(&path)
                .with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(path)
    }

    fn file(&self, weights: WeightType) -> File {
        let mut file = File::default();
        self.describe(&mut file);
        let (hidden, inner) = (self.hidden, self.intermediate);
        let (queries, keys) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        file.matrix("token_embd.weight", weights, self.vocabulary, hidden);
        file.matrix("output.weight", weights, self.vocabulary, hidden);
        file.ones("output_norm.weight", hidden);
        for layer in 0..self.layers {
            let name = |tensor: &str| format!("blk.{layer}.{tensor}.weight");
            file.ones(&name("attn_norm"), hidden);
            file.ones(&name("ffn_norm"), hidden);
            file.ones(&name("attn_q_norm"), self.head_dim);
            file.ones(&name("attn_k_norm"), self.head_dim);
            file.matrix(&name("attn_q"), weights, queries, hidden);
            file.matrix(&name("attn_k"), weights, keys, hidden);
            file.matrix(&name("attn_v"), weights, keys, hidden);
            file.matrix(&name("attn_output"), weights, hidden, queries);
            file.matrix(&name("ffn_gate"), weights, inner, hidden);
            file.matrix(&name("ffn_up"), weights, inner, hidden);
            file.matrix(&name("ffn_down"), weights, hidden, inner);
        }
        file
    }

    fn describe(&self, file: &mut File) {
        const CONTEXT: usize = 32_768;
        file.text("general.architecture", "qwen3");
        file.text("general.name", self.name);
        file.text("tokenizer.ggml.model", "no_vocab");
        let numbers = [
            ("vocab_size", self.vocabulary),
            ("context_length", CONTEXT),
            ("block_count", self.layers),
            ("embedding_length", self.hidden),
            ("feed_forward_length", self.intermediate),
            ("attention.head_count", self.heads),
            ("attention.head_count_kv", self.kv_heads),
            ("attention.key_length", self.head_dim),
            ("attention.value_length", self.head_dim),
        ];
        for (key, number) in numbers {
            file.number(&format!("qwen3.{key}"), number as u32);
        }
        file.real("qwen3.rope.freq_base", self.rope_theta as f32);
        file.real("qwen3.attention.layer_norm_rms_epsilon", self.norm_epsilon as f32);
    }
}

fn count(config: &Value, key: &str) -> Result<usize> {
    let number = config[key].as_u64().with_context(|| format!("config.json has no {key}"))?;
    Ok(number as usize)
}
