//! Text on standard input, read whole or as it arrives.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, Receiver};

use qwen3_tts_pipeline::IncrementalText;

use crate::failure::{Failure, Result};

/// Maximum length of a text in bytes, longer than any book.
const MAX_BYTES: u64 = 1 << 26;

/// Reads the whole text, without its final line end.
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

/// Pushes the input into `text` as it arrives, on a separate thread, without its final line end.
/// A failure is sent to the returned channel.
pub fn follow(mut text: IncrementalText) -> Receiver<Failure> {
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
    let (mut bytes, mut held) = (Vec::new(), String::new());
    loop {
        let more = input.fill_buf().map_err(|error| unreadable(&error.to_string()))?;
        let n = more.len();
        bytes.extend_from_slice(more);
        input.consume(n);
        held.push_str(&take_text(&mut bytes, n == 0)?);
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

/// Removes the complete characters from `bytes` and returns them.
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
    Failure::request(format!("cannot read text from standard input: {reason}"))
}
