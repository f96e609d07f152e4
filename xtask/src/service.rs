//! A service in a process of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::http::Connection;
use crate::oracle::run;
use crate::workspace;

/// Time in which a service must be ready.
const START: Duration = Duration::from_secs(60);

/// Time in which a service must have ended after SIGTERM.
const END: Duration = Duration::from_secs(30);

/// A running service. Dropping it kills the process.
pub struct Service {
    child: Child,
    /// `host:port` of the HTTP interface.
    address: String,
    log: PathBuf,
}

impl Service {
    /// Starts `command` on a free port, with its log in `log`, and waits until it is ready.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let errors = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        command.args(["--port", "0"]).stdout(Stdio::piped()).stderr(errors);
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let mut service = Self { child, address: String::new(), log: log.to_path_buf() };
        service.address = service.read_address()?;
        service.wait_until_ready()?;
        Ok(service)
    }

    /// Returns `host:port` of the HTTP interface.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM and checks that the service ends by itself, with success.
    pub fn stop(mut self) -> Result<()> {
        run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().context("waiting for the service")? {
                ensure!(status.success(), "after SIGTERM: {status}; its log:\n{}", self.log());
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the service did not end after SIGTERM; its log:\n{}", self.log())
    }

    /// Reads the line that the service prints once it listens.
    fn read_address(&mut self) -> Result<String> {
        let stdout = self.child.stdout.take().context("the service has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("reading the service's address")?;
        let address = line.trim_end().strip_prefix("http://").map(str::to_owned);
        address.with_context(|| format!("{line:?} is no address; the log:\n{}", self.log()))
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().context("waiting for the service")? {
                bail!("the service ended with {status}; its log:\n{}", self.log());
            }
            if is_ready(&self.address) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the service was not ready after {START:?}; its log:\n{}", self.log())
    }

    /// Returns the end of the log.
    fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail if the process has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds the command and returns its path.
pub fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(crate::cargo());
    // Without a package, as `cargo run --release` does: the same features, so nothing is built twice.
    let build = ["build", "--release", "--locked", "--quiet", "--bin", "qwen3-tts"];
    run(cargo.current_dir(workspace()).args(build))?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), PathBuf::from);
    Ok(target.join("release/qwen3-tts").with_extension(std::env::consts::EXE_EXTENSION))
}

/// Returns a port that nothing listens on.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

fn is_ready(address: &str) -> bool {
    let answer = Connection::open(address, Duration::from_secs(5))
        .and_then(|connection| connection.send("GET", "/ready", &[], b""));
    answer.is_ok_and(|answer| answer.status == 200)
}
