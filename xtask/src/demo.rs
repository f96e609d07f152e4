//! `cargo xtask train-demo` and `cargo xtask listen`: the built-in voice, made and judged.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{oracle, release, workspace};

/// What the training and the recogniser need beside the official package.
const REQUIREMENTS: [&str; 4] =
    ["pyworld==0.3.5", "wordfreq==3.1.1", "pocketsphinx==5.1.1", "matplotlib==3.11.2"];

/// Keeps glibc from giving memory back to the system after each step of a training, which would take
/// a sixth of the time; other systems do not look at it.
const KEEP_MEMORY: [(&str, &str); 4] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_MAX_", "0"),
    ("MALLOC_TOP_PAD_", "268435456"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
];

/// Where the built-in checkpoint lies.
const BUILT_IN: &str = "crates/qwen3-tts-cli/demo";

const SPEAKERS: [&str; 2] = ["arlo", "mina"];

/// Trains the demo voice on espeak-ng's speech and writes its checkpoint.
///
/// Takes some three hours on two cores, less with CUDA; it can be stopped and started again.
/// Needs espeak-ng and a word list (Debian: espeak-ng, wamerican), python3 and a package index.
#[derive(clap::Args)]
pub struct TrainArguments {
    /// Where the corpus and the state of the training are kept.
    #[arg(long, value_name = "DIR", default_value = "target/demo-voice")]
    work: PathBuf,
    /// The checkpoint directory to write.
    #[arg(long, value_name = "DIR", default_value = BUILT_IN)]
    out: PathBuf,
    /// Threads that train.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Sentences of each speaker, steps of the decoder's and of the talker's training, if not those
    /// of the recipe.
    #[arg(long, num_args = 3, value_names = ["SENTENCES", "CODEC", "TALKER"])]
    size: Option<Vec<usize>>,
}

/// Judges the demo voice by a speech recogniser, beside the recordings that it learnt from.
///
/// Speaks a hundred held-out sentences with each speaker, greedily, sampled, with the text coming
/// while it is spoken, with a cloned voice, and with quantised weights, and prints what pocketsphinx
/// understands.
#[derive(clap::Args)]
pub struct ListenArguments {
    /// The checkpoint to judge; without it, the built-in one.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Where recordings are kept.
    #[arg(long, value_name = "DIR", default_value = "target/listen")]
    work: PathBuf,
    /// Which ways of speaking to judge.
    #[arg(long, value_delimiter = ',', default_value = "greedy,sampled,streamed,cloned,int8,int4")]
    ways: Vec<String>,
    /// Write what the tests compare with, the teacher's recordings and the official package's
    /// greedy codes, and judge nothing.
    #[arg(long)]
    references: bool,
}

/// Trains.
pub fn train(arguments: &TrainArguments) -> Result<()> {
    oracle::add(&REQUIREMENTS)?;
    let mut command = script("train.py")?;
    command.envs(KEEP_MEMORY);
    command.arg("--work").arg(workspace().join(&arguments.work));
    command.arg("--out").arg(workspace().join(&arguments.out));
    command.args(["--threads", &arguments.threads.to_string()]);
    let names = ["--sentences", "--codec-steps", "--talker-steps"];
    for (name, value) in names.iter().zip(arguments.size.iter().flatten()) {
        command.args([name, value.to_string().as_str()]);
    }
    oracle::run(&mut command)
}

/// Speaks and judges.
pub fn listen(arguments: &ListenArguments) -> Result<()> {
    let work = workspace().join(&arguments.work);
    oracle::add(&REQUIREMENTS)?;
    let model = arguments.model.clone().unwrap_or_else(|| workspace().join(BUILT_IN));
    let base = base_checkpoint(&model, &work.join("base"))?;
    let folders = SPEAKERS.map(|speaker| work.join(speaker));
    for folder in &folders {
        if !folder.join("sentences.json").is_file() {
            oracle::run(script("listen.py")?.arg("prepare").arg(folder))?;
        }
    }
    if arguments.references {
        let kept = workspace().join("fixtures/goldens/demo_voice");
        let mut command = script("references.py")?;
        return oracle::run(command.arg(kept).args([&model, &base]).args(&folders));
    }
    let program = release::build()?;
    for folder in &folders {
        for way in &arguments.ways {
            speak(&program, if way == "cloned" { &base } else { &model }, folder, way)?;
        }
    }
    let ways = format!("espeak,teacher,{}", arguments.ways.join(","));
    oracle::run(script("listen.py")?.args(["judge", &ways]).args(&folders))
}

/// One way of speaking all sentences: a kind of request, or sampled with quantised weights.
fn speak(program: &Path, model: &Path, folder: &Path, way: &str) -> Result<()> {
    let (requests, quantize) = match way {
        "int8" => ("sampled", "8"),
        "int4" => ("sampled", "4"),
        kind => (kind, "none"),
    };
    let requests = folder.join(format!("{requests}.jsonl"));
    anyhow::ensure!(requests.is_file(), "there is no way of speaking named {way}");
    let out = folder.join(way);
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let mut command = Command::new(program);
    command.arg("batch").arg(&requests).arg("--out").arg(&out).arg("--model").arg(model);
    oracle::run(command.args(["--quantize", quantize]))
}

/// The checkpoint that clones, which shares all files of `model` but `config.json`.
fn base_checkpoint(model: &Path, to: &Path) -> Result<PathBuf> {
    for folder in ["", "speech_tokenizer"] {
        let (from, to) = (model.join(folder), to.join(folder));
        std::fs::create_dir_all(&to).with_context(|| format!("making {}", to.display()))?;
        let reading = || format!("reading {}", from.display());
        for entry in std::fs::read_dir(&from).with_context(reading)? {
            let entry = entry.with_context(reading)?;
            if entry.file_type().with_context(reading)?.is_file() {
                copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
    }
    copy(&model.join("base/config.json"), &to.join("config.json"))?;
    Ok(to.to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
    Ok(())
}

fn script(name: &str) -> Result<Command> {
    oracle::script(&format!("demo_voice/{name}"))
}
