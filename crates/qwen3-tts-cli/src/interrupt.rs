//! Signals: Ctrl-C removes incomplete files and ends the command.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Files and directories that are being written.
static PARTS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Exit code of an interrupted command.
const INTERRUPTED: i32 = 130;

/// Installs the handler that removes incomplete files on interruption.
pub fn install() {
    // Without the handler, Ctrl-C still ends the command, and no partial file has its final name.
    let _ = ctrlc::set_handler(|| {
        // Locked until the process has ended, so that no other file is created.
        let parts = PARTS.lock().unwrap_or_else(PoisonError::into_inner);
        for part in parts.iter() {
            let _ = fs::remove_file(part).or_else(|_| fs::remove_dir_all(part));
        }
        std::process::exit(INTERRUPTED);
    });
}

/// Makes a write beyond the limit of file sizes (`ulimit -f`) an error, which is reported. By default
/// the system ends the process without a word.
#[cfg(unix)]
pub fn survive_file_limit() {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    // The flag is not read: the failed write says enough. Without the handler, the system's rule
    // applies.
    let flag = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, flag);
}

#[cfg(not(unix))]
pub fn survive_file_limit() {}

/// A file or directory that an interruption removes, until this is dropped.
#[derive(Debug)]
pub struct Incomplete(PathBuf);

impl Incomplete {
    pub fn new(part: &Path) -> Self {
        PARTS.lock().unwrap_or_else(PoisonError::into_inner).insert(part.to_owned());
        Self(part.to_owned())
    }

    /// Completes the file by renaming it. An interruption comes before that or after it.
    pub fn complete<T>(self, rename: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        // Released before this is dropped.
        let _parts = PARTS.lock().unwrap_or_else(PoisonError::into_inner);
        rename()
    }
}

impl Drop for Incomplete {
    fn drop(&mut self) {
        PARTS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Creates a file that an interruption removes. There is no interruption between the two.
pub fn creating<T>(
    create: impl FnOnce() -> io::Result<(PathBuf, T)>,
) -> io::Result<(T, Incomplete)> {
    let mut parts = PARTS.lock().unwrap_or_else(PoisonError::into_inner);
    let (path, created) = create()?;
    parts.insert(path.clone());
    Ok((created, Incomplete(path)))
}
