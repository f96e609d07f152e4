//! `cargo xtask bench`: times the release build on a full-size checkpoint, stage by stage.

mod floor;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use qwen3_tts_kernels::Pool;
use serde_json::Value;

use crate::{json_file, oracle, release, workspace};
use floor::FrameBytes;
use table::{Row, Table};

/// Speaks one text greedily with each kind of weights in turn, several times, and prints the
/// medians: time per stage, memory, and the ratio of decoding time to its lower bound.
///
/// The lower bound for a frame is the time to read the weights of its matrix products once, at the
/// memory bandwidth measured in the same run. Do not use the machine meanwhile.
#[derive(clap::Args)]
pub struct Arguments {
    /// A checkpoint directory: custom voice or voice design, not quantised.
    checkpoint: PathBuf,
    /// Kinds of weights, in the form of `speak --quantize`.
    #[arg(long, num_args = 1.., default_values = ["none", "8", "talker=4,code-predictor=8", "4"])]
    quantize: Vec<String>,
    /// Number of 80 ms frames to generate.
    #[arg(long, default_value_t = 50)]
    frames: usize,
    /// Text to speak.
    #[arg(
        long,
        default_value = "The quick brown fox jumps over the lazy dog near the river bank."
    )]
    text: String,
    /// Number of threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Number of runs of each.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Another build of the command, run in turn with this one.
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.runs > 0 && arguments.frames > 0, "--runs and --frames must be at least 1");
    let program = release::build()?;
    let config = json_file::read(&arguments.checkpoint.join("config.json"))?;
    let out = workspace().join("target/bench");
    std::fs::create_dir_all(&out).with_context(|| format!("creating {}", out.display()))?;
    let bytes = FrameBytes::of(&arguments.checkpoint, &config)?;
    let programs = [Some(("", program)), arguments.beside.clone().map(|path| ("beside: ", path))];
    let programs: Vec<_> = programs.into_iter().flatten().collect();
    let mut table = Table::default();
    for kind in &arguments.quantize {
        let bytes = bytes.read(kind)?;
        table.rows.extend(programs.iter().map(|(label, _)| Row::new(label, kind, bytes)));
    }
    for _ in 0..arguments.runs {
        table.bandwidth.push(floor::read_bandwidth(&Pool::new(arguments.threads)));
        for (row, (_, program)) in table.rows.iter_mut().zip(programs.iter().cycle()) {
            let stats = out.join("stats.json");
            let mut command = speak(program, arguments, &config);
            command.args(["--quantize", &row.kind]).arg("--stats").arg(&stats);
            oracle::run(command.arg("-o").arg(out.join("speech.wav")))?;
            row.add(json_file::read(&stats)?);
        }
    }
    println!(
        "{}: {} frames, {} threads, medians of {} runs",
        arguments.checkpoint.display(),
        arguments.frames,
        arguments.threads,
        arguments.runs
    );
    println!("{table}");
    Ok(())
}

fn speak(program: &Path, arguments: &Arguments, config: &Value) -> Command {
    let mut command = Command::new(program);
    command.args(["speak", &arguments.text, "--greedy", "--progress", "never"]);
    command.arg("--model").arg(&arguments.checkpoint);
    command.args(["--max-frames", &arguments.frames.to_string()]);
    command.args(["--threads", &arguments.threads.to_string()]);
    if config["tts_model_type"] == "voice_design" {
        command.args(["--instruct", "A calm voice."]);
    }
    command
}
