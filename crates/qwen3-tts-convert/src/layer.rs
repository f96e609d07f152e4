//! The conversion of each tensor.

use std::collections::HashSet;
use std::path::Path;

use half::bf16;
use qwen3_tts_kernels::{
    Affine, AffineGroups, Bits, Context, Floats, GROUP_SIZES, quantize, transpose, widen,
};
use safetensors::Dtype;
use serde_json::Value;

use crate::error::{Error, Fault, Result, bail, ensure};
use crate::floats::{FloatType, decode};
use crate::options::Quantization;
use crate::source::{Source, Tensor};
use crate::writer::{Output, Writer};

/// Conversion of all tensors of a directory.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// True for convolutions as `[out, taps, in]`, false for `[out, in, taps]`.
    pub mlx: bool,
    /// Groups to quantise to.
    pub quantize: Option<Quantization>,
    /// True to quantise matrices again that are quantised in another way.
    pub requantize: bool,
    /// Data type, if another than that of the source.
    pub dtype: Option<FloatType>,
}

impl Recipe {
    /// PyTorch's layout, and everything else as it is.
    pub const UNCHANGED: Self = Self { mlx: false, quantize: None, requantize: false, dtype: None };
}

/// A tensor of the source, or the three tensors of a quantised matrix, and their conversion.
pub struct Layer {
    name: String,
    stored: Stored,
    /// Shape of the output before quantisation.
    shape: Vec<usize>,
    target: Target,
}

enum Stored {
    /// Floats, or a tensor that is only copied.
    Plain(Tensor),
    Affine {
        packed: Tensor,
        scales: Tensor,
        biases: Tensor,
        /// Bits of a weight in the file.
        stored_bits: usize,
        group_size: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    /// The same bytes.
    Same,
    Floats(FloatType),
    /// A convolution with its last two axes exchanged.
    Swapped(FloatType),
    Affine {
        quantization: Quantization,
        /// Type of scales and biases.
        parameters: FloatType,
    },
}

/// Number of weights in memory at a time; whole groups of every size.
const RUN: usize = 4 << 20;

/// Returns every layer of a checkpoint.
pub fn plan(source: &Source, config: &Value, recipe: Recipe) -> Result<Vec<Layer>> {
    let packed = |base: &str| {
        let weight = source.tensors.get(&format!("{base}.weight"));
        weight.is_some_and(|tensor| tensor.dtype == Dtype::U32)
    };
    let mut layers = Vec::new();
    let mut names = HashSet::from(["__metadata__".to_owned()]);
    for (name, tensor) in &source.tensors {
        let base = name.strip_suffix(".scales").or(name.strip_suffix(".biases"));
        if base.is_some_and(packed) {
            continue;
        }
        let layer = Layer::plan(source, config, name, tensor, recipe)
            .map_err(|fault| fault.within(&format!("tensor `{name}`")).of(source.path(tensor)))?;
        if !recipe.requantize {
            layer.check_quantised_once(source.path(tensor))?;
        }
        for Output { name, .. } in layer.outputs() {
            if names.contains(&name) {
                let reason = format!("the output cannot have a second tensor `{name}`");
                return Err(Error::malformed(source.path(tensor), reason));
            }
            names.insert(name);
        }
        layers.push(layer);
    }
    Ok(layers)
}

impl Layer {
    fn plan(
        source: &Source,
        config: &Value,
        name: &str,
        tensor: &Tensor,
        recipe: Recipe,
    ) -> Result<Self, Fault> {
        let stored = match tensor.dtype {
            Dtype::U32 => affine(source, config, name, tensor)?,
            _ => Stored::Plain(tensor.clone()),
        };
        let mut shape = stored.shape();
        let target = target(name, &stored, &shape, recipe);
        if let Target::Swapped(_) = target {
            shape.swap(1, 2);
        }
        Ok(Self { name: name.to_owned(), stored, shape, target })
    }

    /// Returns the number of weights.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product::<usize>() as u64
    }

    /// Returns the size of its tensors in the source in bytes.
    pub fn source_bytes(&self) -> u64 {
        match &self.stored {
            Stored::Plain(tensor) => tensor.len,
            Stored::Affine { packed, scales, biases, .. } => packed.len + scales.len + biases.len,
        }
    }

    /// Checks that a matrix that is quantised in the file `path` is not quantised again.
    fn check_quantised_once(&self, path: &Path) -> Result<()> {
        let (&Stored::Affine { stored_bits, group_size, .. }, Target::Affine { quantization, .. }) =
            (&self.stored, self.target)
        else {
            return Ok(());
        };
        Err(Error::Requantize {
            path: path.to_owned(),
            tensor: self.name.clone(),
            bits: stored_bits,
            group_size,
            wanted_bits: quantization.bits(),
            wanted_group_size: quantization.group_size(),
        })
    }

    /// Returns the tensors to be written.
    pub fn outputs(&self) -> Vec<Output> {
        let output = |name: &str, dtype: Dtype, shape: &[usize], len: u64| Output {
            name: name.to_owned(),
            dtype,
            shape: shape.to_vec(),
            len,
        };
        let n = self.elements();
        match (self.target, &self.stored) {
            (Target::Floats(dtype) | Target::Swapped(dtype), _) => {
                vec![output(&self.name, dtype.stored(), &self.shape, n * dtype.size())]
            }
            (Target::Affine { quantization, parameters }, _) => {
                let (bits, group_size) = (quantization.bits(), quantization.group_size());
                let (rows, cols) = (self.shape[0], self.shape[1]);
                let (words, groups) = (cols * bits / 32, cols / group_size);
                let len = n / group_size as u64 * parameters.size();
                let parameter = |part| {
                    let name = sibling(&self.name, part);
                    output(&name, parameters.stored(), &[rows, groups], len)
                };
                let packed = n * bits as u64 / 8;
                vec![
                    output(&self.name, Dtype::U32, &[rows, words], packed),
                    parameter("scales"),
                    parameter("biases"),
                ]
            }
            (Target::Same, Stored::Plain(tensor)) => {
                vec![output(&self.name, tensor.dtype, &self.shape, tensor.len)]
            }
            (Target::Same, Stored::Affine { packed, scales, biases, .. }) => {
                let parts = [("weight", packed), ("scales", scales), ("biases", biases)];
                let output = |(part, tensor): (&str, &Tensor)| {
                    output(&sibling(&self.name, part), tensor.dtype, &tensor.shape, tensor.len)
                };
                parts.map(output).into()
            }
        }
    }

    /// Converts the layer, on the threads of `context`, and writes its tensors.
    pub fn write(&self, source: &Source, writer: &mut Writer, context: &Context) -> Result<()> {
        match (self.target, &self.stored) {
            (Target::Same, Stored::Plain(tensor)) => copy(source, &self.name, tensor, writer),
            (Target::Same, Stored::Affine { packed, scales, biases, .. }) => {
                copy(source, &self.name, packed, writer)?;
                copy(source, &sibling(&self.name, "scales"), scales, writer)?;
                copy(source, &sibling(&self.name, "biases"), biases, writer)
            }
            (Target::Swapped(dtype), stored) => {
                let values = stored.values(source, 0, self.elements() as usize)?;
                // The shape is already that of the output.
                let swapped = transpose(&values, self.shape[2], self.shape[1]);
                writer.write(&self.name, 0, &dtype.encode(&swapped))
            }
            _ => self.write_runs(source, writer, context),
        }
    }

    fn write_runs(&self, source: &Source, writer: &mut Writer, context: &Context) -> Result<()> {
        let (n, mut at) = (self.elements() as usize, 0);
        while at < n {
            let len = (n - at).min(RUN);
            let mut values = self.stored.values(source, at, len)?;
            match self.target {
                Target::Affine { quantization, parameters } => {
                    parameters.round(&mut values);
                    let groups = quantized(context, &values, quantization, parameters);
                    let from = (at * quantization.bits() / 8) as u64;
                    writer.write(&self.name, from, &groups.packed)?;
                    let from = (at / quantization.group_size()) as u64 * parameters.size();
                    for (part, values) in [("scales", groups.scales), ("biases", groups.biases)] {
                        let bytes = parameters.encode(&values);
                        writer.write(&sibling(&self.name, part), from, &bytes)?;
                    }
                }
                Target::Floats(dtype) => {
                    writer.write(&self.name, at as u64 * dtype.size(), &dtype.encode(&values))?;
                }
                Target::Same | Target::Swapped(_) => unreachable!("written whole"),
            }
            at += len;
        }
        Ok(())
    }
}

/// Writes the bytes of a tensor as they are.
fn copy(source: &Source, name: &str, tensor: &Tensor, writer: &mut Writer) -> Result<()> {
    let mut at = 0;
    while at < tensor.len {
        let len = (tensor.len - at).min(RUN as u64);
        writer.write(name, at, &source.read(tensor, at, len as usize)?)?;
        at += len;
    }
    Ok(())
}

impl Stored {
    fn shape(&self) -> Vec<usize> {
        match self {
            Self::Plain(tensor) => tensor.shape.clone(),
            Self::Affine { scales, group_size, .. } => {
                vec![scales.shape[0], scales.shape[1] * group_size]
            }
        }
    }

    /// Returns the type that its floats are written in; `None` if they are no floats. float16,
    /// which is never written, becomes float32.
    fn float_type(&self) -> Option<FloatType> {
        let tensor = match self {
            Self::Plain(tensor) => tensor,
            Self::Affine { scales, .. } => scales,
        };
        match tensor.dtype {
            Dtype::BF16 => Some(FloatType::Bf16),
            Dtype::F32 | Dtype::F16 => Some(FloatType::F32),
            _ => None,
        }
    }

    /// Returns true for a matrix that has these groups, with scales and biases of this type.
    fn is_quantized_as(&self, quantization: Quantization, parameters: FloatType) -> bool {
        matches!(self, Self::Affine { scales, stored_bits, group_size, .. }
            if (*stored_bits, *group_size) == (quantization.bits(), quantization.group_size())
                && scales.dtype == parameters.stored())
    }

    /// Reads `len` weights from `from` on; whole groups if they are quantised.
    fn values(&self, source: &Source, from: usize, len: usize) -> Result<Vec<f32>> {
        match self {
            Self::Plain(tensor) => floats(source, tensor, from, len),
            Self::Affine { packed, scales, biases, stored_bits, group_size } => {
                let (first, groups) = (from / group_size, len / group_size);
                let scales = floats(source, scales, first, groups)?;
                let biases = floats(source, biases, first, groups)?;
                let byte = (from * stored_bits / 8) as u64;
                let packed = source.read(packed, byte, len * stored_bits / 8)?;
                let bits = Bits::holding(*stored_bits).expect("checked when it was planned");
                let packed = widen(&packed, *stored_bits, bits);
                let affine = Affine {
                    bits,
                    group_size: *group_size,
                    packed: &packed,
                    scales: Floats::F32(&scales),
                    biases: Floats::F32(&biases),
                };
                let mut values = vec![0.0; len];
                affine.dequantize(0, &mut values);
                Ok(values)
            }
        }
    }
}

/// Quantises weights; scales and biases have values of the type `parameters`.
fn quantized(
    context: &Context,
    weights: &[f32],
    quantization: Quantization,
    parameters: FloatType,
) -> AffineGroups {
    let (bits, group_size) = (quantization.width(), quantization.group_size());
    let (weights, rounding) = (Floats::F32(weights), quantization.chosen_rounding());
    match parameters {
        FloatType::F32 => quantize(context, weights, bits, group_size, rounding),
        FloatType::Bf16 => {
            let groups: AffineGroups<bf16> = quantize(context, weights, bits, group_size, rounding);
            let widen = |values: Vec<bf16>| values.into_iter().map(bf16::to_f32).collect();
            AffineGroups {
                packed: groups.packed,
                scales: widen(groups.scales),
                biases: widen(groups.biases),
            }
        }
    }
}

fn floats(source: &Source, tensor: &Tensor, from: usize, len: usize) -> Result<Vec<f32>> {
    let size = tensor.dtype.bitsize() / 8;
    let bytes = source.read(tensor, (from * size) as u64, len * size)?;
    Ok(decode(&bytes, tensor.dtype).expect("only floats are converted"))
}

/// Returns the three tensors of a matrix that MLX quantised. The group size is read from
/// config.json; the number of bits follows from it and the shapes.
fn affine(source: &Source, config: &Value, name: &str, packed: &Tensor) -> Result<Stored, Fault> {
    let part = |part| {
        let name = sibling(name, part);
        let Some(tensor) = source.tensors.get(&name) else { bail!("`{name}` is missing") };
        Ok(tensor.clone())
    };
    let (scales, biases) = (part("scales")?, part("biases")?);
    ensure!(
        scales.dtype == biases.dtype
            && matches!(scales.dtype, Dtype::BF16 | Dtype::F16 | Dtype::F32),
        "scales of type {} and biases of type {}, expected BF16, F16 or F32 for both",
        scales.dtype,
        biases.dtype
    );
    let section = match &config["quantization"] {
        Value::Null => &config["quantization_config"],
        section => section,
    };
    let own = &section[name.strip_suffix(".weight").unwrap_or(name)];
    let setting = |key: &str| own[key].as_u64().or(section[key].as_u64());
    let Some(group_size) = setting("group_size") else {
        bail!("it is quantised, but config.json has no `quantization.group_size`")
    };
    let group_size = usize::try_from(group_size).unwrap_or(usize::MAX);
    ensure!(
        GROUP_SIZES.contains(&group_size),
        "config.json has groups of {group_size}, expected 32, 64 or 128"
    );
    let fits = packed.shape.len() == 2
        && scales.shape.len() == 2
        && scales.shape == biases.shape
        && scales.shape[0] == packed.shape[0]
        && scales.shape[1] > 0;
    let width = |cols: usize| {
        let bits = packed.shape[1].checked_mul(32)?;
        bits.is_multiple_of(cols).then_some(bits / cols)
    };
    let cols = if fits { scales.shape[1].checked_mul(group_size) } else { None };
    let known = |bits: &usize| Bits::STORED.contains(bits);
    let Some(stored_bits) = cols.and_then(width).filter(known) else {
        let (packed, scales, biases) = (&packed.shape, &scales.shape, &biases.shape);
        bail!(
            "shapes {packed:?}, scales {scales:?} and biases {biases:?} are not those of 2, \
             3, 4, 5, 6 or 8 bits in groups of {group_size}"
        )
    };
    let named = setting("bits").unwrap_or(stored_bits as u64);
    ensure!(
        named == stored_bits as u64,
        "its shape is that of {stored_bits} bits in groups of {group_size}, but config.json says \
         {named} bits"
    );
    Ok(Stored::Affine { packed: packed.clone(), scales, biases, stored_bits, group_size })
}

fn target(name: &str, stored: &Stored, shape: &[usize], recipe: Recipe) -> Target {
    let Some(own) = stored.float_type() else { return Target::Same };
    let dtype = recipe.dtype.unwrap_or(own);
    if let Some(quantization) = recipe.quantize
        && is_quantized(name, shape, quantization.group_size())
    {
        return match stored.is_quantized_as(quantization, dtype) {
            true => Target::Same,
            false => Target::Affine { quantization, parameters: dtype },
        };
    }
    match stored {
        Stored::Plain(tensor) if is_convolution(name, shape) && tensor.mlx != recipe.mlx => {
            Target::Swapped(dtype)
        }
        Stored::Plain(tensor) if dtype == own && tensor.dtype != Dtype::F16 => Target::Same,
        _ => Target::Floats(dtype),
    }
}

/// Returns true for the layers that mlx-audio quantises (`model_quant_predicate` of its
/// qwen3_tts): the matrices of talker and code predictor, but no embedding, if 64 and the group
/// size divide the inputs.
fn is_quantized(name: &str, shape: &[usize], group_size: usize) -> bool {
    let kept = ["codec_embedding", "text_embedding", "speech_tokenizer", "speaker_encoder"];
    let divides = |cols: usize| cols.is_multiple_of(64) && cols.is_multiple_of(group_size);
    name.ends_with(".weight")
        && !kept.iter().any(|part| name.contains(part))
        && shape.len() == 2
        && divides(shape[1])
}

/// Returns true for the convolutions of the main part, which are those of the speaker encoder.
fn is_convolution(name: &str, shape: &[usize]) -> bool {
    name.starts_with("speaker_encoder.") && name.ends_with(".weight") && shape.len() == 3
}

fn sibling(weight: &str, part: &str) -> String {
    format!("{}{part}", weight.strip_suffix("weight").unwrap_or(weight))
}
