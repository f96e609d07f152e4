//! Measures how quantising a part of a checkpoint changes its logits: `cargo xtask sensitivity --help`.
#![forbid(unsafe_code)]

mod comparison;
mod parts;
mod speech;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use qwen3_tts_config::ModelConfig;
use qwen3_tts_nn::{Bits, Device, Quantization, Rounding, Weights};
use qwen3_tts_pipeline::ModelFiles;
use qwen3_tts_talker::Talker;

use comparison::Comparison;
use parts::{Part, Policy};
use speech::{Logits, Speech};

/// Quantises one part of a checkpoint after another, and compares its logits with those of the
/// weights as they are.
///
/// The checkpoint speaks each text with its first speakers and its default sampling. For these
/// codes, the logits of every codebook are computed with the weights as they are and with each kind
/// of quantised weights. Printed are the share of codes for which both have the same most likely
/// one, and the mean Kullback-Leibler divergence.
#[derive(Parser)]
#[command(name = "cargo xtask sensitivity")]
struct Arguments {
    /// Checkpoint directory with preset speakers, not quantised [default: the demo voice]
    checkpoint: Option<PathBuf>,
    /// Text to speak; may be given several times [default: six sentences]
    #[arg(long)]
    text: Vec<String>,
    /// Number of speakers.
    #[arg(long, default_value_t = 2)]
    speakers: usize,
    /// Maximum number of 80 ms frames per speech.
    #[arg(long, default_value_t = 100)]
    frames: usize,
    /// Number of threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// Sentences of which none is in the training data of the demo voice.
const TEXTS: [&str; 6] = [
    "Calories granted conspiracy demonstrations added planned.",
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "Seven engineers measured the bridge before the storm arrived.",
    "Please remember to water the plants and feed the neighbour's cat.",
    "A narrow path led through the forest to an abandoned mill.",
    "Tomorrow's lecture explains how glaciers shaped these valleys.",
];

const ROUNDINGS: [(&str, Rounding); 2] =
    [("nearest", Rounding::Nearest), ("least squares", Rounding::LeastSquares)];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(
        arguments.speakers > 0 && arguments.frames > 0,
        "--speakers and --frames are at least 1"
    );
    let bench = match &arguments.checkpoint {
        Some(dir) => Bench::new(&ModelFiles::directory(dir), Weights::open(dir)?, &arguments)?,
        None => {
            let files = || qwen3_tts_demo::custom_voice();
            let weights = files().find(|(name, _)| *name == "model.safetensors");
            let (name, bytes) = weights.context("the demo voice has no weights")?;
            let weights = Weights::from_static(name, bytes)?;
            Bench::new(&ModelFiles::embedded(files()), weights, &arguments)?
        }
    };
    println!(
        "{}: {} frames. Agreement in %, divergence in thousandths of a nat.\n",
        arguments.checkpoint.as_ref().map_or("demo voice".into(), |dir| dir.to_string_lossy()),
        bench.speeches.iter().map(|speech| speech.frames.len()).sum::<usize>()
    );
    bench.print_parts()?;
    bench.print_policies()
}

/// A checkpoint, what it has spoken, and the logits with its weights as they are.
struct Bench {
    config: ModelConfig,
    weights: Weights,
    device: Device,
    speeches: Vec<Speech>,
    exact: Vec<Logits>,
}

impl Bench {
    fn new(files: &ModelFiles, weights: Weights, arguments: &Arguments) -> Result<Self> {
        let config = files.model_config()?;
        let device = Device::cpu(arguments.threads);
        let talker = Talker::load(&config, &weights, &device)?;
        let texts: Vec<&str> = match arguments.text.is_empty() {
            true => TEXTS.to_vec(),
            false => arguments.text.iter().map(String::as_str).collect(),
        };
        let voices = config.talker_config.spk_id.iter().map(|(_, &id)| id);
        let voices: Vec<u32> = voices.take(arguments.speakers).collect();
        ensure!(!voices.is_empty(), "the checkpoint has no preset speakers");
        let speeches = speech::speak(files, &talker, &texts, &voices, arguments.frames)?;
        let exact = speech::all_logits(&talker, &speeches, &device)?;
        Ok(Self { config, weights, device, speeches, exact })
    }

    /// Compares the logits of quantised weights with those of the weights as they are.
    fn compare(&self, quantization: Quantization) -> Result<Comparison> {
        let weights = self.weights.clone().quantize(quantization);
        let talker = Talker::load(&self.config, &weights, &self.device)?;
        let logits = speech::all_logits(&talker, &self.speeches, &self.device)?;
        Ok(Comparison::of(&self.exact, &logits))
    }

    /// Prints a row for each part that is quantised alone.
    fn print_parts(&self) -> Result<()> {
        table::print_parts_head();
        let parts = parts::parts(&self.config);
        for bits in [Bits::Four, Bits::Eight] {
            for part in &parts {
                let weights = part.weights(&self.weights);
                if weights == 0 {
                    continue;
                }
                let compared = ROUNDINGS.map(|(_, rounding)| {
                    self.compare(Part::quantization(&[(part, bits)]).rounding(rounding))
                });
                let [nearest, least_squares] = compared;
                table::print_part(part.name, bits, weights, &[nearest?, least_squares?]);
            }
        }
        println!();
        Ok(())
    }

    /// Prints a row of each codebook's numbers for each choice of bits.
    fn print_policies(&self) -> Result<()> {
        let parts = parts::parts(&self.config);
        let mut rows = Vec::new();
        for policy in &Policy::ALL {
            for (name, rounding) in ROUNDINGS {
                let quantization = policy.quantization(&parts).rounding(rounding);
                let name = format!("{}, {name}", policy.name);
                let bytes = policy.frame_bytes(&parts, &self.weights, &self.config);
                rows.push((name, bytes, self.compare(quantization)?));
            }
        }
        table::print_codebooks("agreement", &rows, |codebook| 100.0 * codebook.agreement());
        table::print_codebooks("divergence", &rows, |codebook| 1000.0 * codebook.divergence());
        Ok(())
    }
}
