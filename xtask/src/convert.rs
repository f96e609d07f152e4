//! `cargo xtask convert-weights`: an alias of `qwen3-tts convert`.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::{oracle, release};

/// Runs `qwen3-tts convert`: writes a checkpoint in another layout, data type or quantisation.
#[derive(clap::Args)]
pub struct Arguments {
    /// Arguments of `qwen3-tts convert`; --help lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    oracle::run(Command::new(release::build()?).arg("convert").args(&arguments.arguments))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    #[test]
    fn every_argument_reaches_the_command() {
        for arguments in [&["--help"][..], &["IN", "OUT"], &["--quantize", "8", "IN", "OUT", "-h"]]
        {
            let line = ["xtask", "convert-weights"].iter().chain(arguments);
            let task = crate::Arguments::try_parse_from(line).map(|parsed| parsed.task);
            let Ok(crate::Task::ConvertWeights(parsed)) = task else { panic!("{arguments:?}") };
            assert_eq!(parsed.arguments, *arguments);
        }
    }
}
