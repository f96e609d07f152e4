//! Parts of talker and code predictor that can be quantised separately, and choices of bits.

use qwen3_tts_config::ModelConfig;
use qwen3_tts_nn::{Bits, Quantization, Weights};

/// Linear layers with the same task.
pub struct Part {
    pub name: &'static str,
    /// Beginnings of the names of their tensors.
    prefixes: Vec<String>,
    is_code_predictor: bool,
    is_head: bool,
}

const TALKER: &str = "talker.";
const CODE_PREDICTOR: &str = "talker.code_predictor.";

/// Returns the parts of a model.
pub fn parts(config: &ModelConfig) -> Vec<Part> {
    let talker = &config.talker_config;
    let layers = |of: &str, n: usize, kind: &str| -> Vec<String> {
        (0..n).map(|i| format!("{of}model.layers.{i}.{kind}.")).collect()
    };
    let part = |name, prefixes: Vec<String>| {
        let is_code_predictor = prefixes.iter().any(|prefix| prefix.starts_with(CODE_PREDICTOR));
        Part { name, prefixes, is_code_predictor, is_head: false }
    };
    let one = |of: &str, name: &str| vec![format!("{of}{name}.")];
    let n = talker.num_hidden_layers;
    let n_predictor = talker.code_predictor_config.num_hidden_layers;
    vec![
        part("talker, attention", layers(TALKER, n, "self_attn")),
        part("talker, MLP", layers(TALKER, n, "mlp")),
        part("talker, text projection", one(TALKER, "text_projection")),
        Part { is_head: true, ..part("talker, codec_head", one(TALKER, "codec_head")) },
        part("code predictor, attention", layers(CODE_PREDICTOR, n_predictor, "self_attn")),
        part("code predictor, MLP", layers(CODE_PREDICTOR, n_predictor, "mlp")),
        part("code predictor, projection", one(CODE_PREDICTOR, "small_to_mtp_projection")),
        Part { is_head: true, ..part("code predictor, heads", one(CODE_PREDICTOR, "lm_head")) },
    ]
}

impl Part {
    /// Returns the rules that quantise these parts, and nothing else.
    pub fn quantization(parts: &[(&Self, Bits)]) -> Quantization {
        let rules = parts.iter().flat_map(|(part, bits)| {
            part.prefixes.iter().map(|prefix| (prefix.clone(), Some(*bits)))
        });
        rules.fold(Quantization::none(), |all, (prefix, bits)| all.under(prefix, bits))
    }

    /// Returns the number of weights in matrices.
    pub fn weights(&self, weights: &Weights) -> usize {
        let own = weights.infos().filter(|tensor| {
            tensor.shape.len() == 2
                && self.prefixes.iter().any(|prefix| tensor.name.starts_with(prefix))
        });
        own.map(|tensor| tensor.shape.iter().product::<usize>()).sum()
    }
}

/// A choice of bits for each part.
pub struct Policy {
    pub name: &'static str,
    talker: Bits,
    code_predictor: Bits,
    heads: Option<Bits>,
}

impl Policy {
    /// The choices to compare.
    pub const ALL: [Self; 7] = [
        Self::new("4", Bits::Four, Bits::Four),
        Self { heads: Some(Bits::Eight), ..Self::new("4, heads 8", Bits::Four, Bits::Four) },
        Self::new("talker 4, code predictor 6", Bits::Four, Bits::Six),
        Self::new("talker 4, code predictor 8", Bits::Four, Bits::Eight),
        Self::new("talker 8, code predictor 4", Bits::Eight, Bits::Four),
        Self::new("6", Bits::Six, Bits::Six),
        Self::new("8", Bits::Eight, Bits::Eight),
    ];

    const fn new(name: &'static str, talker: Bits, code_predictor: Bits) -> Self {
        Self { name, talker, code_predictor, heads: None }
    }

    fn bits(&self, part: &Part) -> Bits {
        let bits = if part.is_code_predictor { self.code_predictor } else { self.talker };
        self.heads.filter(|_| part.is_head).unwrap_or(bits)
    }

    /// Returns the rules of the loader.
    pub fn quantization(&self, parts: &[Part]) -> Quantization {
        let all: Vec<_> = parts.iter().map(|part| (part, self.bits(part))).collect();
        Part::quantization(&all)
    }

    /// Returns the number of bytes of weights that a frame reads: a head of the code predictor once,
    /// its other layers once per codebook after the first.
    pub fn frame_bytes(&self, parts: &[Part], weights: &Weights, config: &ModelConfig) -> usize {
        let steps = config.talker_config.code_predictor_config.num_code_groups - 1;
        let bytes = parts.iter().filter(|part| !part.name.contains("text")).map(|part| {
            let times = if part.is_code_predictor && !part.is_head { steps } else { 1 };
            // Scale and bias of 64 weights take as many bytes as half a bit of each.
            times * part.weights(weights) * (2 * self.bits(part).get() + 1) / 16
        });
        bytes.sum()
    }
}
