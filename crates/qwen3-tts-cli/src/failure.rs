//! Failures of the command: one line on standard error and an exit code.

use std::process::ExitCode;

use qwen3_tts_pipeline::{Error, ErrorKind, HubError};

use crate::note::note;
use crate::terminal;

/// The reason why the command ends early.
#[derive(Debug)]
pub enum Failure {
    /// The request or its files are wrong: exit code 2.
    Request(String),
    /// Something else went wrong: exit code 1.
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
    pub fn stdout(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Other(format!("cannot write to standard output: {error}")),
        }
    }

    /// Returns the reason in one line.
    pub fn reason(&self) -> String {
        match self {
            Self::Request(reason) | Self::Other(reason) => terminal::message(reason),
            Self::ReaderGone => "the reader of standard output closed it".to_owned(),
        }
    }

    /// Prints the reason and returns the exit code.
    pub fn report(self) -> ExitCode {
        match self {
            Self::Request(reason) => say(&reason, 2),
            Self::Other(reason) => say(&reason, 1),
            Self::ReaderGone => ExitCode::SUCCESS,
        }
    }
}

/// Prints the reason and returns the exit code.
fn say(reason: &str, code: u8) -> ExitCode {
    note(reason);
    ExitCode::from(code)
}

impl From<Error> for Failure {
    /// Maps errors of the request and its files to exit code 2, all others to 1.
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidRequest
            | ErrorKind::NotFound
            | ErrorKind::InvalidModel
            | ErrorKind::Unsupported
            | ErrorKind::Io => Self::Request(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Error::from(error).into()
    }
}
