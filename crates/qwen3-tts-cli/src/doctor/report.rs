//! The report, as text and as JSON.

use serde::Serialize;

use super::bench::Benchmark;
use super::estimate::Estimate;
use super::machine::{Cache, Machine};
use crate::facts::{self, Fact};

/// Remark on a build without optimisation.
const DEBUG: &str = ", a debug build: build with --release before you measure";

/// Facts about this machine and this build.
#[derive(Serialize)]
pub struct Report {
    pub version: &'static str,
    /// True for a build with debug assertions, which is slow.
    pub debug_build: bool,
    #[serde(flatten)]
    pub machine: Machine,
    /// Number of compute threads.
    pub threads: usize,
    pub benchmark: Option<Benchmark>,
    /// Expected speed of each model; empty without a benchmark.
    pub estimates: Vec<Estimate>,
}

impl Report {
    /// Returns the report in lines.
    pub fn as_text(&self) -> String {
        let mut lines = machine_lines(self);
        lines.extend(self.benchmark.iter().flat_map(benchmark_lines));
        let mut text = facts::lines(lines);
        if !self.estimates.is_empty() {
            text.push_str(&estimates(&self.estimates));
        }
        text
    }
}

fn machine_lines(report: &Report) -> Vec<Fact> {
    const UNKNOWN: &str = "unknown";
    let machine = &report.machine;
    let (cpu, isa) = (&machine.cpu, &machine.instruction_set);
    let memory = machine.memory.as_ref().map_or(UNKNOWN.to_owned(), |memory| {
        format!("{}, {} available", gib(memory.total), gib(memory.available))
    });
    let features = match cpu.features.is_empty() {
        true => "none that the kernels use".to_owned(),
        false => cpu.features.join(", "),
    };
    let mut lines = vec![
        ("version", format!("{}{}", report.version, if report.debug_build { DEBUG } else { "" })),
        ("CPU", cpu.name.clone().unwrap_or(UNKNOWN.to_owned())),
        ("CPU features", features),
        ("instruction set", format!("{} ({})", isa.name, isa.reason)),
        ("threads", format!("{} of {} cores", report.threads, cpu.cores)),
        ("memory", memory),
    ];
    lines.extend(machine.devices.iter().map(|device| match &device.missing {
        None => ("device", device.name.to_owned()),
        Some(reason) => ("", reason.clone()),
    }));
    lines.extend(cache_lines(&machine.cache));
    lines
}

fn cache_lines(cache: &Cache) -> Vec<Fact> {
    let models = match cache.models.len() {
        0 => "no models; `qwen3-tts download HUB_ID` fetches one".to_owned(),
        n => format!("{n} models, {}", gib(cache.bytes())),
    };
    let mut lines = vec![("cache", cache.directory.display().to_string()), ("", models)];
    lines.extend(
        cache.models.iter().map(|model| ("", format!("{}: {}", model.id, gib(model.bytes)))),
    );
    if cache.others > 0 {
        lines.push(("", format!("{} others, incomplete or of another kind", cache.others)));
    }
    lines
}

fn benchmark_lines(benchmark: &Benchmark) -> [Fact; 4] {
    let products = &benchmark.products;
    let giga = |rate: f64| rate / 1e9;
    [
        ("memory is read at", format!("{:.1} GB/s", giga(benchmark.read_bandwidth))),
        (
            "products",
            format!(
                "{:.1} bf16, {:.1} 8-bit, {:.1} 4-bit weights per ns",
                giga(products.bf16),
                giga(products.bits_8),
                giga(products.bits_4)
            ),
        ),
        ("convolutions", format!("{:.0} multiply-adds per ns", giga(benchmark.convolution))),
        ("demo voice", format!("{:.2} s per second of speech", benchmark.demo_real_time_factor)),
    ]
}

/// Returns a table of the estimates.
fn estimates(estimates: &[Estimate]) -> String {
    let rows = estimates.iter().map(|row| {
        let memory = row.memory_mib.map_or("not measured".to_owned(), |mib| format!("{mib} MiB"));
        let (model, quantize, factor) = (row.model, row.quantize, row.real_time_factor);
        format!("{model:<7} {quantize:<27} {factor:>19.2}   {memory:>12}\n")
    });
    format!(
        "\nSeconds of computing per second of speech; below 1 is faster than real time:\n\n\
         model   --quantize                  expected (estimate)    peak memory\n{}\n\
         These are estimates for a short speech: the weights that a frame multiplies by,\n\
         at the rate of products; the decoder, at the rate of convolutions; and fixed\n\
         parts for everything else.\n",
        rows.collect::<String>()
    )
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
