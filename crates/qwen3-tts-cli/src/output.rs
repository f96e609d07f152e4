//! Destinations of results: a file, or standard output.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use qwen3_tts_pipeline::WavFormat;

use crate::args::{Format, OutputArgs};
use crate::failure::{Failure, Result};
use crate::identity::is_stdout;
use crate::output_file::{OutputFile, OutputStream};
use crate::terminal;

/// Destination of bytes, known to be writable.
pub enum Destination {
    File(OutputFile),
    Stdout,
}

impl Destination {
    /// Checks that a file, or standard output for `-`, is writable, before anything is computed.
    pub fn check(path: &Path) -> Result<Self> {
        match is_stdout(path) {
            true => Ok(Self::Stdout),
            false => OutputFile::check(path).map(Self::File),
        }
    }

    /// As [`Self::check`], for bytes that are no text.
    pub fn check_binary(path: &Path) -> Result<Self> {
        if is_stdout(path) && io::stdout().is_terminal() {
            return Err(Failure::request(
                "standard output is a terminal: redirect it, or use -o FILE",
            ));
        }
        Self::check(path)
    }

    /// Writes all of the bytes.
    pub fn write(self, bytes: &[u8]) -> Result {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout => write_stdout(bytes),
        }
    }
}

/// Destination of a WAV file, known to be writable.
pub struct WavOutput {
    place: Destination,
    format: WavFormat,
    is_raw: bool,
}

impl WavOutput {
    /// Checks that the destination is writable and that its name fits what it gets, before anything
    /// is computed.
    pub fn check(args: &OutputArgs) -> Result<Self> {
        let place = Destination::check_binary(args.path())?;
        if matches!(&place, Destination::File(file) if !file.is_special()) {
            check_ending(args.path(), args.raw)?;
        }
        Ok(Self { place, format: args.format.into(), is_raw: args.raw })
    }

    /// Writes all of the audio.
    pub fn write(self, audio: &[f32], sample_rate: u32) -> Result {
        let bytes = match self.is_raw {
            true => self.format.encode_samples(audio),
            false => self.format.encode(audio, sample_rate),
        };
        self.place.write(&bytes)
    }

    /// Begins to write audio in chunks. If a header with the length cannot be written later, the
    /// audio is buffered until its end, unless it is wanted `as_it_goes`.
    pub fn begin(self, sample_rate: u32, as_it_goes: bool) -> Result<WavSink> {
        let has_no_end = match &self.place {
            Destination::Stdout => true,
            Destination::File(file) => file.is_special(),
        };
        let (format, is_raw) = (self.format, self.is_raw);
        let mut target = match self.place {
            _ if has_no_end && !as_it_goes && !is_raw => Target::Kept(self, Vec::new()),
            Destination::Stdout => Target::Stdout,
            Destination::File(file) => Target::File(file.begin()?),
        };
        let header = if is_raw { Vec::new() } else { format.header(sample_rate, None) };
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

/// Checks that the ending of a file's name, if there is one, names what the file gets.
pub fn check_ending(path: &Path, is_raw: bool) -> Result {
    let Some(ending) = path.extension() else { return Ok(()) };
    let ending = ending.to_string_lossy().to_ascii_lowercase();
    let (fits, is_other) = (["wav", "wave"], ["raw", "pcm"]);
    let (fits, is_other) = if is_raw { (is_other, fits) } else { (fits, is_other) };
    if fits.contains(&&*ending) {
        return Ok(());
    }
    let advice = match (is_raw, is_other.contains(&&*ending)) {
        (false, true) => "add --raw to write samples without a header, or name it .wav",
        (false, false) => "only WAV files are written: name it .wav, and convert it afterwards",
        (true, _) => "--raw writes samples without a header: name it .raw or .pcm",
    };
    Err(Failure::request(format!("cannot write {}: {advice}", path.display())))
}

/// Writes lines to standard output, without control characters.
pub fn print(lines: &str) -> Result {
    write_stdout(format!("{}\n", terminal::lines(lines.trim_end())).as_bytes())
}

/// Writes JSON to standard output, with its control characters escaped.
pub fn print_json(json: &str) -> Result {
    write_stdout(format!("{}\n", terminal::json(json)).as_bytes())
}

/// Writes a path to standard output. Only a terminal gets it without control characters.
pub fn print_path(path: &Path) -> Result {
    match io::stdout().is_terminal() {
        true => print(&path.display().to_string()),
        false => write_stdout(format!("{}\n", path.display()).as_bytes()),
    }
}

/// Writes to standard output.
fn write_stdout(bytes: &[u8]) -> Result {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::stdout(&error))
}
