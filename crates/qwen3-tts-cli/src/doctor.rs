//! `doctor`: shows what the machine offers, and how fast it would speak.

mod bench;
mod estimate;
mod machine;
mod report;

use qwen3_tts_kernels::Context;

use self::bench::Benchmark;
use self::machine::Machine;
use self::report::Report;
use crate::args::DoctorArgs;
use crate::failure::{Failure, Result};
use crate::output::{print, print_json};

pub fn run(args: &DoctorArgs) -> Result {
    let context = Context::new(args.threads.unwrap_or(usize::MAX));
    let machine = Machine::examine(&context);
    let benchmark = match args.no_bench {
        true => None,
        false => Some(Benchmark::run(&context, machine.available_memory())?),
    };
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        debug_build: cfg!(debug_assertions),
        threads: context.pool().threads(),
        estimates: benchmark.as_ref().map(estimate::all).unwrap_or_default(),
        machine,
        benchmark,
    };
    if !args.json {
        return print(&report.as_text());
    }
    let json = serde_json::to_string_pretty(&report);
    print_json(&json.map_err(|error| Failure::Other(error.to_string()))?)
}
