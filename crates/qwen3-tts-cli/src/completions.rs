//! `completions`: prints the completions of a shell.

use clap_complete::generate;

use crate::args::{self, CompletionsArgs};
use crate::failure::Result;
use crate::output::Destination;

pub fn run(args: &CompletionsArgs) -> Result {
    let mut definition = args::definition();
    let name = definition.get_name().to_owned();
    let mut script = Vec::new();
    generate(args.shell, &mut definition, name, &mut script);
    Destination::Stdout.write(&script)
}
