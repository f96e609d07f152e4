//! `cargo xtask bench`: times the release build on a full-size checkpoint, stage by stage.

mod c_port;
mod engine;
mod floor;
mod kind;
mod llama;
mod machine;
mod ours;
mod program;
mod request;
mod table;
mod timing;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use qwen3_tts_kernels::{Context, read_bandwidth};

use crate::{release, workspace};
use engine::Engine;
use floor::FrameBytes;
use kind::Kind;
use machine::ProcessorTime;
use ours::Ours;
use request::Request;
use table::{Row, Table};

/// Size in bytes of the buffer that the memory bandwidth is measured with.
const BUFFER: usize = 512 << 20;

/// Speaks one text greedily with each kind of weights in turn, several times, and prints the
/// medians: time per stage, memory, and the ratio of decoding time to its lower bound.
///
/// The lower bound for a frame is the time to read the weights of its matrix products once, at the
/// memory bandwidth measured in the same run. Do not use the machine meanwhile. The environment
/// variable `QWEN3_TTS_ISA` selects a lower instruction set for this project; the others use what
/// they are built for.
#[derive(clap::Args)]
pub struct Arguments {
    /// A checkpoint directory: custom voice or voice design, not quantised.
    checkpoint: PathBuf,
    /// Kinds of weights, in the form of `speak --quantize`.
    #[arg(long, num_args = 1.., default_values = ["none", "8", "talker=4,code-predictor=8", "4"])]
    quantize: Vec<Kind>,
    /// Number of 80 ms frames to generate.
    #[arg(long, default_value_t = 50)]
    frames: usize,
    /// Text to speak.
    #[arg(
        long,
        default_value = "The quick brown fox jumps over the lazy dog near the river bank."
    )]
    text: String,
    /// Number of threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Number of runs of each.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Another build of the command, run in turn with this one.
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
    /// Another engine, run in turn with this one: `c-port` and the program `qwen_tts` of
    /// gabriele-mastrapasqua/qwen3-tts, or `llama.cpp` and its `llama-bench`, which runs
    /// transformers of the same shapes. May be given twice.
    #[arg(long, num_args = 2, value_names = ["ENGINE", "PROGRAM"])]
    against: Vec<String>,
}

/// Everything that is timed, and on what.
struct Comparison<'a> {
    kinds: &'a [Kind],
    engines: Vec<Engine>,
    request: Request,
    /// Length of the prompt.
    positions: usize,
    context: Context,
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.runs > 0 && arguments.frames > 0, "--runs and --frames must be at least 1");
    let comparison = Comparison::new(arguments)?;
    println!("{}, medians of {} runs", comparison.describe(), arguments.runs);
    println!("load average before: {}", known(machine::load()));
    let begin = ProcessorTime::now();
    let mut table = comparison.empty_table()?;
    for _ in 0..arguments.runs {
        comparison.run_each(&mut table)?;
    }
    println!("time stolen by the host: {}", known(begin.and_then(|begin| begin.stolen_since())));
    println!("{table}");
    Ok(())
}

impl<'a> Comparison<'a> {
    fn new(arguments: &'a Arguments) -> Result<Self> {
        let request = arguments.request()?;
        let ours = Ours { program: release::build()? };
        Ok(Self {
            positions: positions(&ours, &request, &arguments.quantize)?,
            engines: arguments.engines(ours)?,
            request,
            kinds: &arguments.quantize,
            context: Context::new(arguments.threads),
        })
    }

    fn describe(&self) -> String {
        format!(
            "{}, {}; {}: prompt of {} positions, {} frames, {} threads",
            machine::processor(),
            self.context.isa().name(),
            self.request.checkpoint.display(),
            self.positions,
            self.request.frames,
            self.request.threads,
        )
    }

    fn empty_table(&self) -> Result<Table> {
        let bytes = FrameBytes::of(&self.request.checkpoint, &self.request.config)?;
        let rows = |kind| {
            let bytes_per_frame = bytes.read(kind);
            let row = |label| Row { label, bytes_per_frame, timings: Vec::new() };
            self.engines.iter().filter_map(|engine| engine.label(kind)).map(row).collect()
        };
        Ok(Table { kinds: self.kinds.iter().map(rows).collect(), bandwidth: Vec::new() })
    }

    /// Runs each engine with each kind of weights once, and measures the bandwidth before each run.
    fn run_each(&self, table: &mut Table) -> Result<()> {
        for (kind, rows) in self.kinds.iter().zip(&mut table.kinds) {
            let able = self.engines.iter().filter(|engine| engine.label(kind).is_some());
            for (engine, row) in able.zip(rows) {
                table.bandwidth.push(read_bandwidth(self.context.pool(), BUFFER));
                row.timings.push(engine.run(&self.request, kind, self.positions)?);
            }
        }
        Ok(())
    }
}

impl Arguments {
    fn request(&self) -> Result<Request> {
        let out = workspace().join("target/bench");
        std::fs::create_dir_all(&out).with_context(|| format!("creating {}", out.display()))?;
        Ok(Request {
            config: request::config(&self.checkpoint)?,
            checkpoint: self.checkpoint.clone(),
            text: self.text.clone(),
            frames: self.frames,
            threads: self.threads,
            out,
        })
    }

    fn engines(&self, ours: Ours) -> Result<Vec<Engine>> {
        let mut engines = vec![Engine::Ours(ours)];
        engines.extend(self.beside.clone().map(|program| Engine::Beside(Ours { program })));
        for pair in self.against.chunks_exact(2) {
            engines.push(Engine::other(&pair[0], Path::new(&pair[1]))?);
        }
        Ok(engines)
    }
}

/// Returns the length of the prompt, from an untimed run that also warms up the file cache.
fn positions(ours: &Ours, request: &Request, kinds: &[Kind]) -> Result<usize> {
    let kind = kinds.first().context("no --quantize")?;
    let short = Request { frames: 1, ..request.clone() };
    Ok(request.positions(ours.speak(&short, kind)?.prompt_tokens))
}

fn known(number: Option<f64>) -> String {
    number.map_or("unknown".to_owned(), |number| format!("{number:.2}"))
}
