//! Places in the workspace, and its cargo.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Returns the root of the workspace.
pub fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Returns the cargo that runs this task; without one, that of the `PATH`. With rustup that is a proxy,
/// which tells the compiler's proxy the toolchain: some crates of the registry name one of their own in
/// their folders.
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
