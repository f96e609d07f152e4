//! Compiler, linker and emulator for the target.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// The target that the tests are compiled for.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";

/// Compilers to try: the toolchain in use, then Debian's.
const COMPILERS: [&str; 2] = ["rustc", "/usr/bin/rustc"];
const TARGET_FROM: &str = "`rustup target add aarch64-unknown-linux-gnu` or, for Debian's compiler, \
    `dpkg --add-architecture arm64 && apt-get update && \
    apt-get install rustc-web libstd-rust-web-dev:arm64`";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64";

/// Programs that compile, link and run for the target.
pub struct Tools {
    /// A rustc that has the target's standard library.
    pub compiler: &'static str,
    /// A C compiler that links for it.
    pub linker: &'static str,
    /// An emulator that runs its programs.
    pub emulator: &'static str,
}

impl Tools {
    /// Finds the programs.
    ///
    /// # Errors
    /// Returns an error that names the packages to install if one is missing.
    pub fn find() -> Result<Self> {
        let compiler = COMPILERS.into_iter().find(|compiler| has_target(compiler));
        let mut missing = Vec::new();
        if compiler.is_none() {
            missing.push(TARGET_FROM);
        }
        if !starts(LINKER) {
            missing.push("`apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross`");
        }
        if !starts(EMULATOR) {
            missing.push("`apt-get install qemu-user`");
        }
        match compiler {
            Some(compiler) if missing.is_empty() => {
                Ok(Self { compiler, linker: LINKER, emulator: EMULATOR })
            }
            _ => bail!("programs are missing; install them as root: {}", missing.join(", ")),
        }
    }
}

/// Returns true if a compiler has the standard library of the target.
fn has_target(compiler: &str) -> bool {
    let mut command = Command::new(compiler);
    let output = command.args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|output| {
        let library = String::from_utf8_lossy(&output.stdout).into_owned();
        let files = Path::new(library.trim()).read_dir().into_iter().flatten().flatten();
        files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

fn starts(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
