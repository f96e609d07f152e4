//! Where audio goes: a file, or standard output.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use qwen3_tts_pipeline::{OutputFile, WavFormat, encode_wav};

use crate::args::{Format, OutputArgs};
use crate::failure::{Failure, Result};

/// A place for a WAV file, known to be writable.
pub struct WavOutput {
    place: Place,
    format: WavFormat,
}

enum Place {
    File(OutputFile),
    Stdout,
}

impl WavOutput {
    /// Makes sure that there is a place, before anything is computed.
    pub fn check(args: &OutputArgs) -> Result<Self> {
        let format = match args.format {
            Format::S16 => WavFormat::S16,
            Format::F32 => WavFormat::F32,
        };
        if args.output != Path::new("-") {
            return Ok(Self { place: Place::File(OutputFile::check(&args.output)?), format });
        }
        if io::stdout().is_terminal() {
            return Err(Failure::request(
                "standard output is a terminal: redirect it, or use -o FILE",
            ));
        }
        Ok(Self { place: Place::Stdout, format })
    }

    /// Writes all of the audio.
    pub fn write(self, audio: &[f32], sample_rate: u32) -> Result {
        let bytes = encode_wav(audio, sample_rate, self.format);
        match self.place {
            Place::File(file) => write_file(file, &bytes),
            Place::Stdout => write_stdout(&bytes),
        }
    }
}

/// Writes a file that was known to be writable.
pub fn write_file(file: OutputFile, bytes: &[u8]) -> Result {
    file.write(bytes).map_err(|error| Failure::Other(error.to_string()))
}

/// Writes to standard output.
pub fn write_stdout(bytes: &[u8]) -> Result {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::stdout(&error))
}
