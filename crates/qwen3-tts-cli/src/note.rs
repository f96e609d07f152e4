//! Notes to the user on standard error.

/// A line on standard error that is no failure, and does not mind if nobody listens.
pub fn note(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "qwen3-tts: {line}");
}
