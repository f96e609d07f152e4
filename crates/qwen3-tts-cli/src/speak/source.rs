//! The source of the text: the command line, a file or standard input.

use std::path::Path;

use crate::args::SpeakArgs;
use crate::failure::Result;
use crate::identity::is_stdin;
use crate::note::note;
use crate::stdin;

/// The source of the text of `speak`.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    Argument(&'a str),
    File(&'a Path),
    Stdin,
}

impl<'a> Source<'a> {
    pub fn of(args: &'a SpeakArgs) -> Self {
        match (&args.file, args.text.as_deref()) {
            (Some(file), _) if is_stdin(file) => Self::Stdin,
            (Some(file), _) => Self::File(file),
            (None, Some("-")) => Self::Stdin,
            (None, text) => Self::Argument(text.unwrap_or_default()),
        }
    }

    /// Returns the path that is read.
    pub fn path(self) -> Option<&'a Path> {
        match self {
            Self::Argument(_) => None,
            Self::File(path) => Some(path),
            Self::Stdin => Some(Path::new("-")),
        }
    }

    pub fn is_stdin(self) -> bool {
        matches!(self, Self::Stdin)
    }

    /// Reads the whole text.
    pub fn read(self) -> Result<String> {
        match self {
            Self::Stdin => stdin::read(),
            Self::File(path) => stdin::read_file(path),
            Self::Argument(text) => {
                note_if_file(text);
                // A shell passes on the byte order mark of a file.
                Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
            }
        }
    }
}

/// Tells a user who names a file as the text what is spoken.
fn note_if_file(text: &str) {
    if !text.contains(char::is_whitespace) && text.contains('.') && Path::new(text).is_file() {
        note(&format!("speaking the words \"{text}\"; to speak the file, write -f {text}"));
    }
}
