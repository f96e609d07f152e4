//! What is left behind when somebody presses Ctrl-C: nothing that is not complete.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Files and directories that are being written.
static PARTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The exit code of a command that was interrupted.
const INTERRUPTED: i32 = 130;

/// From now on an interrupted command removes what it has not completed.
pub fn install() {
    // Without a handler the command still ends, and no half file has its final name.
    let _ = ctrlc::set_handler(|| {
        for part in PARTS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = fs::remove_file(&part).or_else(|_| fs::remove_dir_all(&part));
        }
        std::process::exit(INTERRUPTED);
    });
}

/// Notes a file or directory that is no use unless it is completed, which moves it away.
pub fn remove_unless_complete(part: &Path) {
    PARTS.lock().unwrap_or_else(PoisonError::into_inner).push(part.to_owned());
}
