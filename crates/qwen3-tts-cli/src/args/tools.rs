//! Arguments of the commands about models, the machine and the command itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::usage;

#[derive(Args)]
pub struct InfoArgs {
    /// Directory of a checkpoint, or the hub id of a downloaded one
    /// [default: the small built-in demo checkpoint]
    #[arg(value_name = "DIR_OR_HUB_ID")]
    pub model: Option<String>,

    /// Branch, tag or commit of the model on the hub [default: main]
    #[arg(long, requires = "model")]
    pub revision: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct DownloadArgs {
    /// Hub id of the model, such as Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice, or the URL of its page
    #[arg(value_name = "HUB_ID")]
    pub model: String,

    /// Branch, tag or commit; HUB_ID@REVISION does the same [default: main]
    #[arg(long)]
    pub revision: Option<String>,

    /// Download every file again
    #[arg(long)]
    pub force: bool,
}

#[derive(Args)]
pub struct DoctorArgs {
    /// Number of compute threads [default: one per available core]
    #[arg(long, value_name = "N", value_parser = usage::positive, allow_negative_numbers = true)]
    pub threads: Option<usize>,

    /// Describe the machine only, without measuring
    #[arg(long)]
    pub no_bench: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct CompletionsArgs {
    /// Shell to complete in
    pub shell: Shell,
}

#[derive(Args)]
pub struct ManArgs {
    /// Command to describe, such as `speak` or `voice create` [default: qwen3-tts itself]
    #[arg(conflicts_with = "dir")]
    pub command: Vec<String>,

    /// Directory for one page per command
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
