//! Programs, libraries and target of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Checks that the required programs are installed, and names all that are missing.
pub fn check() -> Result<()> {
    let needed = [
        (succeeds("g++", &["--version"]) && succeeds("ar", &["--version"]), "g++"),
        (succeeds("python3", &["-c", "import ensurepip, venv"]), "python3-venv"),
        (finds_libclang(), "libclang-dev"),
    ];
    let missing: Vec<&str> =
        needed.iter().filter(|(found, _)| !found).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("not found on this machine; as root: apt-get install {}", missing.join(" "))
}

/// Finds a library among those that the linker knows.
pub fn find_library(name: &str) -> Option<PathBuf> {
    let output = ["ldconfig", "/sbin/ldconfig"]
        .iter()
        .find_map(|program| Command::new(program).arg("-p").output().ok())?;
    let known = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = known.lines().find(|line| line.trim().starts_with(name))?;
    line.rsplit(" => ").next().map(PathBuf::from)
}

/// Returns the target triple that rustc compiles for.
pub fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("starting rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc -vV names no host")
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Returns true if bindgen finds libclang, through LIBCLANG_PATH or in Debian's directories.
fn finds_libclang() -> bool {
    let told = std::env::var_os("LIBCLANG_PATH").is_some();
    let llvm = Path::new("/usr/lib").read_dir().into_iter().flatten().flatten();
    let mut versions =
        llvm.filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"));
    told || find_library("libclang.so").is_some()
        || find_library("libclang-").is_some_and(|path| !path.to_string_lossy().contains("cpp"))
        || versions.any(|version| version.path().join("lib/libclang.so.1").exists())
}
