//! Messages to the user on standard error, above the progress bar.

use std::io::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{MultiProgress, ProgressBar};

use crate::terminal;

/// True with `--quiet`.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// The bars that messages must not break.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

static HAS_BARS: AtomicBool = AtomicBool::new(false);

/// Silences notes and progress.
pub fn be_quiet() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Returns true with `--quiet`.
pub fn is_quiet() -> bool {
    IS_QUIET.load(Ordering::Relaxed)
}

/// Writes a message that helps or informs, unless the command is quiet.
pub fn note(message: &str) {
    if !is_quiet() {
        say(message);
    }
}

/// Writes a message that the user has to know: the result is not what was asked for.
pub fn warn(message: &str) {
    say(message);
}

/// Writes the reason of a failure.
pub fn error(message: &str) {
    say(message);
}

/// Adds a bar below the messages.
pub fn add_bar(bar: ProgressBar) -> ProgressBar {
    HAS_BARS.store(true, Ordering::Relaxed);
    BARS.add(bar)
}

/// Writes a message in one line. A closed standard error is ignored.
fn say(message: &str) {
    let line = format!("qwen3-tts: {}\n", terminal::message(message));
    let write = || {
        let _ = std::io::stderr().write_all(line.as_bytes());
    };
    match HAS_BARS.load(Ordering::Relaxed) {
        true => BARS.suspend(write),
        false => write(),
    }
}
