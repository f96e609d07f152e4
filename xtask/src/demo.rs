//! `cargo xtask train-demo` and `cargo xtask listen`: train and evaluate the built-in voice.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{oracle, release, workspace};

/// Packages that training and recogniser need in addition to the official package.
const REQUIREMENTS: [&str; 4] =
    ["pyworld==0.3.5", "wordfreq==3.1.1", "pocketsphinx==5.1.1", "matplotlib==3.11.2"];

/// Environment variables that keep glibc from returning memory to the system after each training
/// step, which takes a sixth of the time. Other systems ignore them.
const KEEP_MEMORY: [(&str, &str); 4] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_MAX_", "0"),
    ("MALLOC_TOP_PAD_", "268435456"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
];

/// Folders of the demo checkpoint, each with the directory that contains it.
const FOLDERS: [(&str, &str); 3] = [
    ("", "crates/qwen3-tts-demo/data"),
    ("base", "crates/qwen3-tts-demo/data"),
    ("speech_tokenizer", "crates/qwen3-tts-demo-codec/data"),
];

const SPEAKERS: [&str; 2] = ["arlo", "mina"];

/// Trains the demo voice on espeak-ng's speech and writes its checkpoint.
///
/// Takes about three hours on two cores, less with CUDA; it can be stopped and resumed. Needs
/// espeak-ng and a word list (Debian: espeak-ng, wamerican), python3 and a package index.
#[derive(clap::Args)]
pub struct TrainArguments {
    /// Directory for the corpus and the training state.
    #[arg(long, value_name = "DIR", default_value = "target/demo-voice")]
    work: PathBuf,
    /// Checkpoint directory to write, instead of the data of the crates qwen3-tts-demo and
    /// qwen3-tts-demo-codec.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Number of training threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Number of sentences per speaker, of decoder training steps and of talker training steps, in
    /// place of the recipe's.
    #[arg(long, num_args = 3, value_names = ["SENTENCES", "CODEC", "TALKER"])]
    size: Option<Vec<usize>>,
}

/// Evaluates the demo voice with a speech recogniser, and compares it with its training speech.
///
/// Speaks a hundred held-out sentences with each speaker: greedily, sampled, with streaming text,
/// with a cloned voice, and with quantised weights. Prints how much pocketsphinx recognises.
#[derive(clap::Args)]
pub struct ListenArguments {
    /// Checkpoint to evaluate, instead of the one in the crates qwen3-tts-demo and
    /// qwen3-tts-demo-codec.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Directory for the recordings.
    #[arg(long, value_name = "DIR", default_value = "target/listen")]
    work: PathBuf,
    /// Ways of speaking to evaluate.
    #[arg(long, value_delimiter = ',', default_value = "greedy,sampled,streamed,cloned,int8,int4")]
    ways: Vec<String>,
    /// Only write the references of the tests: the teacher's recordings and the official package's
    /// greedy codes.
    #[arg(long)]
    references: bool,
}

/// Runs the task `train-demo`.
pub fn train(arguments: &TrainArguments) -> Result<()> {
    let work = workspace().join(&arguments.work);
    let out = match &arguments.out {
        Some(out) => workspace().join(out),
        None => work.join("checkpoint"),
    };
    oracle::add(&REQUIREMENTS)?;
    let mut command = script("train.py")?;
    command.envs(KEEP_MEMORY);
    command.arg("--work").arg(&work).arg("--out").arg(&out);
    command.args(["--threads", &arguments.threads.to_string()]);
    let names = ["--sentences", "--codec-steps", "--talker-steps"];
    for (name, value) in names.iter().zip(arguments.size.iter().flatten()) {
        command.args([name, value.to_string().as_str()]);
    }
    oracle::run(&mut command)?;
    if arguments.out.is_none() {
        for (folder, data) in FOLDERS {
            copy_files(&out.join(folder), &workspace().join(data).join(folder))?;
        }
    }
    Ok(())
}

/// Runs the task `listen`.
pub fn listen(arguments: &ListenArguments) -> Result<()> {
    let work = workspace().join(&arguments.work);
    oracle::add(&REQUIREMENTS)?;
    let model = match &arguments.model {
        Some(model) => model.clone(),
        None => demo_checkpoint(&work.join("demo"))?,
    };
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

/// Speaks all sentences in one way: a kind of request, or sampled with quantised weights.
fn speak(program: &Path, model: &Path, folder: &Path, way: &str) -> Result<()> {
    let (requests, quantize) = match way {
        "int8" => ("sampled", "8"),
        "int4" => ("sampled", "talker=4,code-predictor=4"),
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

/// Assembles the demo checkpoint in one directory.
fn demo_checkpoint(to: &Path) -> Result<PathBuf> {
    for (folder, data) in FOLDERS {
        copy_files(&workspace().join(data).join(folder), &to.join(folder))?;
    }
    Ok(to.to_owned())
}

/// Assembles the cloning checkpoint, which shares all files of `model` except `config.json`.
fn base_checkpoint(model: &Path, to: &Path) -> Result<PathBuf> {
    for folder in ["", "speech_tokenizer"] {
        copy_files(&model.join(folder), &to.join(folder))?;
    }
    copy(&model.join("base/config.json"), &to.join("config.json"))?;
    Ok(to.to_owned())
}

/// Copies the files of a folder, without subfolders, to another, which is created if necessary.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    let reading = || format!("reading {}", from.display());
    for entry in std::fs::read_dir(from).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        if entry.file_type().with_context(reading)?.is_file() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
    Ok(())
}

fn script(name: &str) -> Result<Command> {
    oracle::script(&format!("demo_voice/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_of_the_crates_is_assembled() {
        let folder = tempfile::tempdir().unwrap();
        let demo = demo_checkpoint(&folder.path().join("demo")).unwrap();
        let base = base_checkpoint(&demo, &folder.path().join("base")).unwrap();
        for file in ["model.safetensors", "vocab.json", "speech_tokenizer/model.safetensors"] {
            assert!(demo.join(file).is_file() && base.join(file).is_file(), "{file}");
        }
        let is_base = |model: &Path| {
            std::fs::read_to_string(model.join("config.json")).unwrap().contains("\"base\"")
        };
        assert!(is_base(&base) && !is_base(&demo));
    }
}
