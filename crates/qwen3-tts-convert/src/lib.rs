#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

//! A checkpoint in another layout, data type or quantisation.
//!
//! What is written loads in this project and in mlx-audio. The speech tokenizer is copied as it
//! is, but for the file format: mlx-audio, too, keeps it in the published layout and in float32.

mod floats;
mod folder;
mod layer;
mod source;
mod writer;

#[cfg(test)]
mod tests;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use qwen3_tts_kernels::Bits;
use serde_json::{Value, json};

use floats::FloatType;
use folder::NewFolder;
use layer::{Layer, Recipe};
pub use source::Source;
use writer::Writer;

/// Writes a checkpoint in another layout, data type or quantisation.
///
/// A quantised checkpoint is read too, and written in full without --quantize. So is what
/// torch.save wrote (.bin, .pt, .pth), without running any code that it may hold.
#[derive(clap::Args)]
pub struct Arguments {
    /// The directory of the checkpoint.
    input: PathBuf,
    /// The directory to write; it must not be there yet.
    output: PathBuf,
    /// Whose order of axes convolution weights get.
    #[arg(long, value_enum, default_value_t = Layout::Mlx)]
    layout: Layout,
    /// Quantise the matrices of talker and code predictor to this many bits: 8, 6 or 4.
    #[arg(long, value_name = "BITS", value_parser = bits)]
    quantize: Option<Bits>,
    /// Weights that share a scale and a bias: 32, 64 or 128.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = group_size)]
    group_size: usize,
    /// The data type of what is not quantised, and of scales and biases; as it is without this.
    #[arg(long, value_enum)]
    dtype: Option<FloatType>,
    /// Begin another file where one would get larger than this.
    #[arg(long, value_name = "MIB", default_value_t = 5120)]
    shard_size: u64,
}

/// Whose order of axes a convolution's weight has.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Layout {
    /// As published: `[out, in, taps]`.
    Pytorch,
    /// `[out, taps, in]`.
    Mlx,
}

fn bits(text: &str) -> Result<Bits> {
    text.parse().ok().and_then(Bits::new).context("expected 8, 6 or 4")
}

fn group_size(text: &str) -> Result<usize> {
    let size = text.parse()?;
    ensure!(qwen3_tts_kernels::GROUP_SIZES.contains(&size), "expected 32, 64 or 128");
    Ok(size)
}

/// The folder of the speech tokenizer.
const SPEECH: &str = "speech_tokenizer";

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input, output, .. } = arguments;
    ensure!(!output.exists(), "{} is there already: name another directory", output.display());
    let config = read_config(input)?;
    let mut parts = vec![Part::plan(input, &config, arguments.recipe())?];
    let speech = input.join(SPEECH);
    if source::has_pytorch_weights_only(&speech) {
        parts.push(Part::plan(&speech, &Value::Null, Recipe::UNCHANGED)?);
    }
    let converted: &[&str] = if parts.len() > 1 { &[SPEECH] } else { &[] };

    let folder = NewFolder::beside(output)?;
    folder.copy_other_files(input, converted)?;
    let config = serde_json::to_string_pretty(&converted_config(config, arguments))? + "\n";
    folder.write("config.json", &config)?;
    for (part, name) in parts.iter().zip(["", SPEECH]) {
        part.write(&folder.path().join(name), arguments.shard_size << 20)?;
    }
    folder.finish()?;
    println!("{}: {} layers", output.display(), parts[0].layers.len());
    Ok(())
}

impl Arguments {
    fn recipe(&self) -> Recipe {
        Recipe {
            mlx: self.layout == Layout::Mlx,
            quantize: self.quantize.map(|bits| (bits, self.group_size)),
            dtype: self.dtype,
        }
    }
}

fn read_config(input: &Path) -> Result<Value> {
    let path = input.join("config.json");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let config: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    if config["model_type"] != "qwen3_tts" {
        bail!("{}: model_type is {}, expected qwen3_tts", path.display(), config["model_type"]);
    }
    Ok(config)
}

/// The configuration of what is written: mlx-audio and MLX read both names of the section.
fn converted_config(mut config: Value, arguments: &Arguments) -> Value {
    let Some(fields) = config.as_object_mut() else { return config };
    let names = ["quantization", "quantization_config"];
    names.iter().for_each(|name| _ = fields.remove(*name));
    if let Some(bits) = arguments.quantize {
        let group_size = arguments.group_size;
        let section = json!({"group_size": group_size, "bits": bits.get(), "mode": "affine"});
        names.iter().for_each(|name| _ = fields.insert((*name).to_owned(), section.clone()));
    }
    if let Some(dtype) = arguments.dtype {
        for name in ["dtype", "torch_dtype"] {
            if let Some(value) = fields.get_mut(name) {
                *value = json!(dtype.torch_name());
            }
        }
    }
    config
}

/// The weights of one directory and what they become.
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

    fn write(&self, folder: &Path, shard_size: u64) -> Result<()> {
        let outputs = self.layers.iter().flat_map(Layer::outputs).collect();
        let format = if self.recipe.mlx { "mlx" } else { "pt" };
        let mut writer = Writer::create(folder, outputs, format, shard_size)?;
        let total: u64 = self.layers.iter().map(|layer| layer.elements()).sum();
        let mut done = 0;
        for layer in &self.layers {
            progress(done, total);
            let written = layer.write(&self.source, &mut writer);
            written.with_context(|| format!("converting {}", layer.name()))?;
            done += layer.elements();
        }
        progress(done, total);
        writer.finish()
    }
}

/// A line on a terminal, and nothing elsewhere.
fn progress(done: u64, total: u64) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let end = if done == total { "\n" } else { "" };
        let percent = 100 * done / total.max(1);
        // A terminal that cannot be written to is no reason to stop.
        _ = write!(terminal, "\rconverting weights: {percent} %{end}");
        _ = terminal.flush();
    }
}
