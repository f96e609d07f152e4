//! A file that is not complete yet: `{target}.incomplete`, beside `{target}`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use qwen3_tts_files::is_at;

/// The unfinished file, locked against other processes that download the same file.
///
/// The tag (`ETag`) of the version that its bytes belong to is kept in `{target}.incomplete.etag`.
pub(super) struct Part {
    target: PathBuf,
    path: PathBuf,
    tag_path: PathBuf,
    file: File,
    len: u64,
    tag: Option<String>,
}

impl Part {
    /// Opens the unfinished file, with what an earlier attempt has left in it. Calls `on_wait`
    /// before waiting for another process that has it.
    pub fn open(target: &Path, on_wait: &mut dyn FnMut()) -> io::Result<Self> {
        let path = with_ending(target, ".incomplete");
        let tag_path = with_ending(&path, ".etag");
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = loop {
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    on_wait();
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The other process may have completed or removed the file that is locked now, and a third
            // one may have begun another.
            if is_at(&file, &path) {
                break file;
            }
        };
        let len = file.metadata()?.len();
        let tag = fs::read_to_string(&tag_path).ok().filter(|_| len > 0);
        Ok(Self { target: target.to_owned(), path, tag_path, file, len, tag })
    }

    /// Removes what a killed process left of a file that is complete now, unless another process
    /// downloads it.
    pub fn remove_left(target: &Path) {
        let path = with_ending(target, ".incomplete");
        let Ok(file) = OpenOptions::new().append(true).open(&path) else { return };
        if file.try_lock().is_ok() && is_at(&file, &path) {
            let _ = remove(&with_ending(&path, ".etag")).and_then(|()| remove(&path));
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of bytes on disk.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Tag of the version that the bytes belong to.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Starts over, with bytes of the version with this tag.
    pub fn restart(&mut self, tag: Option<&str>) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        self.tag = tag.map(str::to_owned);
        match tag {
            Some(tag) => fs::write(&self.tag_path, tag),
            None => remove(&self.tag_path),
        }
    }

    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its name.
    pub fn complete(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)?;
        remove(&self.tag_path)
    }

    /// Removes the file.
    pub fn discard(self) -> io::Result<()> {
        remove(&self.tag_path)?;
        remove(&self.path)
    }
}

/// Returns the path with `ending` appended to its last part.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
