//! `cargo xtask test-python`: the Python package, from its wheel.
//!
//! The wheel is built and installed into an empty environment, where the first example of the package's
//! README has to write a sound file. The type checker and the tests of `crates/qwen3-tts-python/tests`
//! come after it.

use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::environment::{Environment, check_python};
use crate::oracle::{self, run as run_command};
use crate::workspace;

const MATURIN: &str = "maturin>=1.16,<2";
const README: &str = "crates/qwen3-tts-python/README.md";
const TESTS: &str = "crates/qwen3-tts-python/tests";

/// Size in bytes that a wheel must not exceed.
const WHEEL_LIMIT: u64 = 25_000_000;

/// Builds the wheel of the Python package, installs it into an empty environment, and tests it there.
/// Needs Python 3.10 or later, and PyPI.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs only the tests whose names match, as `pytest -k` does.
    filter: Option<String>,

    /// Only check that Python is installed.
    #[arg(long)]
    check: bool,

    /// Tests this wheel instead of building one.
    #[arg(long, value_name = "FILE")]
    wheel: Option<PathBuf>,

    /// Also compares the package with this build of the command.
    #[arg(long, value_name = "FILE")]
    command: Option<PathBuf>,

    /// Also runs the same script with the official package, and compares. Installs that package.
    #[arg(long)]
    official: bool,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    check_python()?;
    if arguments.check {
        return Ok(());
    }
    let wheel = match &arguments.wheel {
        Some(wheel) => wheel.clone(),
        None => build()?,
    };
    check_size(&wheel)?;
    let environment = Environment::new("python-venv");
    environment.create()?;
    environment.pip(&[wheel.as_os_str()])?;
    try_example(&environment)?;
    let tests = workspace().join(TESTS);
    environment.pip(&["-r".as_ref(), tests.join("requirements.txt").as_os_str()])?;
    check_types(&environment)?;
    let mut pytest = Command::new(environment.python());
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5"]);
    pytest.args(arguments.filter.iter().flat_map(|filter| ["-k", filter]));
    pytest.arg(&tests).env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(command) = &arguments.command {
        pytest.env("QWEN3_TTS_COMMAND", path::absolute(command).context("naming the command")?);
    }
    if arguments.official {
        pytest.env("QWEN3_TTS_ORACLE_PYTHON", oracle::python()?);
    }
    run_command(&mut pytest)
}

/// Builds the wheel and returns its path.
fn build() -> Result<PathBuf> {
    let environment = Environment::new("maturin-venv");
    let wheels = workspace().join("target/wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels).with_context(|| format!("emptying {}", wheels.display()))?;
    }
    if !environment.python().exists() {
        environment.create()?;
    }
    environment.pip(&[MATURIN.as_ref()])?;
    let mut maturin = Command::new(environment.python());
    maturin.args(["-m", "maturin", "build", "--release", "--locked", "--quiet", "--out"]);
    run_command(maturin.arg(&wheels).current_dir(workspace()))?;
    let mut built = wheels.read_dir().context("reading the folder of wheels")?;
    Ok(built.next().context("maturin wrote no wheel")??.path())
}

fn check_size(wheel: &Path) -> Result<()> {
    let size = wheel.metadata().with_context(|| format!("reading {}", wheel.display()))?.len();
    println!("{}: {size} bytes", wheel.display());
    ensure!(size <= WHEEL_LIMIT, "the wheel has more than {WHEEL_LIMIT} bytes");
    Ok(())
}

/// Runs the first example of the README, which has to write `morning.flac`.
fn try_example(environment: &Environment) -> Result<()> {
    let readme = fs::read_to_string(workspace().join(README)).context("reading the README")?;
    let example = readme.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    let example = example.context("the README has no example")?;
    let scratch = workspace().join("target/python-example");
    fs::create_dir_all(&scratch).context("making a folder for the example")?;
    let sound = scratch.join("morning.flac");
    let _ = fs::remove_file(&sound);
    run_command(Command::new(environment.python()).args(["-c", example]).current_dir(&scratch))?;
    let sound = fs::read(sound).context("the example wrote no morning.flac")?;
    ensure!(sound.starts_with(b"fLaC") && sound.len() > 10_000, "morning.flac is no sound file");
    Ok(())
}

/// Checks the types of the package, and its stub against the native module.
fn check_types(environment: &Environment) -> Result<()> {
    let python = |arguments: &[&str]| {
        let mut python = Command::new(environment.python());
        // Not in the checkout, whose sources would be taken for the package.
        python.current_dir(workspace().join("target/python-example"));
        run_command(python.args(["-m"]).args(arguments))
    };
    let settings = workspace().join("pyproject.toml");
    let settings = settings.to_str().context("the path of the checkout is not UTF-8")?;
    let checker = ["mypy", "--strict", "--no-incremental", "--config-file", settings];
    python(&[&checker[..], &["-p", "qwen3_tts"]].concat())?;
    python(&["mypy.stubtest", "--ignore-disjoint-bases", "qwen3_tts._native"])
}
