//! The folder of finished pieces beside the output, which belongs to one run at a time.
//!
//! The state file is written first and removed last, and is locked in between. A folder without it,
//! or with files that this program does not write, belongs to another program.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use qwen3_tts_files::{is_part_name, sweep};

use crate::claim::Claim;
use crate::failure::{Failure, Result};
use crate::identity::{fingerprint, is_stdout};
use crate::note::note;
use crate::part_file::PartFile;

const STATE: &str = "request.json";

/// A folder for finished pieces. It may not exist yet.
pub struct PieceFolder {
    path: PathBuf,
    state: Option<Claim>,
    /// True if it was created for the pieces.
    made: bool,
}

impl PieceFolder {
    /// Names the folder beside an output. If it exists, it becomes this run's.
    ///
    /// # Errors
    /// Returns a failure if another run uses the folder, or if it holds other files than pieces.
    pub fn beside(output: &Path) -> Result<Self> {
        let path = path_beside(output)?;
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { path, state: None, made: false });
            }
            Ok(found) if !found.is_dir() => return Err(refused(&path, "is not a folder")),
            Ok(_) => {}
            Err(error) => return Err(Failure::writing(&path, &error)),
        }
        let state = Claim::existing(&path.join(STATE))?;
        check_writable(&path)?;
        for name in entries(&path)? {
            let is_piece = index(&name).is_some();
            if !is_piece && name != STATE && !is_part_name(&name) {
                let what = format!("holds {}, which is no piece of a speech", name.display());
                return Err(refused(&path, &what));
            }
            if is_piece && state.is_none() {
                return Err(refused(
                    &path,
                    "holds pieces of an unknown request, without request.json",
                ));
            }
        }
        Ok(Self { path, state, made: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the state file of an earlier run holds.
    pub fn state(&mut self) -> Result<Option<Vec<u8>>> {
        self.state.as_mut().map(Claim::read).transpose()
    }

    /// Notes whether an earlier run created the folder.
    pub fn set_made(&mut self, made: bool) {
        self.made = made;
    }

    /// Creates the folder. Returns false if there is an empty one already.
    pub fn make(&mut self) -> Result<bool> {
        self.made = match fs::create_dir(&self.path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(Failure::writing(&self.path, &error)),
        };
        Ok(self.made)
    }

    /// Writes the state file.
    pub fn begin(&mut self, state: &[u8]) -> Result {
        self.state = Some(Claim::create(&self.path.join(STATE), state)?);
        Ok(())
    }

    /// Returns the indices of the pieces, complete or not.
    pub fn indices(&self) -> Vec<usize> {
        let names = entries(&self.path).unwrap_or_default();
        names.iter().filter_map(|name| index(name)).collect()
    }

    /// Removes the pieces, the state, and the folder if it was created for them.
    pub fn remove(self) -> Result {
        let failed = |error| Failure::writing(&self.path, &error);
        for name in entries(&self.path)?.iter().filter(|name| index(name).is_some()) {
            fs::remove_file(self.path.join(name)).map_err(failed)?;
        }
        self.state.map_or(Ok(()), Claim::remove)?;
        match self.made.then(|| fs::remove_dir(&self.path)) {
            Some(Err(error)) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                note(&format!("{} keeps files of others", self.path.display()));
                Ok(())
            }
            removed => removed.unwrap_or(Ok(())).map_err(failed),
        }
    }
}

/// Returns the names of the files of a piece: what it is, and its samples.
pub fn names(index: usize) -> [String; 2] {
    [format!("{index:05}.json"), format!("{index:05}.f32")]
}

/// Returns the index of the piece that a file belongs to.
fn index(name: &OsStr) -> Option<usize> {
    let name = name.to_str()?;
    let index = name.split_once('.')?.0.parse().ok()?;
    names(index).iter().any(|own| own == name).then_some(index)
}

fn entries(path: &Path) -> Result<Vec<std::ffi::OsString>> {
    let names = fs::read_dir(path).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<_>>()
    });
    names.map_err(|error| Failure::reading(path, &error))
}

/// Checks that files can be created in the folder. Temporary files of killed runs are removed.
fn check_writable(path: &Path) -> Result {
    sweep(path);
    let created = PartFile::create(path);
    created.map(drop).map_err(|error| Failure::writing(path, &error))
}

/// Maximum length in bytes of a name in the usual file systems.
const MAX_NAME: usize = 255;
const ENDING: &str = ".parts";

fn path_beside(output: &Path) -> Result<PathBuf> {
    let Some(name) = output.file_name().filter(|_| !is_stdout(output)) else {
        return Err(Failure::request("--resume needs an output file: add -o FILE.wav"));
    };
    let mut parts = name.to_owned();
    parts.push(ENDING);
    if parts.len() > MAX_NAME {
        let short: String = name.to_string_lossy().chars().take(MAX_NAME / 8).collect();
        parts = format!("{short}-{}{ENDING}", fingerprint(name.as_encoded_bytes())).into();
    }
    Ok(output.with_file_name(parts))
}

fn refused(path: &Path, what: &str) -> Failure {
    Failure::request(format!(
        "{} {what}, so its pieces cannot be kept there: move it away, or choose another output",
        path.display()
    ))
}
