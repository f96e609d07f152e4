//! Messages to the user on standard error.

use crate::terminal;

/// Writes a message to standard error, in one line. A closed standard error is ignored.
pub fn note(message: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "qwen3-tts: {}", terminal::message(message));
}
