//! Reasons to refuse a conversion.

use std::io;
use std::path::{Path, PathBuf};

use qwen3_tts_files::WrongFile;

/// A specialised [`Result`](std::result::Result).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason that a checkpoint was not converted, in one line.
///
/// All but [`Error::Write`] are faults of the arguments or of the checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A width that quantised weights cannot have.
    #[error("cannot quantise weights to {found} bits; expected 8, 6 or 4")]
    Bits {
        /// The width asked for.
        found: usize,
    },

    /// A group size that quantised weights cannot have.
    #[error("cannot quantise weights in groups of {found}; expected 32, 64 or 128")]
    GroupSize {
        /// The group size asked for.
        found: usize,
    },

    /// The weights are quantised already, in another way than asked for.
    #[error(
        "{}: tensor `{tensor}` is quantised to {bits} bits in groups of {group_size} already; to quantise \
         it again to {wanted_bits} bits in groups of {wanted_group_size} loses precision twice: convert \
         the checkpoint that it was made from",
        path.display()
    )]
    Requantize {
        /// The file.
        path: PathBuf,
        /// The first such tensor.
        tensor: String,
        /// Its width in bits.
        bits: usize,
        /// Its group size.
        group_size: usize,
        /// The width asked for.
        wanted_bits: usize,
        /// The group size asked for.
        wanted_group_size: usize,
    },

    /// The output exists.
    #[error("{} is there already; name a directory that does not exist yet", path.display())]
    OutputExists {
        /// The output.
        path: PathBuf,
    },

    /// The output, or the directory that it belongs in, cannot be created.
    #[error("cannot create {}: {source}", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },

    /// A file or directory of the checkpoint cannot be read.
    #[error("cannot read {}: {source}; is the checkpoint complete?", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },

    /// The directory holds no weights, or several candidates.
    #[error(
        "{}: no weights: neither model.safetensors nor pytorch_model.bin nor the index of either \
         is there, and {found} files that end in .bin, .pt or .pth, expected one",
        path.display()
    )]
    NoWeights {
        /// The directory.
        path: PathBuf,
        /// Number of files with an ending of `torch.save`.
        found: usize,
    },

    /// A file of the checkpoint is damaged, or of another kind than its name says.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Description of the fault.
        reason: String,
    },

    /// A pickle names a function or class that no state dict needs. Nothing of it was run.
    #[error(
        "{}: its pickle names `{name}`, which no state dict needs; nothing of it was run; save the \
         state dict alone, with torch.save(model.state_dict(), …)",
        path.display()
    )]
    ForeignGlobal {
        /// The file.
        path: PathBuf,
        /// The function or class, with its module.
        name: String,
    },

    /// The output cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl Error {
    /// Returns a closure that names the file or directory that could not be read.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// Returns a closure that names the file or directory that could not be written.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }

    /// Returns a closure that names the directory that could not be created.
    pub(crate) fn creating(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Create { path: path.to_owned(), source }
    }

    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.into() }
    }
}

/// Fault of one file, without its path: [`Fault::of`] adds it.
#[derive(Debug)]
pub(crate) enum Fault {
    Io(io::Error),
    Malformed(String),
    ForeignGlobal(String),
}

impl Fault {
    pub fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed(reason.into())
    }

    /// Puts the part of the file before a description.
    pub fn within(self, part: &str) -> Self {
        match self {
            Self::Malformed(reason) => Self::Malformed(format!("{part}: {reason}")),
            other => other,
        }
    }

    /// Returns the error of the file `path`.
    pub fn of(self, path: &Path) -> Error {
        let path = path.to_owned();
        match self {
            Self::Io(source) => Error::Read { path, source },
            Self::Malformed(reason) => Error::Malformed { path, reason },
            Self::ForeignGlobal(name) => Error::ForeignGlobal { path, name },
        }
    }
}

impl From<WrongFile> for Fault {
    fn from(wrong: WrongFile) -> Self {
        Self::Malformed(wrong.to_string())
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<zip::result::ZipError> for Fault {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(error) => Self::Io(error),
            error => Self::Malformed(error.to_string()),
        }
    }
}

/// Returns a [`Fault`] with this description if the condition does not hold.
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::error::Fault::malformed(format!($($reason)+)));
        }
    };
}

/// Returns a [`Fault`] with this description.
macro_rules! bail {
    ($($reason:tt)+) => {
        return Err($crate::error::Fault::malformed(format!($($reason)+)))
    };
}

pub(crate) use {bail, ensure};
