//! The programs that can be compared.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::c_port::CPort;
use super::kind::Kind;
use super::llama::Llama;
use super::ours::Ours;
use super::request::Request;
use super::timing::Timing;

/// A program.
pub enum Engine {
    /// This build.
    Ours(Ours),
    /// Another build of this project.
    Beside(Ours),
    CPort(CPort),
    Llama(Llama),
}

impl Engine {
    /// Returns the other engine of this name.
    pub fn other(name: &str, program: &Path) -> Result<Self> {
        ensure!(program.is_file(), "{} is not a file", program.display());
        let program = program.to_path_buf();
        match name {
            "c-port" => Ok(Self::CPort(CPort { program })),
            "llama.cpp" => Ok(Self::Llama(Llama { program })),
            _ => bail!("--against {name}; expected c-port or llama.cpp"),
        }
    }

    /// Returns the name of a row with this kind of weights; `None` if the engine lacks the kind.
    pub fn label(&self, kind: &Kind) -> Option<String> {
        match self {
            Self::Ours(_) => Some(kind.as_str().to_owned()),
            Self::Beside(_) => Some(format!("beside: {}", kind.as_str())),
            Self::CPort(_) => {
                CPort::flags(kind).map(|flags| format!("C port {}", flags.join(" ")).trim().into())
            }
            Self::Llama(_) => {
                Llama::types(kind).map(|types| format!("llama.cpp {}", Llama::label(types)))
            }
        }
    }

    /// Runs the request; `positions` is the length of its prompt.
    pub fn run(&self, request: &Request, kind: &Kind, positions: usize) -> Result<Timing> {
        match self {
            Self::Ours(ours) | Self::Beside(ours) => Ok(ours.speak(request, kind)?.timing),
            Self::CPort(port) => port.speak(request, CPort::flags(kind).context("no flags")?),
            Self::Llama(llama) => {
                llama.time(request, Llama::types(kind).context("no types")?, positions)
            }
        }
    }
}
