//! The Python environment of the official package.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Variable that names an existing interpreter with the official package, which is used unchanged.
const PYTHON: &str = "QWEN3_TTS_ORACLE_PYTHON";

/// Requirements of the official package, and MLX for its quantisation, in the versions that the
/// goldens were made with.
const REQUIREMENTS: [&str; 12] = [
    "torch==2.11.0",
    "torchaudio==2.11.0",
    "transformers==4.57.3",
    "accelerate==1.12.0",
    "librosa==0.11.0",
    "soundfile==0.14.0",
    "einops==0.8.2",
    "onnxruntime==1.32.0",
    "sox==1.5.0",
    "safetensors==0.8.0",
    "numpy==2.4.6",
    "mlx[cpu]==0.32.4",
];

/// The official package, installed without its requirements, some of which only its demo needs.
const PACKAGE: &str = "qwen-tts==0.1.1";

/// Returns the interpreter for the official package, installed under `target/` on first use.
pub fn python() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(PYTHON) {
        return Ok(path.into());
    }
    let environment = workspace().join("target/oracle-venv");
    let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let done = environment.join("complete");
    if !done.is_file() {
        eprintln!(
            "installing {} (once; several gigabytes, unless pip finds a smaller torch)",
            environment.display()
        );
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        install(&python, &REQUIREMENTS)?;
        install(&python, &["--no-deps", PACKAGE])?;
        std::fs::write(&done, PACKAGE).with_context(|| format!("writing {}", done.display()))?;
    }
    Ok(python)
}

/// Installs more packages into the environment, unless the user provides the interpreter.
pub fn add(requirements: &[&str]) -> Result<()> {
    let python = python()?;
    if std::env::var_os(PYTHON).is_some() {
        return Ok(());
    }
    install(&python, requirements)
}

fn install(python: &Path, what: &[&str]) -> Result<()> {
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(python).args(pip).args(what))
}

/// Returns the command of a script in `xtask/python/`, without arguments.
pub fn script(name: &str) -> Result<Command> {
    let mut command = Command::new(python()?);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("TOKENIZERS_PARALLELISM", "false");
    command.arg(workspace().join("xtask/python").join(name));
    Ok(command)
}

/// Runs a command to its end; the error names it if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
