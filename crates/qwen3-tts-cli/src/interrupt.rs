//! Ctrl-C: removes incomplete files and ends the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Files and directories that are being written.
static PARTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Exit code of an interrupted command.
const INTERRUPTED: i32 = 130;

/// Installs the handler that removes incomplete files on interruption.
pub fn install() {
    // Without the handler, Ctrl-C still ends the command, and no partial file has its final name.
    let _ = ctrlc::set_handler(|| {
        for part in PARTS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = fs::remove_file(&part).or_else(|_| fs::remove_dir_all(&part));
        }
        std::process::exit(INTERRUPTED);
    });
}

/// Registers a file or directory for removal on interruption. Completing it moves it away.
pub fn remove_unless_complete(part: &Path) {
    PARTS.lock().unwrap_or_else(PoisonError::into_inner).push(part.to_owned());
}
