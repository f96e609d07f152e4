//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use qwen3_tts_pipeline::{LongText, Quantize};

use crate::failure::Failure;

/// Text to speech with Qwen3-TTS.
#[derive(Parser)]
#[command(name = "qwen3-tts", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Speak a text into a WAV file
    Speak(Box<SpeakArgs>),
    /// Speak many requests, several at a time
    Batch(BatchArgs),
    /// Make voices of recordings, and look at them
    #[command(subcommand)]
    Voice(VoiceCommand),
    /// Turn speech codes into audio, and audio into codes
    #[command(subcommand)]
    Codec(CodecCommand),
    /// Say what a checkpoint is
    Info(InfoArgs),
    /// Download a model from the Hugging Face hub and print its directory
    Download(DownloadArgs),
    /// Write a checkpoint in another layout, data type or quantisation
    ///
    /// SOURCE may hold safetensors files in PyTorch's or MLX's layout, weights that MLX quantised,
    /// or files of torch.save (.bin, .pt, .pth); code that such a file holds is never run. Weights
    /// that are quantised already are written in full without --quantize.
    Convert(ConvertArgs),
}

#[derive(Subcommand)]
pub enum CodecCommand {
    /// Decode a file of codes, as `speak --codes` writes it, into a WAV file
    Decode(DecodeArgs),
    /// Encode a recording into a file of codes
    Encode(EncodeArgs),
}

#[derive(Subcommand)]
pub enum VoiceCommand {
    /// Make a voice file of a recording, for `speak --voice`
    Create(CreateArgs),
    /// Say what a voice file is
    Show(ShowArgs),
}

#[derive(Args)]
pub struct SpeakArgs {
    /// The text, or - to read it from standard input
    pub text: String,

    #[command(flatten)]
    pub model: ModelArgs,

    /// Bits that weights are quantised to at load: 8, 6, 4 or none; or by part, as
    /// talker=4,code-predictor=8
    #[arg(long, value_name = "BITS", default_value = "none")]
    pub quantize: Quantize,

    /// A speaker of the model, in any case; without one, its first
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ref_audio", "voice"])]
    pub speaker: Option<String>,

    #[command(flatten)]
    pub reference: ReferenceArgs,

    /// A voice file, for a base model
    #[arg(long, value_name = "FILE", conflicts_with = "ref_audio")]
    pub voice: Option<PathBuf>,

    /// A language of the model, in any case, or auto
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub language: String,

    /// How to speak, or for a voice design model the voice itself, in words
    #[arg(long, value_name = "TEXT")]
    pub instruct: Option<String>,

    #[command(flatten)]
    pub sampling: SamplingArgs,

    /// Most frames to speak, of 80 ms each [default: what the checkpoint says]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub max_frames: Option<usize>,

    /// Give the model the whole text before it speaks (default)
    #[arg(long, overrides_with = "streaming_text")]
    pub non_streaming_text: bool,

    /// Give the model one token of the text with each frame [default for cloned voices]
    #[arg(long)]
    pub streaming_text: bool,

    #[command(flatten)]
    pub output: OutputArgs,

    /// Write the audio while it is made, and of a text from a pipe while it comes
    #[arg(long)]
    pub stream: bool,

    /// Play the audio while it is made, if the program was built with the feature play; writes a
    /// file only where -o names one
    #[arg(long)]
    pub play: bool,

    #[command(flatten)]
    pub pieces: PieceArgs,

    /// Pieces of a long text that are spoken together
    #[arg(long, value_name = "N", default_value = "8", value_parser = positive)]
    pub batch_size: usize,

    /// Keep finished pieces of a long text beside the output until it is complete, and go on from
    /// those that an earlier run has left there
    #[arg(long, conflicts_with_all = ["no_split", "stream", "play"])]
    pub resume: bool,

    /// Also write the codes, as JSON
    #[arg(long, value_name = "FILE.json")]
    pub codes: Option<PathBuf>,

    /// Also write what it took, as JSON
    #[arg(long, value_name = "FILE.json")]
    pub stats: Option<PathBuf>,

    /// Whether to show progress; auto shows it on a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: When,
}

/// What becomes of a long text.
#[derive(Args)]
pub struct PieceArgs {
    /// Most tokens of text to speak in one go; a longer text is cut, at sentence ends if it can be
    #[arg(long, value_name = "N", default_value = "256", value_parser = positive)]
    pub piece_tokens: usize,

    /// Speak a text in one go, however long it is
    #[arg(long, conflicts_with = "piece_tokens")]
    pub no_split: bool,

    /// How often a piece is tried again, with another seed, that does not come to an end
    #[arg(long, value_name = "N", default_value = "2", allow_negative_numbers = true)]
    pub retries: usize,
}

impl PieceArgs {
    /// Returns the splitting of long texts, with `together` pieces spoken at the same time.
    pub fn long_text(&self, together: usize) -> LongText {
        LongText::default()
            .piece_tokens((!self.no_split).then_some(self.piece_tokens))
            .together(together)
            .retries(Some(self.retries))
    }
}

#[derive(Args)]
pub struct BatchArgs {
    /// A file with a request as JSON in each line, or - for standard input
    pub requests: PathBuf,

    /// The directory for the WAV files and for manifest.jsonl, with the result of each request
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,

    #[command(flatten)]
    pub model: ModelArgs,

    /// Bits that weights are quantised to at load: 8, 6, 4 or none; or by part, as
    /// talker=4,code-predictor=8
    #[arg(long, value_name = "BITS", default_value = "none")]
    pub quantize: Quantize,

    #[command(flatten)]
    pub pieces: PieceArgs,

    /// Requests, or pieces of long ones, that are spoken together
    #[arg(long, value_name = "N", default_value = "8", value_parser = positive)]
    pub batch_size: usize,

    /// Leave out the requests that an earlier run has spoken
    #[arg(long)]
    pub resume: bool,

    /// How samples are stored: 16-bit integers or 32-bit floats
    #[arg(long, value_name = "FORMAT", default_value = "s16")]
    pub format: Format,

    /// Whether to show progress; auto shows it on a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: When,
}

#[derive(Args)]
pub struct ReferenceArgs {
    /// A recording to clone the voice of, for a base model
    #[arg(long, value_name = "FILE")]
    pub ref_audio: Option<PathBuf>,

    /// What is said in the recording, word for word and to its end
    #[arg(long, value_name = "TEXT", requires = "ref_audio")]
    pub ref_text: Option<String>,

    /// Clone the speaker's vector only, without the recording itself
    #[arg(long, conflicts_with = "ref_text")]
    pub x_vector_only: bool,

    /// Silence after the recording, which keeps its last word from being heard again
    #[arg(long, value_name = "SECONDS", requires = "ref_audio", allow_negative_numbers = true)]
    pub trailing_silence: Option<f64>,
}

#[derive(Args)]
pub struct CreateArgs {
    #[command(flatten)]
    pub reference: ReferenceArgs,

    #[command(flatten)]
    pub model: ModelArgs,

    /// The voice file
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

#[derive(Args)]
pub struct ShowArgs {
    /// A voice file
    pub voice: PathBuf,

    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct EncodeArgs {
    /// A recording: WAV, FLAC, MP3, OGG or M4A
    pub audio: PathBuf,

    #[command(flatten)]
    pub model: ModelArgs,

    /// The file of codes, or - for standard output
    #[arg(short, long, value_name = "FILE.json")]
    pub output: PathBuf,
}

#[derive(Args)]
pub struct ModelArgs {
    /// A directory with a checkpoint, or its name on the Hugging Face hub
    /// [default: the small demo checkpoint that is built in]
    #[arg(long, value_name = "DIR_OR_HUB_ID")]
    pub model: Option<String>,

    /// Where it computes; mlx is there where the program was built with the feature mlx
    #[arg(long, value_enum, default_value = "cpu")]
    pub device: Device,

    /// Threads that compute [default: as many as the machine has]
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    pub threads: Option<usize>,
}

#[derive(Args)]
pub struct SamplingArgs {
    /// Always take the likeliest code
    #[arg(long, conflicts_with_all = RANDOM)]
    pub greedy: bool,

    /// Divides the logits of the first codebook
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub temperature: Option<f32>,

    /// Candidates for the first codebook, 0 for all
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub top_k: Option<usize>,

    /// Probability mass of the candidates for the first codebook
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub top_p: Option<f32>,

    /// Weakens codes of the first codebook that were spoken before
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub repetition_penalty: Option<f32>,

    /// Divides the logits of the other codebooks
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub subtalker_temperature: Option<f32>,

    /// Candidates for the other codebooks, 0 for all
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub subtalker_top_k: Option<usize>,

    /// Probability mass of the candidates for the other codebooks
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub subtalker_top_p: Option<f32>,

    /// Speaks the same each time; without one it is drawn, and written to --stats
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<u64>,
}

/// Flags that mean nothing where nothing is drawn.
const RANDOM: [&str; 6] = [
    "temperature",
    "top_k",
    "top_p",
    "subtalker_temperature",
    "subtalker_top_k",
    "subtalker_top_p",
];

#[derive(Args)]
pub struct OutputArgs {
    /// The WAV file, or - for standard output [default: out.wav]
    #[arg(short, long, value_name = "FILE.wav")]
    pub output: Option<PathBuf>,

    /// How samples are stored: 16-bit integers or 32-bit floats
    #[arg(long, value_name = "FORMAT", default_value = "s16")]
    pub format: Format,

    /// Write the samples alone, without the head of a WAV file
    #[arg(long)]
    pub raw: bool,
}

impl OutputArgs {
    /// Where the audio goes.
    pub fn path(&self) -> &Path {
        self.output.as_deref().unwrap_or(Path::new("out.wav"))
    }
}

#[derive(Args)]
pub struct DecodeArgs {
    /// A file with {"codes": [[c0, …, c15], …]}
    pub codes: PathBuf,

    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args)]
pub struct InfoArgs {
    /// A directory with a checkpoint, or the name of a downloaded one
    /// [default: the small demo checkpoint that is built in]
    pub model: Option<String>,

    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct DownloadArgs {
    /// The model's name, as Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice
    #[arg(value_name = "HUB_ID")]
    pub model: String,
}

#[derive(Args)]
pub struct ConvertArgs {
    /// A directory with a checkpoint, or its name on the Hugging Face hub
    pub source: String,

    /// The directory to write, which must not exist yet
    pub out: PathBuf,

    /// Order of the axes of convolution weights
    #[arg(long, value_enum, default_value = "mlx")]
    pub layout: Layout,

    /// Bits that the matrices of talker and code predictor are quantised to: 8, 6 or 4
    #[arg(long, value_name = "BITS")]
    pub quantize: Option<usize>,

    /// Weights that share a scale and a bias: 32, 64 or 128 [default: 64]
    #[arg(long, value_name = "N", requires = "quantize")]
    pub group_size: Option<usize>,

    /// Data type of the weights that are not quantised, and of scales and biases
    /// [default: that of SOURCE]
    #[arg(long, value_enum)]
    pub dtype: Option<WeightType>,

    /// Largest size of a file of weights; a single tensor may be larger
    #[arg(long, value_name = "MIB", default_value = "5120", value_parser = positive)]
    pub shard_size: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// As published: out, in, taps
    Pytorch,
    /// As MLX has them: out, taps, in
    Mlx,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WeightType {
    /// 16-bit brain floats
    Bf16,
    /// 32-bit floats
    F32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// 16-bit integers
    S16,
    /// 32-bit floats
    F32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// On the CPU
    Cpu,
    /// On the GPU of a Mac with Apple silicon
    Mlx,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Not at all
    Never,
}

/// Parses the process's arguments; help, version and mistakes end the command.
pub fn parse() -> Result<Command, ExitCode> {
    Cli::try_parse().map(|cli| cli.command).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(error.exit_code().clamp(0, 2) as u8)
        }
        _ => Failure::request(first_paragraph(&error.to_string())).report(),
    })
}

/// What clap says is wrong, without the usage that follows.
fn first_paragraph(message: &str) -> String {
    let lines = message.lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}

fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse::<usize>().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "expected a number from 1 up".to_owned())
}
