//! `cargo xtask parity`: compares a greedy request with the official package.

mod report;
mod wav;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{json_file, oracle, release};
use report::Report;

/// Speaks one text greedily with the official package and with this project, and compares codes,
/// waveform, time and memory.
///
/// Only float32 results can be equal; in bf16 the official package rounds differently.
#[derive(clap::Args)]
pub struct Arguments {
    /// A checkpoint directory.
    checkpoint: PathBuf,
    /// Number of 80 ms frames to generate.
    #[arg(long, default_value_t = 50)]
    frames: usize,
    /// Text to speak.
    #[arg(
        long,
        default_value = "The quick brown fox jumps over the lazy dog near the quiet river \
                                 bank every single morning."
    )]
    text: String,
    /// Speaker of a custom voice checkpoint.
    #[arg(long, default_value = "ryan")]
    speaker: String,
    /// Language, or auto.
    #[arg(long, default_value = "english")]
    language: String,
    /// Instruction; a voice design checkpoint gets one by default.
    #[arg(long)]
    instruct: Option<String>,
    /// Recording to clone, for a base checkpoint.
    #[arg(long, value_name = "FILE")]
    ref_audio: Option<PathBuf>,
    /// Transcript of the recording; without it, only the speaker embedding is cloned.
    #[arg(long, requires = "ref_audio")]
    ref_text: Option<String>,
    /// Feed the text frame by frame instead of all at once.
    #[arg(long)]
    streaming_text: bool,
    /// Arithmetic of the official package.
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// Number of threads of each.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Reuse the official result of the last run with the same --out.
    #[arg(long)]
    reuse: bool,
    /// Directory for both results.
    #[arg(long, value_name = "DIR", default_value = "target/parity")]
    out: PathBuf,
}

/// Arithmetic of the official package.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Dtype {
    F32,
    Bf16,
}

impl Dtype {
    fn name(self) -> &'static str {
        if self == Self::F32 { "f32" } else { "bf16" }
    }
}

const DESIGNED_VOICE: &str = "A young woman with a clear, bright voice.";

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("creating {}", arguments.out.display()))?;
    let request = request(arguments)?;
    if !arguments.reuse {
        run_official(arguments, &request)?;
    }
    run_ours(arguments, &request)?;
    let report = Report::read(&arguments.out)?;
    println!("{}: {}", arguments.checkpoint.display(), request["text"]);
    println!("{report}");
    let exact = arguments.dtype == Dtype::F32;
    ensure!(!exact || report.codes_agree(), "the codes differ from the official ones");
    Ok(())
}

/// Returns the request in the form of the Python script.
fn request(arguments: &Arguments) -> Result<Value> {
    let path = arguments.checkpoint.join("config.json");
    let config = json_file::read(&path)?;
    let is_design = config["tts_model_type"] == "voice_design";
    let is_base = config["tts_model_type"] == "base";
    ensure!(
        is_base == arguments.ref_audio.is_some(),
        "--ref-audio is required for a base checkpoint, and not allowed for others"
    );
    let designed = is_design.then(|| DESIGNED_VOICE.to_owned());
    Ok(json!({
        "text": arguments.text,
        "speaker": (!is_design && !is_base).then_some(&arguments.speaker),
        "reference_audio": arguments.ref_audio,
        "reference_text": arguments.ref_text,
        "x_vector_only": arguments.ref_text.is_none(),
        "language": arguments.language,
        "instruct": arguments.instruct.clone().or(designed),
        "non_streaming_text": !arguments.streaming_text,
    }))
}

fn run_official(arguments: &Arguments, request: &Value) -> Result<()> {
    let path = arguments.out.join("request.json");
    fs::write(&path, request.to_string()).with_context(|| format!("writing {}", path.display()))?;
    let mut command = oracle::script("parity.py")?;
    command.arg(&arguments.checkpoint).arg(path).arg(&arguments.out);
    command.args(["--frames", &arguments.frames.to_string()]);
    command.args(["--threads", &arguments.threads.to_string()]);
    command.args(["--dtype", arguments.dtype.name()]);
    oracle::run(&mut command)
}

fn run_ours(arguments: &Arguments, request: &Value) -> Result<()> {
    let mut command = Command::new(release::build()?);
    command.arg("speak").arg(&arguments.text).arg("--model").arg(&arguments.checkpoint);
    for (flag, key) in
        [("--speaker", "speaker"), ("--language", "language"), ("--instruct", "instruct")]
    {
        if let Some(value) = request[key].as_str() {
            command.args([flag, value]);
        }
    }
    if let Some(recording) = &arguments.ref_audio {
        command.arg("--ref-audio").arg(recording);
        match &arguments.ref_text {
            Some(transcript) => command.arg("--ref-text").arg(transcript),
            None => command.arg("--x-vector-only"),
        };
    }
    let mode = if arguments.streaming_text { "--streaming-text" } else { "--non-streaming-text" };
    command.args(["--greedy", "--sample-format", "f32", mode]);
    command.args(["--max-frames", &arguments.frames.to_string()]);
    command.args(["--threads", &arguments.threads.to_string()]);
    for (flag, file) in [("-o", "ours.wav"), ("--codes", "codes.json"), ("--stats", "stats.json")] {
        command.arg(flag).arg(arguments.out.join(file));
    }
    oracle::run(&mut command)
}
