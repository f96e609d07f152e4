//! The `qwen3-tts` command: text to speech on the command line.
//!
//! Results go to files or standard output. Standard error gets one line if something is wrong, and
//! progress if it is a terminal. `failure.rs` has the exit codes.

#![forbid(unsafe_code)]

mod args;
mod batch;
mod claim;
mod codec;
mod completions;
mod convert;
mod demo;
mod doctor;
mod download;
mod facts;
mod failure;
mod identity;
mod info;
mod interrupt;
mod man;
mod model;
mod note;
mod output;
mod output_file;
mod part_file;
#[cfg_attr(feature = "play", path = "player/device.rs")]
#[cfg_attr(not(feature = "play"), path = "player/absent.rs")]
mod player;
mod progress;
mod recording;
mod serve;
mod speak;
mod spoken;
mod stdin;
mod subtitles;
mod terminal;
mod text_decoder;
mod timeline;
mod voice;
mod voices;

use std::process::ExitCode;

use args::{CodecCommand, Command, VoiceCommand};

fn main() -> ExitCode {
    let command = match args::parse() {
        Ok(command) => command,
        Err(code) => return code,
    };
    // A service is stopped in its own way.
    if !matches!(command, Command::Serve(_)) {
        interrupt::install();
    }
    interrupt::survive_file_limit();
    let done = match command {
        Command::Speak(args) => speak::run(*args),
        Command::Batch(args) => batch::run(&args),
        Command::Serve(args) => serve::run(*args),
        Command::Voice(VoiceCommand::Create(args)) => voice::create(args),
        Command::Voice(VoiceCommand::Show(args)) => voice::show(&args),
        Command::Codec(CodecCommand::Decode(args)) => codec::decode(args),
        Command::Codec(CodecCommand::Encode(args)) => codec::encode(args),
        Command::Info(args) => info::run(&args),
        Command::Voices(args) => voices::run(&args),
        Command::Download(args) => download::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
