//! The expected speed of each model, from a benchmark.
//!
//! A frame multiplies one token by each matrix of the talker once, and by those of the code predictor
//! fifteen times. These products take as long as reading the weights, or as computing with them, at the
//! measured rate. Attention, norms, activations and sampling take a fixed part more. The decoder of the
//! speech tokenizer takes as long as its multiply-adds at the measured rate of convolutions, and a fixed
//! part more.

use serde::Serialize;

use super::bench::{Benchmark, Products};

/// Expected speed of a model with weights of one kind.
#[derive(Serialize)]
pub struct Estimate {
    /// Size of the model.
    pub model: &'static str,
    /// Value of `--quantize`.
    pub quantize: &'static str,
    /// Seconds of computing per second of speech.
    pub real_time_factor: f64,
    /// Largest memory of a process that speaks 50 frames, in MiB; `None` if it has not been measured.
    pub memory_mib: Option<u32>,
}

/// Weights that a frame multiplies by.
struct Model {
    name: &'static str,
    /// Weights of the talker.
    talker: f64,
    /// Weights of the code predictor, each as many times as it is used.
    code_predictor: f64,
    /// Memory for each of [`KINDS`], as in `docs/benchmarks.md`.
    memory_mib: [Option<u32>; 4],
}

const MODELS: [Model; 2] = [
    Model {
        name: "0.6B",
        talker: 443_547_648.0,
        code_predictor: 1_211_105_280.0,
        memory_mib: [Some(2096), Some(1604), Some(1382), Some(1338)],
    },
    Model {
        name: "1.7B",
        talker: 1_415_577_600.0,
        code_predictor: 1_242_562_560.0,
        memory_mib: [Some(3932), Some(2571), None, Some(1838)],
    },
];

/// Rate of products with weights of one type.
type Rate = fn(&Products) -> f64;

/// Values of `--quantize`, with the rates of talker and code predictor.
const KINDS: [(&str, Rate, Rate); 4] = [
    ("none", |rates| rates.bf16, |rates| rates.bf16),
    ("8", |rates| rates.bits_8, |rates| rates.bits_8),
    ("4", |rates| rates.bits_4, |rates| rates.bits_8),
    ("talker=4,code-predictor=4", |rates| rates.bits_4, |rates| rates.bits_4),
];

/// Time of talker and code predictor relative to that of their products.
const BESIDE_PRODUCTS: f64 = 1.15;

/// Multiply-adds of the speech tokenizer's decoder per frame.
const CODEC: f64 = 2.5e9;

/// Time of the decoder relative to that of its multiply-adds.
const BESIDE_CONVOLUTIONS: f64 = 1.4;

/// Length of a frame in seconds.
const FRAME: f64 = 0.08;

/// Returns the estimates of each model and kind of weights.
pub fn all(benchmark: &Benchmark) -> Vec<Estimate> {
    let estimates = |model: &'static Model| {
        let kinds = KINDS.iter().zip(model.memory_mib);
        kinds.map(move |(&(quantize, talker, code_predictor), memory_mib)| {
            let rates = &benchmark.products;
            let products =
                model.talker / talker(rates) + model.code_predictor / code_predictor(rates);
            let codec = CODEC / benchmark.convolution * BESIDE_CONVOLUTIONS;
            let real_time_factor = (products * BESIDE_PRODUCTS + codec) / FRAME;
            Estimate { model: model.name, quantize, real_time_factor, memory_mib }
        })
    };
    MODELS.iter().flat_map(estimates).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Returns the number of weights of the layers of a transformer.
    fn layers(config: &Value) -> usize {
        let size = |name: &str| config[name].as_u64().unwrap() as usize;
        let (hidden, head) = (size("hidden_size"), size("head_dim"));
        let attention =
            2 * hidden * head * (size("num_attention_heads") + size("num_key_value_heads"));
        size("num_hidden_layers") * (attention + 3 * hidden * size("intermediate_size"))
    }

    #[test]
    fn the_numbers_of_weights_are_those_of_the_published_models() {
        for model in MODELS {
            let name = format!("Qwen3-TTS-12Hz-{}-CustomVoice", model.name);
            let path = format!(
                "{}/../qwen3-tts-config/tests/data/{name}/config.json",
                env!("CARGO_MANIFEST_DIR")
            );
            let config: Value =
                serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let talker = &config["talker_config"];
            let predictor = &talker["code_predictor_config"];
            let size = |config: &Value, name: &str| config[name].as_u64().unwrap() as usize;
            let (hidden, inner) = (size(talker, "hidden_size"), size(predictor, "hidden_size"));
            let head = hidden * size(talker, "vocab_size");
            assert_eq!(model.talker, (layers(talker) + head) as f64, "{name}");
            let steps = size(talker, "num_code_groups") - 1;
            let projection = if hidden == inner { 0 } else { hidden * inner };
            let head = inner * size(predictor, "vocab_size");
            let weights = steps * (layers(predictor) + projection + head);
            assert_eq!(model.code_predictor, weights as f64, "{name}");
        }
    }

    #[test]
    fn an_estimate_is_the_time_of_a_frame() {
        let products = Products { bf16: 1e10, bits_8: 2e10, bits_4: 4e10 };
        let benchmark = Benchmark {
            read_bandwidth: 2e10,
            products,
            convolution: 1e11,
            demo_real_time_factor: 0.1,
        };
        let estimates = all(&benchmark);
        assert_eq!(estimates.len(), 8);
        let seconds = (0.443547648 + 1.21110528) / 10.0 * 1.15 + 2.5 / 100.0 * 1.4;
        assert!((estimates[0].real_time_factor - seconds / 0.08).abs() < 1e-6);
        // Fewer bits are faster, and the larger model is slower.
        let factors: Vec<_> = estimates.iter().map(|found| found.real_time_factor).collect();
        assert!(factors[..4].is_sorted_by(|a, b| a > b) && factors[4..].is_sorted_by(|a, b| a > b));
        assert!(factors[4] > factors[0] && factors[7] > factors[3]);
    }
}
