//! The command line.

mod audio;
mod compute;
mod sampling;
mod serve;
mod shard;
mod subtitles;
mod tools;
mod usage;
mod weights;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use qwen3_tts_pipeline::{LongText, Quantize};

pub use self::audio::{EffectArgs, EncodingArgs, OutputArgs};
pub use self::compute::{Device, KvCache};
pub use self::sampling::SamplingArgs;
pub use self::serve::{LogForm, ServeArgs, Time};
pub use self::shard::Shard;
pub use self::subtitles::{Granularity, SubtitleArgs};
pub use self::tools::{CompletionsArgs, DoctorArgs, DownloadArgs, InfoArgs, ManArgs};
pub use self::weights::{Layout, Rounding, WeightType};
use crate::failure::{EXIT_CODES, Failure};
use crate::note;

/// Text to speech with Qwen3-TTS.
#[derive(Parser)]
#[command(name = "qwen3-tts", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Show neither progress nor notes; errors, and warnings about speech that was cut off, remain
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Speak a text and write it to an audio file
    Speak(Box<SpeakArgs>),
    /// Speak many requests from a file, several at a time
    Batch(BatchArgs),
    /// Serve speech to clients: OpenAI's API, WebSocket, Wyoming, and a web page
    ///
    /// The address is printed on standard output. docs/serving.md tells how clients are set up.
    Serve(Box<ServeArgs>),
    /// Create voice files from recordings, and show them
    #[command(subcommand)]
    Voice(VoiceCommand),
    /// Decode speech codes to audio, and encode audio to codes
    #[command(subcommand)]
    Codec(CodecCommand),
    /// Show the configuration and weights of a checkpoint
    Info(InfoArgs),
    /// List the speakers and languages of a model, and what else it takes
    Voices(InfoArgs),
    /// Download a model from the Hugging Face hub and print its directory
    ///
    /// Files in the cache are checked against the hub. Missing, damaged and outdated files are
    /// downloaded.
    Download(DownloadArgs),
    /// Convert a checkpoint to another layout, data type or quantisation
    ///
    /// SOURCE may hold safetensors files in PyTorch's or MLX's layout, weights quantised by MLX, or
    /// files of torch.save (.bin, .pt, .pth); code in such a file is never executed. Quantised
    /// weights are dequantised unless --quantize is given; those that are quantised in the same way are
    /// copied.
    Convert(ConvertArgs),
    /// Show what the machine offers, and measure how fast it would speak
    ///
    /// The measurement takes about ten seconds. Nothing else should compute meanwhile.
    Doctor(DoctorArgs),
    /// Print the completions of a shell
    ///
    /// bash: qwen3-tts completions bash > ~/.local/share/bash-completion/completions/qwen3-tts;
    /// zsh: the same into a file _qwen3-tts in a directory of $fpath;
    /// fish: qwen3-tts completions fish > ~/.config/fish/completions/qwen3-tts.fish
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them to a directory
    ///
    /// To read a page: qwen3-tts man speak | man -l -
    Man(ManArgs),
}

impl Command {
    /// Appends `--revision` to the hub id of the model.
    fn with_revision(mut self) -> Self {
        match &mut self {
            Self::Speak(args) => args.model.append_revision(),
            Self::Batch(args) => args.model.append_revision(),
            Self::Voice(VoiceCommand::Create(args)) => args.model.append_revision(),
            Self::Voice(VoiceCommand::Show(_)) => {}
            Self::Codec(CodecCommand::Decode(args)) => args.model.append_revision(),
            Self::Codec(CodecCommand::Encode(args)) => args.model.append_revision(),
            Self::Info(args) | Self::Voices(args) => {
                append_revision(args.model.as_mut(), args.revision.as_deref());
            }
            Self::Download(args) => {
                append_revision(Some(&mut args.model), args.revision.as_deref());
            }
            Self::Convert(args) => {
                append_revision(Some(&mut args.source), args.revision.as_deref());
            }
            Self::Serve(_) | Self::Doctor(_) | Self::Completions(_) | Self::Man(_) => {}
        }
        self
    }
}

impl ModelArgs {
    fn append_revision(&mut self) {
        append_revision(self.model.as_mut(), self.revision.as_deref());
    }
}

fn append_revision(model: Option<&mut String>, revision: Option<&str>) {
    if let (Some(model), Some(revision)) = (model, revision) {
        model.push('@');
        model.push_str(revision);
    }
}

#[derive(Subcommand)]
pub enum CodecCommand {
    /// Decode a file of codes, such as `speak --codes` writes, to an audio file
    Decode(DecodeArgs),
    /// Encode a recording to a file of codes
    Encode(EncodeArgs),
}

#[derive(Subcommand)]
pub enum VoiceCommand {
    /// Create a voice file from a recording, for `speak --voice`
    Create(CreateArgs),
    /// Show the contents of a voice file
    Show(ShowArgs),
}

#[derive(Args)]
pub struct SpeakArgs {
    /// Text to speak, or - to read it from standard input
    #[arg(required_unless_present = "file")]
    pub text: Option<String>,

    /// File of the text, or - for standard input; UTF-8, or UTF-16 with a byte order mark
    #[arg(short, long, value_name = "TEXT_FILE", conflicts_with = "text")]
    pub file: Option<PathBuf>,

    #[command(flatten)]
    pub model: ModelArgs,

    /// Bits to quantise weights to at load: 8, 6, 4 or none; or by part, such as
    /// talker=4,code-predictor=4. With 4, the code predictor has 8
    #[arg(long, value_name = "BITS", default_value = "none")]
    pub quantize: Quantize,

    /// Type of the keys and values of earlier positions on the CPU
    #[arg(long, value_name = "TYPE", default_value = "i16")]
    pub kv_cache: KvCache,

    /// Speaker of the model, in upper or lower case, or a blend such as ryan:0.7,vivian:0.3
    /// [default: its first speaker]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ref_audio", "voice"])]
    pub speaker: Option<String>,

    #[command(flatten)]
    pub reference: ReferenceArgs,

    /// Voice file to speak with, for a base model; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "ref_audio")]
    pub voice: Option<PathBuf>,

    /// Language of the text by name, ISO 639 code or BCP 47 tag, in upper or lower case, or auto
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub language: String,

    /// Instruction for the manner of speaking, or for a voice design model the description of the
    /// voice
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, value_parser = usage::text)]
    pub instruct: Option<String>,

    /// Read marks in the text: [pause 500ms], [speaker NAME] … [/speaker], [language NAME] …
    /// [/language], [instruct "TEXT"] … [/instruct], and lines with # as headings of chapters; \[ is
    /// a bracket
    #[arg(long)]
    pub markup: bool,

    #[command(flatten)]
    pub sampling: SamplingArgs,

    /// Maximum length in 80 ms frames, of each piece if the text is split [default: the checkpoint's
    /// limit]
    #[arg(long, value_name = "N", allow_negative_numbers = true,
          value_parser = usage::whole::<usize>)]
    pub max_frames: Option<usize>,

    /// Give the model the whole text before it speaks [default, except for cloned voices]
    #[arg(long, conflicts_with = "streaming_text")]
    pub non_streaming_text: bool,

    /// Give the model one token of the text per frame [default for cloned voices]
    #[arg(long)]
    pub streaming_text: bool,

    #[command(flatten)]
    pub output: OutputArgs,

    /// Write audio as it is generated; text from a pipe is spoken as it arrives
    #[arg(long)]
    pub stream: bool,

    /// Play audio as it is generated, and write a file only if -o names one; needs a build with the
    /// feature `play`
    #[arg(long)]
    pub play: bool,

    #[command(flatten)]
    pub pieces: PieceArgs,

    /// Number of pieces of a long text that are spoken together
    #[arg(long, value_name = "N", default_value = "8", value_parser = usage::positive)]
    pub batch_size: usize,

    /// Keep finished pieces of a long text beside the output until it is complete, and reuse those
    /// that an earlier run left there
    #[arg(long, conflicts_with_all = ["no_split", "stream", "play"])]
    pub resume: bool,

    /// File for the codes, as JSON, or - for standard output
    #[arg(long, value_name = "FILE.json")]
    pub codes: Option<PathBuf>,

    #[command(flatten)]
    pub subtitles: SubtitleArgs,

    /// File for the seed, timings and other statistics, as JSON, or - for standard output
    #[arg(long, value_name = "FILE.json")]
    pub stats: Option<PathBuf>,

    /// Display of progress; auto shows it on a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: When,
}

/// Splitting of long texts.
#[derive(Args)]
pub struct PieceArgs {
    /// Maximum number of text tokens in a piece; a longer text is split, at sentence ends if possible
    #[arg(long, value_name = "N", default_value = "256", value_parser = usage::positive)]
    pub piece_tokens: usize,

    /// Speak the text in one piece, however long it is
    #[arg(long, conflicts_with = "piece_tokens")]
    pub no_split: bool,

    /// Silence between sentences that are pieces, such as 300ms or 0.5s [default: 250ms]
    #[arg(long, value_name = "TIME", value_parser = usage::duration)]
    pub pause_sentence: Option<Duration>,

    /// Silence between paragraphs [default: 650ms]
    #[arg(long, value_name = "TIME", value_parser = usage::duration)]
    pub pause_paragraph: Option<Duration>,

    /// Maximum number of retries, each with another seed, of a piece that runs away
    #[arg(long, value_name = "N", default_value = "2", allow_negative_numbers = true,
          value_parser = usage::whole::<usize>)]
    pub retries: usize,
}

impl PieceArgs {
    /// Returns the splitting options, with `together` pieces spoken at the same time.
    pub fn long_text(&self, together: usize) -> LongText {
        let default = LongText::default();
        let sentence = self.pause_sentence.unwrap_or(default.sentence_pause);
        let paragraph = self.pause_paragraph.unwrap_or(default.paragraph_pause);
        default
            .piece_tokens((!self.no_split).then_some(self.piece_tokens))
            .together(together)
            .retries(Some(self.retries))
            .sentence_pause(sentence)
            .paragraph_pause(paragraph)
    }
}

#[derive(Args)]
pub struct BatchArgs {
    /// File with one JSON request per line, or with a CSV table; or - for standard input
    pub requests: PathBuf,

    /// Read CSV, whose first row names the fields [default for .csv and .tsv]
    #[arg(long)]
    pub csv: bool,

    /// Speak share I of N of the lines, those of a number in steps of N, for a job on several
    /// machines; the results are in manifest-I-of-N.jsonl
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,

    /// Directory for the audio files and for manifest.jsonl, which lists the result of each request
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,

    #[command(flatten)]
    pub model: ModelArgs,

    /// Bits to quantise weights to at load: 8, 6, 4 or none; or by part, such as
    /// talker=4,code-predictor=4. With 4, the code predictor has 8
    #[arg(long, value_name = "BITS", default_value = "none")]
    pub quantize: Quantize,

    /// Type of the keys and values of earlier positions on the CPU
    #[arg(long, value_name = "TYPE", default_value = "i16")]
    pub kv_cache: KvCache,

    #[command(flatten)]
    pub pieces: PieceArgs,

    /// Number of requests, or pieces of long ones, that are spoken together
    #[arg(long, value_name = "N", default_value = "8", value_parser = usage::positive)]
    pub batch_size: usize,

    /// Skip the requests that an earlier run completed
    #[arg(long)]
    pub resume: bool,

    #[command(flatten)]
    pub encoding: EncodingArgs,

    #[command(flatten)]
    pub effects: EffectArgs,

    /// Display of progress; auto shows it on a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: When,
}

#[derive(Args)]
pub struct ReferenceArgs {
    /// Recording of the voice to clone, for a base model; - for standard input
    #[arg(long, value_name = "FILE")]
    pub ref_audio: Option<PathBuf>,

    /// Transcript of the whole recording, word for word
    #[arg(long, value_name = "TEXT", requires = "ref_audio", allow_hyphen_values = true,
          value_parser = usage::text)]
    pub ref_text: Option<String>,

    /// Clone from the speaker embedding (x-vector) only, without the recording itself
    #[arg(long, conflicts_with = "ref_text")]
    pub x_vector_only: bool,

    /// Silence to append to the recording, which keeps its last word from being repeated
    #[arg(long, value_name = "SECONDS", requires = "ref_audio", allow_negative_numbers = true,
          value_parser = usage::number::<f64>)]
    pub trailing_silence: Option<f64>,
}

#[derive(Args)]
pub struct CreateArgs {
    #[command(flatten)]
    pub reference: ReferenceArgs,

    #[command(flatten)]
    pub model: ModelArgs,

    /// Voice file to write, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

#[derive(Args)]
pub struct ShowArgs {
    /// Voice file to show, or - for standard input
    pub voice: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct EncodeArgs {
    /// Recording to encode: WAV, FLAC, MP3, OGG, M4A, WebM and others, or - for standard input
    pub audio: PathBuf,

    #[command(flatten)]
    pub model: ModelArgs,

    /// File for the codes, or - for standard output
    #[arg(short, long, value_name = "FILE.json")]
    pub output: PathBuf,
}

#[derive(Args)]
pub struct ModelArgs {
    /// Directory of a checkpoint, or a model on the Hugging Face hub: its id, such as
    /// Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice, or the URL of its page
    /// [default: the small built-in demo checkpoint]
    #[arg(long, value_name = "DIR_OR_HUB_ID")]
    pub model: Option<String>,

    /// Branch, tag or commit of the model on the hub; HUB_ID@REVISION does the same
    /// [default: main]
    #[arg(long, requires = "model")]
    revision: Option<String>,

    /// Device to compute on; mlx needs a build with the feature `mlx`
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: Device,

    /// Number of compute threads [default: one per available core]
    #[arg(long, value_name = "N", value_parser = usage::positive, allow_negative_numbers = true)]
    pub threads: Option<usize>,
}

#[derive(Args)]
pub struct DecodeArgs {
    /// File with {"codes": [[c0, …, c15], …]}, or - for standard input
    pub codes: PathBuf,

    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args)]
pub struct ConvertArgs {
    /// Directory of a checkpoint, or the id of a model on the Hugging Face hub
    pub source: String,

    /// Branch, tag or commit of the model on the hub [default: main]
    #[arg(long)]
    revision: Option<String>,

    /// Directory to create; it must not exist yet
    pub out: PathBuf,

    /// Axis order of convolution weights
    #[arg(long, value_enum, default_value = "mlx")]
    pub layout: Layout,

    /// Bits to quantise the matrices of talker and code predictor to: 8, 6 or 4
    #[arg(long, value_name = "BITS")]
    pub quantize: Option<usize>,

    /// Quantise weights that SOURCE has quantised in another way; precision is lost twice
    #[arg(long, requires = "quantize")]
    pub requantize: bool,

    /// Number of weights that share a scale and a bias: 32, 64 or 128 [default: 64]
    #[arg(long, value_name = "N", requires = "quantize")]
    pub group_size: Option<usize>,

    /// Rounding of quantised weights
    #[arg(long, value_enum, default_value = "least-squares", requires = "quantize")]
    pub rounding: Rounding,

    /// Data type of unquantised weights, and of quantisation scales and biases
    /// [default: that of SOURCE]
    #[arg(long, value_enum)]
    pub dtype: Option<WeightType>,

    /// Maximum size of a weights file; a file of a single tensor may be larger
    #[arg(long, value_name = "MIB", default_value = "5120", value_parser = usage::positive)]
    pub shard_size: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// If standard error is a terminal
    Auto,
    /// Never
    Never,
}

/// Returns the definition of the command line, for completions and manual pages.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Parses the process's arguments. Help, version and usage errors end the command.
pub fn parse() -> Result<Command, ExitCode> {
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let arguments: Vec<String> = arguments.collect();
    let cli = parsed(&arguments).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let printed = error.print().and_then(|()| std::io::stdout().flush());
            printed.map_or_else(|error| Failure::stdout(&error).report(), |()| ExitCode::SUCCESS)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // A closed standard error is ignored.
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => Failure::request(usage::message(&error, &arguments)).report(),
    })?;
    if cli.quiet {
        note::be_quiet();
    }
    Ok(cli.command.with_revision())
}

/// Parses the arguments. A text that begins with a hyphen is accepted unless it is spelled like a
/// flag, so that a misspelt flag stays an error.
fn parsed(arguments: &[String]) -> Result<Cli, clap::Error> {
    Cli::try_parse().or_else(|error| {
        if !usage::takes_text_for_flag(&error, arguments) {
            return Err(error);
        }
        let command = Cli::command().mut_subcommand("speak", |speak| {
            speak.mut_arg("text", |text| text.allow_hyphen_values(true))
        });
        Cli::from_arg_matches(&command.try_get_matches()?)
    })
}
