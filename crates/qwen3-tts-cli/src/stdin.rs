//! Text from files and standard input, read whole or as it arrives.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use qwen3_tts_files::reason;
use qwen3_tts_pipeline::IncrementalText;

use crate::failure::{Failure, Result};
use crate::note::note;
use crate::text_decoder::TextDecoder;

/// Maximum length of a text in bytes, longer than any book.
const MAX_BYTES: u64 = 1 << 26;

/// Name of the input in errors.
const INPUT: &str = "standard input";

/// Reads the whole text on standard input, without its final line end.
pub fn read() -> Result<String> {
    explain_terminal();
    read_whole(io::stdin().lock(), INPUT, |error| unreadable(&error))
}

/// Reads the whole text of a file, without its final line end.
pub fn read_file(path: &Path) -> Result<String> {
    let failed = |error| Failure::reading(path, &error);
    read_whole(File::open(path).map_err(failed)?, &path.display().to_string(), failed)
}

fn read_whole(
    input: impl Read,
    name: &str,
    failed: impl Fn(io::Error) -> Failure,
) -> Result<String> {
    let mut bytes = Vec::new();
    input.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        let limit = MAX_BYTES >> 20;
        return Err(Failure::request(format!(
            "the text in {name} is longer than {limit} MiB: split it"
        )));
    }
    let mut text = TextDecoder::new(name).decode(&bytes)?;
    text.truncate(without_line_end(&text).len());
    Ok(text)
}

/// Tells a user at the terminal that the command waits for a text.
fn explain_terminal() {
    if io::stdin().is_terminal() {
        let end = if cfg!(windows) { "Ctrl-Z and Enter" } else { "Ctrl-D" };
        note(&format!("type the text, and end it with {end} on a line of its own"));
    }
}

/// Pushes the input into `text` as it arrives, on a separate thread, without its final line end.
/// A failure is sent to the returned channel.
pub fn follow(mut text: IncrementalText) -> Receiver<Failure> {
    explain_terminal();
    let (failed, failures) = mpsc::channel();
    std::thread::spawn(move || {
        if let Err(failure) = push_all(io::stdin().lock(), &mut text) {
            // Sent before `text` is dropped, which would end the text normally.
            let _ = failed.send(failure);
        }
    });
    failures
}

fn push_all(mut input: impl BufRead, text: &mut IncrementalText) -> Result {
    let (mut decoder, mut held) = (TextDecoder::new(INPUT), String::new());
    loop {
        let more = input.fill_buf().map_err(|error| unreadable(&error))?;
        let n = more.len();
        held.push_str(&decoder.push(more, n == 0)?);
        input.consume(n);
        let end = without_line_end(&held).len();
        // The speech may end before its text does, which is not a failure.
        if text.push(&held[..end]).is_err() {
            return Ok(());
        }
        held.drain(..end);
        if n == 0 {
            return Ok(());
        }
    }
}

fn without_line_end(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text))
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::Io(format!("cannot read text from {INPUT}: {}", reason(error)))
}
