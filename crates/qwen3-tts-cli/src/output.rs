//! Destinations of audio: a file, or standard output.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use qwen3_tts_pipeline::WavFormat;

use crate::args::{Format, OutputArgs};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::output_file::{OutputFile, OutputStream};

/// Destination of a WAV file, known to be writable.
pub struct WavOutput {
    place: Place,
    format: WavFormat,
    is_raw: bool,
}

enum Place {
    File(OutputFile),
    Stdout,
}

impl WavOutput {
    /// Checks that the destination is writable, before anything is computed.
    pub fn check(args: &OutputArgs) -> Result<Self> {
        let place = if args.path() != Path::new("-") {
            Place::File(OutputFile::check(args.path())?)
        } else if io::stdout().is_terminal() {
            return Err(Failure::request(
                "standard output is a terminal: redirect it, or use -o FILE",
            ));
        } else {
            Place::Stdout
        };
        Ok(Self { place, format: args.format.into(), is_raw: args.raw })
    }

    /// Writes all of the audio.
    pub fn write(self, audio: &[f32], sample_rate: u32) -> Result {
        let bytes = match self.is_raw {
            true => self.format.encode_samples(audio),
            false => self.format.encode(audio, sample_rate),
        };
        match self.place {
            Place::File(file) => file.write(&bytes),
            Place::Stdout => write_stdout(&bytes),
        }
    }

    /// Begins to write audio in chunks. If a header with the length cannot be written later, the
    /// audio is buffered until its end, unless it is wanted `as_it_goes`.
    pub fn begin(self, sample_rate: u32, as_it_goes: bool) -> Result<WavSink> {
        let has_no_end = match &self.place {
            Place::Stdout => true,
            Place::File(file) => file.is_special(),
        };
        let (format, is_raw) = (self.format, self.is_raw);
        let mut target = match self.place {
            _ if has_no_end && !as_it_goes && !is_raw => Target::Kept(self, Vec::new()),
            Place::Stdout => Target::Stdout,
            Place::File(file) => Target::File(file.begin()?),
        };
        let header = if is_raw { Vec::new() } else { format.header(sample_rate, None) };
        if let Target::File(stream) = &target {
            stream.part_path().into_iter().for_each(interrupt::remove_unless_complete);
        }
        target.write(&header)?;
        Ok(WavSink { target, format, is_raw, sample_rate, n_samples: 0 })
    }
}

/// Audio that is being written.
pub struct WavSink {
    target: Target,
    format: WavFormat,
    is_raw: bool,
    sample_rate: u32,
    n_samples: usize,
}

enum Target {
    File(OutputStream),
    Stdout,
    Kept(WavOutput, Vec<f32>),
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> Result {
        match self {
            Self::File(stream) => stream.write(bytes),
            Self::Stdout => write_stdout(bytes),
            Self::Kept(..) => Ok(()),
        }
    }
}

impl WavSink {
    /// Adds samples.
    pub fn write(&mut self, samples: &[f32]) -> Result {
        self.n_samples += samples.len();
        match &mut self.target {
            Target::Kept(_, audio) => {
                audio.extend(samples);
                Ok(())
            }
            target => target.write(&self.format.encode_samples(samples)),
        }
    }

    /// Completes the file.
    pub fn finish(self) -> Result {
        match self.target {
            Target::Stdout => Ok(()),
            Target::Kept(output, audio) => output.write(&audio, self.sample_rate),
            Target::File(mut stream) => {
                if stream.can_rewrite() && !self.is_raw {
                    let header = self.format.header(self.sample_rate, Some(self.n_samples));
                    stream.rewrite_start(&header)?;
                }
                stream.finish()
            }
        }
    }
}

impl From<Format> for WavFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::S16 => Self::S16,
            Format::F32 => Self::F32,
        }
    }
}

/// Writes to standard output.
pub fn write_stdout(bytes: &[u8]) -> Result {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::stdout(&error))
}
