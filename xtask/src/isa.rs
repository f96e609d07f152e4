//! `cargo xtask test-isa`: talker and codec on other instruction sets.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::oracle;
use crate::workspace;

/// Packages with tests of whole models, which all kernels are part of.
const PACKAGES: [&str; 2] = ["qwen3-tts-talker", "qwen3-tts-codec"];

/// Runs the tests of talker and codec on other instruction sets of this machine, without building
/// them again after `cargo test --workspace`: `cargo test -p` would, for it chooses other features
/// of their dependencies.
#[derive(clap::Args)]
pub struct Arguments {
    /// Instruction sets, such as portable, avx2, avxvnni, avx512 and neon.
    #[arg(required = true)]
    isa: Vec<String>,
}

/// A test binary, and the directory that it runs in.
struct TestBinary {
    program: PathBuf,
    package: PathBuf,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut cargo = Command::new(crate::cargo());
    cargo.current_dir(workspace()).args(["test", "--workspace", "--locked", "--no-run"]);
    let output = cargo.arg("--message-format=json").stderr(std::process::Stdio::inherit());
    let output = output.output().context("starting cargo test")?;
    ensure!(output.status.success(), "cargo test --no-run ended with {}", output.status);
    let messages = String::from_utf8(output.stdout).context("cargo's messages are no text")?;
    let binaries = test_binaries(&messages);
    ensure!(binaries.len() > PACKAGES.len(), "cargo test built {} of the tests", binaries.len());
    for isa in &arguments.isa {
        println!("{} test programs with QWEN3_TTS_ISA={isa}", binaries.len());
        for binary in &binaries {
            let mut tests = Command::new(&binary.program);
            tests.current_dir(&binary.package).env("QWEN3_TTS_ISA", isa).arg("--quiet");
            oracle::run(&mut tests)?;
        }
    }
    Ok(())
}

/// Returns the test binaries of [`PACKAGES`] among those that cargo names.
fn test_binaries(messages: &str) -> Vec<TestBinary> {
    messages.lines().filter_map(|line| test_binary(&serde_json::from_str(line).ok()?)).collect()
}

fn test_binary(message: &Value) -> Option<TestBinary> {
    let package = Path::new(message["manifest_path"].as_str()?).parent()?;
    let name = package.file_name()?.to_str()?;
    if message["profile"]["test"] != true || !PACKAGES.contains(&name) {
        return None;
    }
    let program = message["executable"].as_str()?.into();
    Some(TestBinary { program, package: package.to_path_buf() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tests_of_the_packages_are_run() {
        let message = |package: &str, test: bool, executable: &str| {
            format!(
                r#"{{"manifest_path":"/w/{package}/Cargo.toml","profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let messages = [
            message("qwen3-tts-talker", true, r#""/t/goldens""#),
            message("qwen3-tts-talker", false, r#""/t/codes""#),
            message("qwen3-tts-talker", true, "null"),
            message("qwen3-tts-cli", true, r#""/t/speak""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let found = test_binaries(&messages.join("\n"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].program, Path::new("/t/goldens"));
        assert_eq!(found[0].package, Path::new("/w/qwen3-tts-talker"));
    }
}
