//! A text on standard input, whole or while it comes.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, Receiver};

use qwen3_tts_pipeline::IncrementalText;

use crate::failure::{Failure, Result};

/// More than any book.
const MAX_BYTES: u64 = 1 << 26;

/// The whole text, without the line end that closes it.
pub fn read() -> Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| unreadable(&error.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        let limit = MAX_BYTES >> 20;
        return Err(Failure::request(format!(
            "the text on standard input is longer than {limit} MiB: split it"
        )));
    }
    text.truncate(without_line_end(&text).len());
    Ok(text)
}

/// Pushes what comes into `text` from a thread of its own, without the line end that closes it.
/// What goes wrong comes from the channel.
pub fn follow(mut text: IncrementalText) -> Receiver<Failure> {
    let (failed, failures) = mpsc::channel();
    std::thread::spawn(move || {
        if let Err(failure) = push_all(io::stdin().lock(), &mut text) {
            // Before the text is dropped, which would look like its end.
            let _ = failed.send(failure);
        }
    });
    failures
}

fn push_all(mut input: impl BufRead, text: &mut IncrementalText) -> Result {
    let (mut bytes, mut held) = (Vec::new(), String::new());
    loop {
        let more = input.fill_buf().map_err(|error| unreadable(&error.to_string()))?;
        let n = more.len();
        bytes.extend_from_slice(more);
        input.consume(n);
        held.push_str(&take_text(&mut bytes, n == 0)?);
        let end = without_line_end(&held).len();
        // A speech that ends before its text is no failure of the text.
        if text.push(&held[..end]).is_err() {
            return Ok(());
        }
        held.drain(..end);
        if n == 0 {
            return Ok(());
        }
    }
}

/// Takes the characters that are complete.
fn take_text(bytes: &mut Vec<u8>, is_end: bool) -> Result<String> {
    let complete = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if error.error_len().is_none() && !is_end => error.valid_up_to(),
        Err(_) => return Err(unreadable("stream did not contain valid UTF-8")),
    };
    let rest = bytes.split_off(complete);
    let text = String::from_utf8(std::mem::replace(bytes, rest));
    text.map_err(|error| unreadable(&error.to_string()))
}

fn without_line_end(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text))
}

fn unreadable(reason: &str) -> Failure {
    Failure::request(format!("cannot read a text from standard input: {reason}"))
}
