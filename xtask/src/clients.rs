//! `cargo xtask test-clients`: the service against the clients that people use.
//!
//! The tests are in `xtask/python/clients`. They run real packages of PyPI, and replay requests that
//! were recorded from others, against two services with the built-in voice: an open one, and one
//! with keys that speaks one request at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::environment::Environment;
use crate::oracle::run as run_command;
use crate::service::{self, Service};
use crate::workspace;

/// The key of the guarded service, and the one that the recorded clients send.
const KEY: &str = "sk-test";

/// Tests the service with real clients: the packages openai, wyoming, websockets and schemathesis,
/// and the recorded requests of others. Needs Python 3.10 or later, and PyPI once.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs only the tests whose names match, as `pytest -k` does.
    filter: Option<String>,

    /// Only check that Python is installed and the packages can be downloaded.
    #[arg(long)]
    check: bool,

    /// Tests this program instead of building one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Runs the task `test-clients`.
pub fn run(arguments: &Arguments) -> Result<()> {
    let environment = Environment::new("clients-venv");
    environment.install(&workspace().join("xtask/python/clients/requirements.txt"))?;
    if arguments.check {
        return Ok(());
    }
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => service::build()?,
    };
    let scratch = scratch()?;
    let wyoming = format!("127.0.0.1:{}", service::free_port()?);
    let open = start_open(&program, &scratch, &wyoming)?;
    let guarded = start_guarded(&program, &scratch)?;
    let mut tests = pytest(&environment, arguments.filter.as_deref());
    tests.env("QWEN3_TTS_COMMAND", &program);
    tests.env("QWEN3_TTS_OPEN", open.address());
    tests.env("QWEN3_TTS_GUARDED", guarded.address());
    tests.env("QWEN3_TTS_WYOMING_ADDRESS", wyoming);
    let tests = run_command(&mut tests);
    // The services are stopped, and their ends checked, even if a test has failed.
    let ends = [open.stop(), guarded.stop()];
    tests?;
    ends.into_iter().collect()
}

/// Returns a new, empty directory for voices and logs.
fn scratch() -> Result<PathBuf> {
    let scratch = workspace().join("target/clients");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).with_context(|| format!("emptying {}", scratch.display()))?;
    }
    fs::create_dir_all(scratch.join("voices"))
        .with_context(|| format!("making {}", scratch.display()))?;
    Ok(scratch)
}

fn start_open(program: &Path, scratch: &Path, wyoming: &str) -> Result<Service> {
    let mut command = Command::new(program);
    command.args(["serve", "--wyoming", wyoming, "--voices"]).arg(scratch.join("voices"));
    Service::start(command, &scratch.join("open.log"))
}

fn start_guarded(program: &Path, scratch: &Path) -> Result<Service> {
    let keys = scratch.join("keys");
    fs::write(&keys, format!("sk-other\n{KEY}\n")).context("writing the keys")?;
    let mut command = Command::new(program);
    command.args(["serve", "--max-requests", "1", "--api-keys"]).arg(keys);
    Service::start(command, &scratch.join("guarded.log"))
}

/// Returns the command that runs the tests, without their variables.
fn pytest(environment: &Environment, filter: Option<&str>) -> Command {
    let mut tests = Command::new(environment.python());
    tests.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5"]);
    tests.args(filter.iter().flat_map(|filter| ["-k", filter]));
    tests.arg(workspace().join("xtask/python/clients"));
    tests.env("PYTHONDONTWRITEBYTECODE", "1").env("QWEN3_TTS_KEY", KEY);
    tests
}
