//! The Python environment of the clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::oracle::run;
use crate::workspace;

/// A virtual environment with the packages of `requirements.txt`.
pub struct Environment {
    root: PathBuf,
}

impl Environment {
    /// Names the environment, which need not exist yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the interpreter.
    pub fn python(&self) -> PathBuf {
        self.root.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
    }

    /// Creates the environment, unless it has these packages already.
    pub fn install(&self) -> Result<()> {
        let file = workspace().join("xtask/python/clients/requirements.txt");
        let requirements =
            fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let complete = self.root.join("complete");
        if fs::read_to_string(&complete).is_ok_and(|found| found == requirements) {
            return Ok(());
        }
        check_python()?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.root))?;
        self.install_packages(&file)?;
        fs::write(&complete, requirements)
            .with_context(|| format!("writing {}", complete.display()))
    }

    fn install_packages(&self, requirements: &Path) -> Result<()> {
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        run(pip.arg(requirements)).context("the clients' packages could not be installed")
    }
}

/// Checks that there is a Python that can make virtual environments.
fn check_python() -> Result<()> {
    let supported = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";
    let mut python = Command::new("python3");
    python.args(["-c", supported]).stderr(Stdio::null());
    let status = python.status().context("python3 is not installed")?;
    ensure!(status.success(), "python3 is older than 3.10 or lacks the module venv (python3-venv)");
    Ok(())
}
