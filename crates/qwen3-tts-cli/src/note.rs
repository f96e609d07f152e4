//! Notes to the user on standard error.

/// Writes a line to standard error. A closed standard error is ignored.
pub fn note(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "qwen3-tts: {line}");
}
