//! `cargo xtask fuzz` and `cargo xtask soak`: the long runs of tests that `cargo test` runs shortly.

use std::process::Command;

use anyhow::Result;

use crate::oracle;
use crate::workspace;

/// Reads mutated files with every parser: recordings, configurations, tokenizers, weights, voices,
/// codes, pickles, and lines of a batch. Fails at a panic, at more than ten seconds for a file, and
/// at memory that the file does not explain. Overflow checks are on.
#[derive(clap::Args)]
pub struct FuzzArguments {
    /// Number of files per parser.
    #[arg(long, default_value_t = 90_000)]
    count: u64,
}

/// Sends requests of every kind to one model from many callers, and compares each result with that
/// of a model that does one thing at a time. Overflow checks are on.
#[derive(clap::Args)]
pub struct SoakArguments {
    /// Number of requests.
    #[arg(long, default_value_t = 2_000)]
    requests: u64,
}

/// Runs the tests with mutated files.
pub fn fuzz(arguments: &FuzzArguments) -> Result<()> {
    let mut tests = tests(&["mutations", "batch"]);
    oracle::run(tests.env("QWEN3_TTS_MUTATIONS", arguments.count.to_string()))
}

/// Runs the test with many callers.
pub fn soak(arguments: &SoakArguments) -> Result<()> {
    oracle::run(tests(&["soak"]).env("QWEN3_TTS_SOAK", arguments.requests.to_string()))
}

fn tests(targets: &[&str]) -> Command {
    let mut cargo = Command::new(crate::cargo());
    cargo.current_dir(workspace()).args(["test", "--workspace", "--locked"]);
    cargo.args(targets.iter().flat_map(|target| ["--test", target]));
    cargo
}
