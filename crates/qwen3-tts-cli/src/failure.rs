//! Failures of the command: one line on standard error and an exit code.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use qwen3_tts_files::reason;
use qwen3_tts_pipeline::{Error, ErrorKind, HubError};

use crate::note::error;
use crate::terminal;

/// The exit codes, as `--help` lists them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed for a reason that is not listed here, such as NaN in the weights; or some lines of a
       batch failed
  2    the command line or the request is wrong, or a file that comes with it
  3    a file or a model is not found
  4    the model is damaged, or its files do not belong together
  5    this build, device or model cannot do it
  6    reading, writing or downloading failed
  130  interrupted";

/// The reason why the command ends early.
#[derive(Debug)]
pub enum Failure {
    /// The command line, the request or a file that comes with it is wrong.
    Request(String),
    /// A file or a model does not exist.
    NotFound(String),
    /// A file of the model is damaged, or the files do not belong together.
    Model(String),
    /// This build, device or model lacks the capability.
    Unsupported(String),
    /// Reading, writing or downloading failed.
    Io(String),
    /// Something else went wrong.
    Other(String),
    /// The reader of standard output closed it, which counts as success.
    ReaderGone,
}

/// Result of every command.
pub type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    /// Returns a failure of the request with this reason.
    pub fn request(reason: impl Into<String>) -> Self {
        Self::Request(reason.into())
    }

    /// Returns the failure for an error of standard output.
    pub fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Io(format!("cannot write to standard output: {}", reason(error))),
        }
    }

    /// Returns the failure for an input file that cannot be read.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        let message = format!("cannot read {}: {}", path.display(), reason(error));
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound(message),
            // It is no text, or has no end.
            io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => Self::Request(message),
            _ => Self::Io(message),
        }
    }

    /// Returns the failure for an output file that cannot be written.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let message = match parent {
            Some(parent) if error.kind() == io::ErrorKind::NotFound && !parent.exists() => {
                format!("there is no folder {}", parent.display())
            }
            _ => reason(error),
        };
        Self::Io(format!("cannot write {}: {message}", path.display()))
    }

    /// Returns the reason in one line.
    pub fn reason(&self) -> String {
        match self {
            Self::Request(reason)
            | Self::NotFound(reason)
            | Self::Model(reason)
            | Self::Unsupported(reason)
            | Self::Io(reason)
            | Self::Other(reason) => terminal::message(reason),
            Self::ReaderGone => "the reader of standard output closed it".to_owned(),
        }
    }

    /// Prints the reason and returns the exit code.
    pub fn report(self) -> ExitCode {
        let code = self.code();
        if code != 0 {
            error(&self.reason());
        }
        ExitCode::from(code)
    }

    /// Returns the exit code, which [`EXIT_CODES`] explains.
    fn code(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Other(_) => 1,
            Self::Request(_) => 2,
            Self::NotFound(_) => 3,
            Self::Model(_) => 4,
            Self::Unsupported(_) => 5,
            Self::Io(_) => 6,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error.kind() {
            ErrorKind::InvalidRequest => Self::Request(reason),
            ErrorKind::NotFound => Self::NotFound(reason),
            ErrorKind::InvalidModel => Self::Model(reason),
            ErrorKind::Unsupported => Self::Unsupported(reason),
            ErrorKind::Io => Self::Io(reason),
            _ => Self::Other(reason),
        }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Error::from(error).into()
    }
}
