//! Python environments with packages of PyPI.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::oracle::run;
use crate::workspace;

/// A virtual environment.
pub struct Environment {
    root: PathBuf,
}

impl Environment {
    /// Names the environment of this name in `target/`, which need not exist yet.
    pub fn new(name: &str) -> Self {
        Self { root: workspace().join("target").join(name) }
    }

    /// Returns the interpreter.
    pub fn python(&self) -> PathBuf {
        self.root.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
    }

    /// Creates the environment with the packages of a file of requirements, unless it has them already.
    pub fn install(&self, requirements: &Path) -> Result<()> {
        let wanted = fs::read_to_string(requirements)
            .with_context(|| format!("reading {}", requirements.display()))?;
        let complete = self.root.join("complete");
        if fs::read_to_string(&complete).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        self.create()?;
        self.pip(&["-r".as_ref(), requirements.as_os_str()])?;
        fs::write(&complete, wanted).with_context(|| format!("writing {}", complete.display()))
    }

    /// Creates the environment anew, without packages.
    pub fn create(&self) -> Result<()> {
        check_python()?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.root))
    }

    /// Installs packages.
    pub fn pip(&self, what: &[&OsStr]) -> Result<()> {
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run(pip.args(what)).context("Python packages could not be installed")
    }
}

/// Checks that there is a Python that can make virtual environments.
pub fn check_python() -> Result<()> {
    let supported = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";
    let mut python = Command::new("python3");
    python.args(["-c", supported]).stderr(Stdio::null());
    let status = python.status().context("python3 is not installed")?;
    ensure!(status.success(), "python3 is older than 3.10 or lacks the module venv (python3-venv)");
    Ok(())
}
