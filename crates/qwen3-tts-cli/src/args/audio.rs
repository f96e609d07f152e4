//! Flags for how audio is written.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use qwen3_tts_audio::{Encoding, Format, SampleFormat};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};

/// File for the audio, and its format.
#[derive(Args)]
pub struct OutputArgs {
    /// Audio file to write, in the format that its ending tells: .wav, .flac, .opus, .ogg or .pcm; or -
    /// for standard output [default: out.wav, or out with the ending of --format]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub encoding: EncodingArgs,

    /// Title in the metadata of FLAC and Opus files [default: the beginning of a spoken text]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, value_parser = super::usage::text)]
    pub title: Option<String>,
}

impl OutputArgs {
    /// Returns the destination of the audio.
    pub fn path(&self) -> PathBuf {
        let default = || PathBuf::from(format!("out.{}", self.encoding.default_format().name()));
        self.output.clone().unwrap_or_else(default)
    }
}

/// Format of a file, and what can be chosen with it.
#[derive(Args)]
pub struct EncodingArgs {
    /// Format of the audio, where no ending tells it [default: wav]
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    format: Option<Format>,

    /// Sample format of WAV, FLAC and PCM: 16-bit integers, 24-bit integers or 32-bit floats
    /// [default: s16]
    #[arg(long, value_name = "FORMAT", value_parser = sample_formats())]
    sample_format: Option<SampleFormat>,

    /// Sample rate in Hz [default: that of the model, 24000]
    #[arg(long, value_name = "HZ", value_parser = sample_rates())]
    sample_rate: Option<u32>,

    /// Bit rate in kbit/s, for Opus [default: 48]
    #[arg(long, value_name = "KBITS")]
    bitrate: Option<u32>,
}

impl EncodingArgs {
    /// Returns the format of a file whose name tells none.
    pub fn default_format(&self) -> Format {
        self.format.unwrap_or_default()
    }

    /// Returns how a file is encoded.
    ///
    /// # Errors
    /// Returns a failure if its ending tells no format or another one than `--format`, or if the format
    /// lacks what the other flags ask for.
    pub fn encoding(&self, path: &Path) -> Result<Encoding> {
        let cannot =
            |reason: String| Failure::request(format!("cannot write {}: {reason}", path.display()));
        let told = Format::of_path(path).map_err(|error| cannot(error.to_string()))?;
        let format = match (told, self.format) {
            (Some(told), Some(format)) if told != format => {
                let name = format.name();
                return Err(cannot(format!(
                    "--format {name} writes {format}: name it .{name}, or leave out --format"
                )));
            }
            (told, given) => told.or(given).unwrap_or_default(),
        };
        self.with_format(format)
    }

    /// Returns how a stream without a name is encoded.
    ///
    /// # Errors
    /// Returns a failure if the format lacks what the other flags ask for.
    pub fn stream_encoding(&self) -> Result<Encoding> {
        self.with_format(self.default_format())
    }

    fn with_format(&self, format: Format) -> Result<Encoding> {
        let encoding = || {
            let mut encoding = Encoding::new(format);
            if let Some(sample_format) = self.sample_format {
                encoding = encoding.with_sample_format(sample_format)?;
            }
            if let Some(sample_rate) = self.sample_rate {
                encoding = encoding.with_sample_rate(sample_rate)?;
            }
            match self.bitrate {
                Some(bitrate) => encoding.with_bitrate(bitrate),
                None => Ok(encoding),
            }
        };
        encoding().map_err(|error: qwen3_tts_audio::Error| Failure::request(error.to_string()))
    }

    /// Returns the flags as files store them.
    pub fn settings(&self) -> Value {
        json!({
            "format": self.format.map(Format::name),
            "sample_format": self.sample_format.map(SampleFormat::name),
            "sample_rate": self.sample_rate,
            "bitrate": self.bitrate,
        })
    }
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::names()).try_map(|name| name.parse::<Format>())
}

fn sample_formats() -> impl TypedValueParser<Value = SampleFormat> {
    let names = SampleFormat::ALL.map(SampleFormat::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<SampleFormat>())
}

fn sample_rates() -> impl TypedValueParser<Value = u32> {
    const RATES: [&str; 6] = ["8000", "16000", "22050", "24000", "44100", "48000"];
    PossibleValuesParser::new(RATES).try_map(|rate| rate.parse::<u32>())
}
