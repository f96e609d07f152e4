//! Summary of a checkpoint, read without loading its weights.

use std::collections::{BTreeMap, BTreeSet};

use qwen3_tts_config::{GenerationConfig, ModelConfig, Quantization, SpeechTokenizerConfig};
use qwen3_tts_nn::{TensorInfo, Weights};
use qwen3_tts_talker::Talker;

use crate::{ModelFiles, Result};

/// Configuration of a checkpoint, and the headers of its weights.
///
/// Quantised matrices count as the matrices that they stand for, and are described by the bits of a
/// weight and the number of weights that share a scale and a bias.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckpointInfo {
    /// `config.json`; `None` for a speech tokenizer alone.
    pub model: Option<ModelConfig>,
    /// `generation_config.json`; `None` for a speech tokenizer alone.
    pub generation: Option<GenerationConfig>,
    /// `speech_tokenizer/config.json`.
    pub speech_tokenizer: SpeechTokenizerConfig,
    /// Number of main weights: talker, code predictor and, in base models, speaker encoder.
    pub parameters: u64,
    /// Data types of the main weights, as the files name them.
    pub dtypes: Vec<String>,
    /// Bits and group sizes of the main weights, except those of the code predictor.
    pub groups: BTreeSet<(usize, usize)>,
    /// Bits and group sizes of the code predictor's weights.
    pub code_predictor_groups: BTreeSet<(usize, usize)>,
    /// Number of weights of the speech tokenizer's decoder and encoder.
    pub speech_tokenizer_parameters: u64,
    /// Data types of the speech tokenizer's weights, as the files name them.
    pub speech_tokenizer_dtypes: Vec<String>,
    /// Bits and group sizes of the speech tokenizer's weights.
    pub speech_tokenizer_groups: BTreeSet<(usize, usize)>,
    /// Files by their path in the checkpoint, with their sizes in bytes.
    pub files: Vec<(String, u64)>,
}

impl CheckpointInfo {
    /// Reads the configuration and the headers of the weights.
    ///
    /// # Errors
    /// Returns an error if a file is missing or damaged.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let has_model = !files.is_speech_tokenizer_alone();
        let model = has_model.then(|| files.model_config()).transpose()?;
        let generation = has_model.then(|| files.generation_config()).transpose()?;
        let scheme = model.as_ref().and_then(ModelConfig::weight_quantization);
        let main = match has_model {
            true => Summary::new(&files.talker_weights()?, scheme),
            false => Summary::default(),
        };
        let codec = Summary::new(&files.speech_tokenizer_weights()?, None);
        Ok(Self {
            speech_tokenizer: files.speech_tokenizer_config()?,
            parameters: main.parameters,
            dtypes: main.dtypes.into_iter().collect(),
            groups: main.groups,
            code_predictor_groups: main.code_predictor_groups,
            speech_tokenizer_parameters: codec.parameters,
            speech_tokenizer_dtypes: codec.dtypes.into_iter().collect(),
            speech_tokenizer_groups: codec.groups,
            files: files.sizes(),
            generation,
            model,
        })
    }
}

/// Weights as the headers of their files describe them.
#[derive(Default)]
struct Summary {
    parameters: u64,
    dtypes: BTreeSet<String>,
    groups: BTreeSet<(usize, usize)>,
    code_predictor_groups: BTreeSet<(usize, usize)>,
}

impl Summary {
    fn new(weights: &Weights, scheme: Option<&Quantization>) -> Self {
        let tensors: BTreeMap<String, TensorInfo> =
            weights.infos().map(|tensor| (tensor.name.clone(), tensor)).collect();
        let mut summary = Self {
            dtypes: tensors.values().map(|tensor| tensor.dtype.clone()).collect(),
            ..Self::default()
        };
        for (name, tensor) in &tensors {
            let parameters = match quantized(name, &tensors, scheme) {
                None => elements(tensor),
                // The scales and biases are part of their matrix.
                Some(_) if !name.ends_with(".weight") => 0,
                Some((groups, weights)) => {
                    summary.groups_of(name).insert(groups);
                    weights
                }
            };
            summary.parameters = summary.parameters.saturating_add(parameters);
        }
        summary
    }

    fn groups_of(&mut self, name: &str) -> &mut BTreeSet<(usize, usize)> {
        match Talker::is_code_predictor(name) {
            true => &mut self.code_predictor_groups,
            false => &mut self.groups,
        }
    }
}

/// Returns bits and group size, and the number of weights, of the quantised matrix that the tensor
/// `name` is a part of.
fn quantized(
    name: &str,
    tensors: &BTreeMap<String, TensorInfo>,
    scheme: Option<&Quantization>,
) -> Option<((usize, usize), u64)> {
    let (layer, part) = name.rsplit_once('.')?;
    if !["weight", "scales", "biases"].contains(&part) {
        return None;
    }
    let packed = tensors.get(&format!("{layer}.weight"))?;
    let scales = tensors.get(&format!("{layer}.scales"))?;
    let named = scheme.map(|scheme| scheme.of_layer(layer));
    let (group_size, bits) = group_size_and_bits(packed, scales, named)?;
    Some(((bits, group_size), elements(scales).saturating_mul(group_size as u64)))
}

/// Returns group size and bits of a matrix from the shapes of its tensors: `named` if it fits, else
/// one of MLX's usual group sizes.
fn group_size_and_bits(
    packed: &TensorInfo,
    scales: &TensorInfo,
    named: Option<(usize, usize)>,
) -> Option<(usize, usize)> {
    let (&[rows, words], &[groups_rows, groups]) = (&packed.shape[..], &scales.shape[..]) else {
        return None;
    };
    if packed.dtype != "U32" || rows != groups_rows || groups == 0 {
        return None;
    }
    let usual = [64, 32, 128]
        .into_iter()
        .flat_map(|size| Quantization::BITS.into_iter().map(move |bits| (size, bits)));
    named.into_iter().chain(usual).find(|&(group_size, bits)| {
        let bits = group_size.checked_mul(bits).and_then(|bits| bits.checked_mul(groups));
        bits.is_some_and(|bits| words.checked_mul(32) == Some(bits))
    })
}

fn elements(tensor: &TensorInfo) -> u64 {
    tensor.shape.iter().fold(1, |n: u64, &size| n.saturating_mul(size as u64))
}
