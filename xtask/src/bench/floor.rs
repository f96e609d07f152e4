//! The lower bound of decoding: the weight bytes that a frame reads.

use std::path::Path;

use anyhow::{Context, Result};
use qwen3_tts_nn::Weights;
use serde_json::Value;

use super::kind::Kind;

/// The weights that the matrix products of one frame read.
pub struct FrameBytes {
    talker: Part,
    code_predictor: Part,
}

/// Numbers of weights, and of their bytes in the file, of one part of the model.
#[derive(Default)]
struct Part {
    weights: u64,
    bytes: u64,
}

impl FrameBytes {
    /// Sums the matrices of a checkpoint: the talker's once, the code predictor's once per step,
    /// and each of its heads once.
    pub fn of(checkpoint: &Path, config: &Value) -> Result<Self> {
        let groups = config["talker_config"]["num_code_groups"].as_u64();
        let steps = groups.context("config.json has no talker_config.num_code_groups")? - 1;
        let (mut talker, mut code_predictor) = (Part::default(), Part::default());
        for tensor in Weights::open(checkpoint)?.infos() {
            let name = tensor.name.as_str();
            if tensor.shape.len() != 2 || !name.ends_with(".weight") {
                continue;
            }
            let weights = tensor.shape.iter().product::<usize>() as u64;
            let add = |part: &mut Part, times: u64| {
                part.weights += weights * times;
                part.bytes += tensor.bytes as u64 * times;
            };
            let name = name.strip_prefix("talker.").unwrap_or(name);
            if name.starts_with("model.layers.") || name.starts_with("codec_head.") {
                add(&mut talker, 1);
            } else if name.starts_with("code_predictor.lm_head.") {
                add(&mut code_predictor, 1);
            } else if name.starts_with("code_predictor.model.layers.")
                || name.starts_with("code_predictor.small_to_mtp_projection.")
            {
                add(&mut code_predictor, steps);
            }
        }
        Ok(Self { talker, code_predictor })
    }

    /// Returns the number of bytes that a frame reads with weights of this kind.
    pub fn read(&self, kind: &Kind) -> u64 {
        let bytes = |part: &Part, bits: Option<u64>| match bits {
            None => part.bytes,
            // A group of 64 weights has a scale and a bias of 16 bits each.
            Some(bits) => (part.weights * (2 * bits + 1)) / 16,
        };
        bytes(&self.talker, kind.talker) + bytes(&self.code_predictor, kind.code_predictor)
    }
}
