//! The conversion of a checkpoint directory.
//!
//! The output loads in this project and in mlx-audio. The speech tokenizer keeps the published
//! layout and float32, as in mlx-audio; only its file format changes, and only if `torch.save`
//! wrote it.

use std::path::Path;

use qwen3_tts_kernels::Context;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::folder::{NewFolder, check_output};
use crate::layer::{self, Layer, Recipe};
use crate::options::{ConvertOptions, Layout};
use crate::source::{self, Source};
use crate::writer::Writer;

/// Folder of the speech tokenizer.
const SPEECH: &str = "speech_tokenizer";

/// A conversion that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Converted {
    /// Number of tensors of the main part; a quantised matrix counts once.
    pub tensors: usize,
    /// Number of weights that were written.
    pub weights: u64,
    /// Size in bytes of the tensors that were written.
    pub bytes: u64,
    /// Size in bytes of the same tensors in the source.
    pub source_bytes: u64,
}

/// Progress of a conversion.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// Number of weights that are written.
    pub done: u64,
    /// Number of weights that there are to write.
    pub total: u64,
    /// Directory that is being written, which is renamed to the output at the end. A process that
    /// is interrupted leaves it behind.
    pub draft: &'a Path,
}

/// Writes the checkpoint in the directory `source` to the new directory `output`.
///
/// The source may hold safetensors files in either layout, weights that MLX quantised, or what
/// `torch.save` wrote. Files other than weights are copied. The output appears under its name when
/// it is complete. `on_progress` is called before the first byte is written and after each tensor.
///
/// # Errors
/// Returns an [`Error`] that names the file if `source` is no checkpoint or `output` cannot be
/// written; nothing is left behind then but the parent directory of `output`.
pub fn convert(
    source: impl AsRef<Path>,
    output: impl AsRef<Path>,
    options: &ConvertOptions,
    on_progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Converted> {
    let (source, output) = (source.as_ref(), output.as_ref());
    check_output(output)?;
    let config = read_config(source)?;
    let mut parts = vec![Part::plan(source, &config, recipe(options))?];
    let speech = source.join(SPEECH);
    if source::has_pytorch_weights_only(&speech) {
        parts.push(Part::plan(&speech, &Value::Null, Recipe::UNCHANGED)?);
    }
    let converted: &[&str] = if parts.len() > 1 { &[SPEECH] } else { &[] };

    let folder = NewFolder::beside(output)?;
    let total = parts.iter().map(Part::elements).sum();
    let source_bytes = parts.iter().map(Part::source_bytes).sum();
    let mut done = 0;
    let mut advance = |weights: u64| {
        done += weights;
        on_progress(Progress { done, total, draft: folder.path() });
    };
    advance(0);
    folder.copy_other_files(source, converted)?;
    folder.write("config.json", &format!("{:#}\n", converted_config(config, options)))?;
    let mut bytes = 0;
    for (part, name) in parts.iter().zip(["", SPEECH]) {
        bytes += part.write(&folder.path().join(name), options.shard_size, &mut advance)?;
    }
    folder.finish()?;
    Ok(Converted { tensors: parts[0].layers.len(), weights: total, bytes, source_bytes })
}

fn recipe(options: &ConvertOptions) -> Recipe {
    Recipe {
        mlx: options.layout == Layout::Mlx,
        quantize: options.quantization,
        requantize: options.requantize,
        dtype: options.dtype,
    }
}

fn read_config(dir: &Path) -> Result<Value> {
    let path = dir.join("config.json");
    let bytes = qwen3_tts_files::read(&path).map_err(Error::reading(&path))?;
    let text =
        qwen3_tts_files::text(bytes).map_err(|wrong| Error::malformed(&path, wrong.to_string()))?;
    let config: Value = serde_json::from_str(&text)
        .map_err(|error| Error::malformed(&path, format!("not valid JSON ({error})")))?;
    if config["model_type"] != "qwen3_tts" {
        let found = &config["model_type"];
        let reason = format!("`model_type` is {found}; expected \"qwen3_tts\"");
        return Err(Error::malformed(&path, reason));
    }
    Ok(config)
}

/// Returns the configuration of the output. mlx-audio and MLX read the section of the
/// quantisation under one name each.
fn converted_config(mut config: Value, options: &ConvertOptions) -> Value {
    let Some(fields) = config.as_object_mut() else { return config };
    for name in ["quantization", "quantization_config"] {
        fields.remove(name);
        if let Some(quantization) = options.quantization {
            let (bits, group_size) = (quantization.bits(), quantization.group_size());
            let section = json!({"group_size": group_size, "bits": bits, "mode": "affine"});
            fields.insert(name.to_owned(), section);
        }
    }
    if let Some(dtype) = options.dtype {
        for name in ["dtype", "torch_dtype"] {
            if let Some(value) = fields.get_mut(name) {
                *value = json!(dtype.torch_name());
            }
        }
    }
    config
}

/// Weights of one directory, and what becomes of them.
struct Part {
    source: Source,
    layers: Vec<Layer>,
    recipe: Recipe,
}

impl Part {
    fn plan(dir: &Path, config: &Value, recipe: Recipe) -> Result<Self> {
        let source = Source::open(dir)?;
        let layers = layer::plan(&source, config, recipe)?;
        Ok(Self { source, layers, recipe })
    }

    fn elements(&self) -> u64 {
        self.layers.iter().map(Layer::elements).sum()
    }

    /// Returns the size of the tensors in the source in bytes.
    fn source_bytes(&self) -> u64 {
        self.layers.iter().map(Layer::source_bytes).sum()
    }

    /// Writes all weights and returns their size in bytes; tells `advance` the number of weights
    /// of each layer.
    fn write(&self, dir: &Path, shard_size: u64, advance: &mut dyn FnMut(u64)) -> Result<u64> {
        let outputs: Vec<_> = self.layers.iter().flat_map(Layer::outputs).collect();
        let bytes = outputs.iter().map(|output| output.len).sum();
        let format = if self.recipe.mlx { "mlx" } else { "pt" };
        let mut writer = Writer::create(dir, outputs, format, shard_size)?;
        // The pool has as many threads as the process has cores.
        let context = Context::new(usize::MAX);
        for layer in &self.layers {
            layer.write(&self.source, &mut writer, &context)?;
            advance(layer.elements());
        }
        writer.finish()?;
        Ok(bytes)
    }
}
