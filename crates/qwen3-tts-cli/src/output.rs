//! Destinations of results: a file, or standard output.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use qwen3_tts_audio::{Chapter, Encoder, Encoding, Format, Metadata};

use crate::args::OutputArgs;
use crate::failure::{Failure, Result};
use crate::identity::{is_stdin, is_stdout};
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

    /// Returns true for a file, whose name tells what it holds and whose start can be rewritten: not
    /// for standard output, pipes and devices.
    fn has_name(&self) -> bool {
        matches!(self, Self::File(file) if !file.is_special())
    }

    /// Writes all of the bytes.
    pub fn write(self, bytes: &[u8]) -> Result {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout => write_stdout(bytes),
        }
    }
}

/// Destination of audio, known to be writable.
pub struct AudioOutput {
    place: Destination,
    encoding: Encoding,
    metadata: Metadata,
}

impl AudioOutput {
    /// Checks that the destination is writable, that its name fits what it gets, and that the format
    /// has what is asked for, before anything is computed.
    pub fn check(args: &OutputArgs) -> Result<Self> {
        let path = args.path();
        let place = Destination::check_binary(&path)?;
        let encoding = match place.has_name() {
            true => args.encoding.encoding(&path)?,
            false => args.encoding.stream_encoding(&path)?,
        };
        if args.title.is_some() && matches!(encoding.format(), Format::Wav | Format::Pcm) {
            return Err(Failure::request(format!(
                "{} has no title: leave out --title, or choose another format",
                encoding.format()
            )));
        }
        Ok(Self { place, encoding, metadata: Metadata::default() })
    }

    /// Sets the metadata of the file.
    pub fn set_metadata(&mut self, metadata: Metadata) {
        self.metadata = metadata;
    }

    /// Sets the title, if there is none yet, and the titles of the chapters, whose times are known at
    /// the end.
    pub fn describe(&mut self, begin: &str, chapters: &[String]) {
        self.metadata.title.get_or_insert_with(|| title(begin));
        let start = Duration::ZERO;
        self.metadata.chapters =
            chapters.iter().map(|title| Chapter { start, title: title.clone() }).collect();
    }

    /// Writes all of the audio.
    pub fn write(self, audio: &[f32], sample_rate: u32) -> Result {
        let encoded = self.encoding.encode(audio, sample_rate, self.metadata);
        self.place.write(&encoded.map_err(refused)?)
    }

    /// Begins to write audio in chunks. If its head cannot be corrected at its end, the audio is
    /// buffered until then, unless it is wanted `as_it_goes`.
    pub fn begin(mut self, sample_rate: u32, as_it_goes: bool) -> Result<AudioSink> {
        let has_head = self.encoding.format() != Format::Pcm;
        if !self.place.has_name() {
            if has_head && !as_it_goes {
                return Ok(AudioSink::Kept { output: self, sample_rate, audio: Vec::new() });
            }
            // Their times are known at the end.
            self.metadata.chapters.clear();
        }
        let target = match self.place {
            Destination::Stdout => Target::Stdout,
            Destination::File(file) => Target::File(file.begin()?),
        };
        let encoder = Encoder::new(&self.encoding, sample_rate, self.metadata).map_err(refused)?;
        let mut sink = AudioSink::Live { target, encoder };
        // The head tells a reader what follows.
        sink.write(&[])?;
        Ok(sink)
    }
}

/// Audio that is being written.
pub enum AudioSink {
    Live { target: Target, encoder: Encoder },
    Kept { output: AudioOutput, sample_rate: u32, audio: Vec<f32> },
}

/// Destination that is open.
pub enum Target {
    File(OutputStream),
    Stdout,
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> Result {
        match self {
            _ if bytes.is_empty() => Ok(()),
            Self::File(stream) => stream.write(bytes),
            Self::Stdout => write_stdout(bytes),
        }
    }
}

impl AudioSink {
    /// Adds samples.
    pub fn write(&mut self, samples: &[f32]) -> Result {
        match self {
            Self::Live { target, encoder } => target.write(&encoder.push(samples)),
            Self::Kept { audio, .. } => {
                audio.extend(samples);
                Ok(())
            }
        }
    }

    /// Completes the file, whose chapters begin at `starts`.
    pub fn finish(self, starts: &[Duration]) -> Result {
        let (mut target, mut encoder) = match self {
            Self::Live { target, encoder } => (target, encoder),
            Self::Kept { mut output, sample_rate, audio } => {
                for (chapter, start) in output.metadata.chapters.iter_mut().zip(starts) {
                    chapter.start = *start;
                }
                return output.write(&audio, sample_rate);
            }
        };
        encoder.move_chapters(starts);
        let finished = encoder.finish();
        target.write(&finished.rest)?;
        match target {
            Target::Stdout => Ok(()),
            Target::File(mut stream) => {
                if stream.can_rewrite() {
                    stream.rewrite_start(&finished.head)?;
                }
                stream.finish()
            }
        }
    }
}

/// Returns the title of a spoken text: its first line, up to a length.
pub fn title(text: &str) -> String {
    const MAX: usize = 80;
    let line = text.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

/// Returns the name of the voice of a recording or voice file, unless it is standard input.
pub fn voice_name(path: &Path) -> Option<String> {
    let named = Some(path).filter(|path| !is_stdin(path));
    Some(named?.file_stem()?.display().to_string())
}

/// Returns the name of a model: of a directory the last part, since paths are private.
pub fn model_name(model: &str) -> Option<String> {
    match Path::new(model) {
        path if path.is_dir() => Some(path.canonicalize().ok()?.file_name()?.display().to_string()),
        _ => Some(model.to_owned()),
    }
}

/// Returns the failure for audio that a format cannot hold.
fn refused(error: qwen3_tts_audio::Error) -> Failure {
    Failure::request(error.to_string())
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
