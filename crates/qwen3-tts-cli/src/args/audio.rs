//! Flags for how audio is written.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use qwen3_tts_audio::{Effects, Encoding, Format, SampleFormat};
use serde_json::{Value, json};

use crate::failure::{self, Failure};

/// File for the audio, and its format.
#[derive(Args)]
pub struct OutputArgs {
    /// Audio file to write, in the format that its ending tells: .wav, .flac, .mp3, .aac, .opus, .ogg or .pcm;
    /// or - for standard output [default: out.wav, or out with the ending of --format]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub encoding: EncodingArgs,

    #[command(flatten)]
    pub effects: EffectArgs,

    /// Title in the metadata of FLAC, MP3, AAC and Opus files [default: the beginning of a spoken text]
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

    /// Bit rate in kbit/s, for MP3 and AAC [default: 64, and 96 above 24000 Hz] and Opus [default: 48]
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
    pub fn encoding(&self, path: &Path) -> failure::Result<Encoding> {
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

    /// Returns how a pipe, a device or standard output is encoded: as `--format` says, else as its
    /// ending tells.
    ///
    /// # Errors
    /// Returns a failure if the format lacks what the other flags ask for.
    pub fn stream_encoding(&self, path: &Path) -> failure::Result<Encoding> {
        let told = || Format::of_path(path).ok().flatten();
        self.with_format(self.format.or_else(told).unwrap_or_default())
    }

    fn with_format(&self, format: Format) -> failure::Result<Encoding> {
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

/// Changes of the audio.
#[derive(Args)]
pub struct EffectArgs {
    /// Speed at the same pitch, from 0.25 to 4
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true, value_parser = speed)]
    speed: Option<f32>,

    /// Loudness of the whole speech in LUFS, such as -16LUFS, with peaks of at most -1 dBFS; not with
    /// --stream or --play
    #[arg(long, value_name = "LUFS", allow_hyphen_values = true, value_parser = loudness)]
    loudness: Option<f64>,

    /// Remove silence at the beginning and at the end
    #[arg(long)]
    trim_silence: bool,
}

impl EffectArgs {
    /// Returns the changes.
    pub fn effects(&self) -> Effects {
        let mut effects = Effects::new().trim_silence(self.trim_silence);
        if let Some(speed) = self.speed {
            effects = effects.speed(speed).expect("a speed that was checked");
        }
        if let Some(loudness) = self.loudness {
            effects = effects.loudness(loudness).expect("a loudness that was checked");
        }
        effects
    }

    /// Returns the flags as files store them.
    pub fn settings(&self) -> Value {
        json!({
            "speed": self.speed,
            "loudness": self.loudness,
            "trim_silence": self.trim_silence,
        })
    }
}

fn speed(argument: &str) -> Result<f32, String> {
    let speed: f32 = argument.trim_end_matches('x').parse().map_err(|_| "expected a number")?;
    Effects::new().speed(speed).map(|_| speed).map_err(|error| error.to_string())
}

/// Parses a loudness, with or without its unit.
fn loudness(argument: &str) -> Result<f64, String> {
    let upper = argument.to_ascii_uppercase();
    let number = upper.strip_suffix("LUFS").unwrap_or(&upper).trim();
    let loudness: f64 = number.parse().map_err(|_| "expected a number of LUFS, such as -16")?;
    Effects::new().loudness(loudness).map(|_| loudness).map_err(|error| error.to_string())
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
