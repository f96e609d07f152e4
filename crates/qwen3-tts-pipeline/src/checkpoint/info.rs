//! Summary of a checkpoint, read without loading its weights.

use std::collections::{BTreeMap, BTreeSet};

use qwen3_tts_config::{GenerationConfig, ModelConfig, Quantization, SpeechTokenizerConfig};
use qwen3_tts_nn::{TensorInfo, Weights};
use qwen3_tts_talker::Talker;

use crate::{ModelFiles, Result};

/// Configuration of a checkpoint, and the headers of its weights.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckpointInfo {
    /// Part that speaks; `None` for a speech tokenizer alone.
    pub model: Option<ModelInfo>,
    /// Speech tokenizer.
    pub speech_tokenizer: SpeechTokenizerInfo,
    /// Files by their path in the checkpoint, with their sizes in bytes.
    pub files: Vec<(String, u64)>,
}

/// The part of a checkpoint that speaks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelInfo {
    /// `config.json`.
    pub config: ModelConfig,
    /// `generation_config.json`.
    pub generation: GenerationConfig,
    /// Main weights: talker, code predictor and, in base models, speaker encoder.
    pub weights: WeightsInfo,
}

/// The speech tokenizer of a checkpoint.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SpeechTokenizerInfo {
    /// `speech_tokenizer/config.json`.
    pub config: SpeechTokenizerConfig,
    /// Weights of the decoder and the encoder.
    pub weights: WeightsInfo,
}

/// Weights as the headers of their files describe them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WeightsInfo {
    /// Number of weights. A quantised matrix counts as the matrix that it stands for.
    pub parameters: u64,
    /// Data types, as the files name them.
    pub dtypes: Vec<String>,
    /// Groups that matrices are quantised in, except those of the code predictor.
    pub groups: BTreeSet<Groups>,
    /// Groups that matrices of the code predictor are quantised in.
    pub code_predictor_groups: BTreeSet<Groups>,
}

/// Affine groups of quantised weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Groups {
    /// Bits of a weight.
    pub bits: usize,
    /// Number of weights that share a scale and a bias.
    pub group_size: usize,
}

impl CheckpointInfo {
    /// Reads the configuration and the headers of the weights.
    ///
    /// # Errors
    /// Returns an error if a file is missing or damaged.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let model = match files.is_speech_tokenizer_alone() {
            true => None,
            false => Some(ModelInfo::read(files)?),
        };
        let speech_tokenizer = SpeechTokenizerInfo {
            config: files.speech_tokenizer_config()?,
            weights: WeightsInfo::new(&files.speech_tokenizer_weights()?, None),
        };
        Ok(Self { model, speech_tokenizer, files: files.sizes() })
    }
}

impl ModelInfo {
    fn read(files: &ModelFiles) -> Result<Self> {
        let config = files.model_config()?;
        let weights = WeightsInfo::new(&files.talker_weights()?, config.weight_quantization());
        Ok(Self { generation: files.generation_config()?, config, weights })
    }
}

impl WeightsInfo {
    fn new(weights: &Weights, scheme: Option<&Quantization>) -> Self {
        let tensors: BTreeMap<String, TensorInfo> =
            weights.infos().map(|tensor| (tensor.name.clone(), tensor)).collect();
        let mut info = Self {
            parameters: 0,
            dtypes: tensors.values().map(|tensor| tensor.dtype.clone()).collect(),
            groups: BTreeSet::new(),
            code_predictor_groups: BTreeSet::new(),
        };
        info.dtypes.sort();
        info.dtypes.dedup();
        for (name, tensor) in &tensors {
            let parameters = match quantized(name, &tensors, scheme) {
                None => elements(tensor),
                // The scales and biases are part of their matrix.
                Some(_) if !name.ends_with(".weight") => 0,
                Some((groups, weights)) => {
                    info.groups_of(name).insert(groups);
                    weights
                }
            };
            info.parameters = info.parameters.saturating_add(parameters);
        }
        info
    }

    fn groups_of(&mut self, name: &str) -> &mut BTreeSet<Groups> {
        match Talker::is_code_predictor(name) {
            true => &mut self.code_predictor_groups,
            false => &mut self.groups,
        }
    }
}

/// Returns the groups and the number of weights of the quantised matrix that the tensor `name` is a
/// part of.
fn quantized(
    name: &str,
    tensors: &BTreeMap<String, TensorInfo>,
    scheme: Option<&Quantization>,
) -> Option<(Groups, u64)> {
    let (layer, part) = name.rsplit_once('.')?;
    if !["weight", "scales", "biases"].contains(&part) {
        return None;
    }
    let packed = tensors.get(&format!("{layer}.weight"))?;
    let scales = tensors.get(&format!("{layer}.scales"))?;
    let groups = Groups::of(packed, scales, scheme.map(|scheme| scheme.of_layer(layer)))?;
    Some((groups, elements(scales).saturating_mul(groups.group_size as u64)))
}

impl Groups {
    /// Returns the groups of a matrix from the shapes of its tensors: those that `named` gives as
    /// group size and bits, if they fit, else MLX's usual group size, if that fits.
    fn of(packed: &TensorInfo, scales: &TensorInfo, named: Option<(usize, usize)>) -> Option<Self> {
        let (&[rows, words], &[groups_rows, groups]) = (&packed.shape[..], &scales.shape[..])
        else {
            return None;
        };
        if packed.dtype != "U32" || rows != groups_rows || groups == 0 {
            return None;
        }
        let fits = |&(group_size, bits): &(usize, usize)| {
            let bits = group_size.checked_mul(bits).and_then(|bits| bits.checked_mul(groups));
            bits.is_some_and(|bits| words.checked_mul(32) == Some(bits))
        };
        let usual = [64, 32, 128].into_iter().flat_map(|group_size| {
            Quantization::BITS.into_iter().map(move |bits| (group_size, bits))
        });
        let (group_size, bits) = named.into_iter().chain(usual).find(fits)?;
        Some(Self { bits, group_size })
    }
}

fn elements(tensor: &TensorInfo) -> u64 {
    tensor.shape.iter().fold(1, |n: u64, &size| n.saturating_mul(size as u64))
}
