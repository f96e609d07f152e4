//! `man`: manual pages.

use std::fs;
use std::path::Path;

use clap_mangen::Man;

use crate::args::{self, ManArgs};
use crate::failure::{Failure, Result};
use crate::output::{Destination, print};

pub fn run(args: &ManArgs) -> Result {
    let mut definition = args::definition().disable_help_subcommand(true);
    definition.build();
    match &args.dir {
        Some(dir) => write_all(definition, dir),
        None => Destination::Stdout.write(&render(&page(find(definition, &args.command)?))?),
    }
}

/// Returns the subcommand with this path of names.
fn find(definition: clap::Command, names: &[String]) -> Result<clap::Command> {
    names.iter().try_fold(definition, |command, name| {
        command.find_subcommand(name).cloned().ok_or_else(|| {
            let known: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
            let (name, parent) =
                (format!("{name:?}"), command.get_bin_name().unwrap_or("qwen3-tts"));
            Failure::request(match known.is_empty() {
                true => format!("{parent} has no commands of its own, found {name}"),
                false => format!("{parent} has no command {name}: expected {}", known.join(", ")),
            })
        })
    })
}

/// Writes a page for the command and for each command below it.
fn write_all(definition: clap::Command, dir: &Path) -> Result {
    fs::create_dir_all(dir).map_err(|error| Failure::writing(dir, &error))?;
    let pages: Vec<_> = with_subcommands(definition).into_iter().map(page).collect();
    for man in &pages {
        Destination::check(&dir.join(man.get_filename()))?.write(&render(man)?)?;
    }
    print(&format!("{}: {} pages", dir.display(), pages.len()))
}

fn with_subcommands(command: clap::Command) -> Vec<clap::Command> {
    let below: Vec<_> = command.get_subcommands().cloned().flat_map(with_subcommands).collect();
    std::iter::once(command).chain(below).collect()
}

fn page(command: clap::Command) -> Man {
    Man::new(command).source(concat!("qwen3-tts ", env!("CARGO_PKG_VERSION")))
}

fn render(man: &Man) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render(&mut page)
        .map_err(|error| Failure::Other(format!("cannot write a manual page: {error}")))?;
    Ok(page)
}
