//! Maintenance tasks: `cargo xtask --help`.
#![forbid(unsafe_code)]

mod aarch64;
mod bench;
mod checkpoint;
mod clients;
mod convert;
mod demo;
mod environment;
mod fixtures;
mod http;
mod isa;
mod json_file;
mod load;
mod metadata;
mod mlx;
mod oracle;
mod package;
mod parity;
mod paths;
mod python;
mod release;
mod sanitize;
mod sensitivity;
mod service;
mod stress;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use paths::{cargo, workspace};

/// Maintenance tasks of the Qwen3-TTS workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Fixtures(fixtures::Arguments),
    Checkpoint(checkpoint::Arguments),
    // `qwen3-tts convert` describes its own flags.
    #[command(disable_help_flag = true)]
    ConvertWeights(convert::Arguments),
    Parity(parity::Arguments),
    Bench(bench::Arguments),
    MlxLinux(mlx::Arguments),
    TestMlx(mlx::TestArguments),
    TestAarch64(aarch64::Arguments),
    Sanitize(sanitize::Arguments),
    // The program that measures describes its own flags.
    #[command(disable_help_flag = true)]
    Sensitivity(sensitivity::Arguments),
    Fuzz(stress::FuzzArguments),
    Soak(stress::SoakArguments),
    TestIsa(isa::Arguments),
    TestClients(clients::Arguments),
    Load(load::Arguments),
    TestPython(python::Arguments),
    TrainDemo(demo::TrainArguments),
    Listen(demo::ListenArguments),
    Tidy(tidy::Arguments),
    Package(package::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Fixtures(arguments) => fixtures::run(&arguments),
        Task::Checkpoint(arguments) => checkpoint::run(&arguments),
        Task::ConvertWeights(arguments) => convert::run(&arguments),
        Task::Parity(arguments) => parity::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::MlxLinux(arguments) => mlx::run(&arguments),
        Task::TestMlx(arguments) => mlx::test(&arguments),
        Task::TestAarch64(arguments) => aarch64::run(&arguments),
        Task::Sanitize(arguments) => sanitize::run(&arguments),
        Task::Sensitivity(arguments) => sensitivity::run(&arguments),
        Task::Fuzz(arguments) => stress::fuzz(&arguments),
        Task::Soak(arguments) => stress::soak(&arguments),
        Task::TestIsa(arguments) => isa::run(&arguments),
        Task::TestClients(arguments) => clients::run(&arguments),
        Task::Load(arguments) => load::run(&arguments),
        Task::TestPython(arguments) => python::run(&arguments),
        Task::TrainDemo(arguments) => demo::train(&arguments),
        Task::Listen(arguments) => demo::listen(&arguments),
        Task::Tidy(arguments) => tidy::run(&arguments),
        Task::Package(arguments) => package::run(&arguments),
    }
}
