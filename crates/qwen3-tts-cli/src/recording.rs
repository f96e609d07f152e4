//! Recordings from files, pipes and standard input.

use std::io;
use std::path::Path;

use qwen3_tts_pipeline::{AudioLimits, ReferenceAudio};

use crate::failure::Result;
use crate::identity::is_stdin;
use crate::note::note;

/// Reads the recording at `path`, or on standard input if that is `-`, and notes its defects.
pub fn read(path: &Path, limits: &AudioLimits) -> Result<ReferenceAudio> {
    let is_stdin = is_stdin(path);
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let audio = match is_stdin {
        true => ReferenceAudio::from_reader(io::stdin().lock(), &name, limits)?,
        false => ReferenceAudio::read(path, limits)?,
    };
    for warning in &audio.warnings {
        note(&format!("{name}: {warning}"));
    }
    Ok(audio)
}
