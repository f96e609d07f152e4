//! `cargo xtask load`: many clients at once, some of whom misbehave.

mod behaviour;
mod caller;
mod gauges;
mod report;
mod texts;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Map, Value};

use crate::service::{self, Service};
use crate::workspace;
use behaviour::Mix;
use caller::{Caller, Target};
use gauges::Memory;
use report::{Outcome, Report};

/// Sends many requests to a service with the built-in voice, from this process: listeners, clients
/// that hang up, slow readers and half-open connections. Checks that every finished answer has the
/// samples that it has alone, that every refused one says when to come back, that memory stays flat
/// and that no request is left over. Prints the time to first audio and the audio made per second.
#[derive(clap::Args)]
pub struct Arguments {
    /// Number of connections at a time.
    #[arg(long, default_value_t = 64)]
    connections: usize,

    /// Number of requests.
    #[arg(long, default_value_t = 2_000)]
    requests: usize,

    /// Time in seconds after which no more requests are begun.
    #[arg(long, default_value_t = 600)]
    seconds: u64,

    /// Percentage of requests whose client hangs up in the middle.
    #[arg(long, default_value_t = 10)]
    cancel: u32,

    /// Percentage of requests whose client reads slowly.
    #[arg(long, default_value_t = 3)]
    slow: u32,

    /// Percentage of requests of which only the beginning is sent.
    #[arg(long, default_value_t = 2)]
    half_open: u32,

    /// Loads this service, `host:port`, instead of starting one; its answers need not be the same
    /// every time, and its memory and gauges are not looked at.
    #[arg(long, value_name = "ADDRESS")]
    other: Option<String>,

    /// Fields of the requests to another service, as JSON, such as its model.
    #[arg(long, value_name = "JSON", requires = "other", value_parser = fields)]
    fields: Option<Fields>,

    /// Voice named by the requests.
    #[arg(long, default_value = "default")]
    voice: String,

    /// Format of the audio: pcm, or wav where a service has no other.
    #[arg(long, default_value = "pcm")]
    format: String,

    /// Starts this program instead of building one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Fields of a request.
type Fields = Map<String, Value>;

fn fields(argument: &str) -> Result<Fields, String> {
    serde_json::from_str(argument).map_err(|error| format!("expected an object: {error}"))
}

/// Runs the task.
pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(address) = &arguments.other {
        return attack(arguments, address, None).map(|report| report.print());
    }
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => service::build()?,
    };
    let mut command = Command::new(program);
    // A line of the log for each request would be measured too.
    command.args(["--quiet", "serve"]);
    let log = workspace().join("target/load.log");
    let service = Service::start(command, &log)?;
    let report = attack(arguments, service.address(), Some(service.id()))?;
    report.print();
    gauges::wait_for_zero(service.address())?;
    service.stop()?;
    report.check()
}

/// Sends all requests. `process` is the service, if it runs here.
fn attack(arguments: &Arguments, address: &str, process: Option<u32>) -> Result<Report> {
    ensure!(arguments.connections > 0, "there has to be a connection");
    let target = Target {
        address: address.to_owned(),
        fields: arguments.fields.clone(),
        voice: arguments.voice.clone(),
        format: arguments.format.clone(),
    };
    let mix =
        Mix { cancel: arguments.cancel, slow: arguments.slow, half_open: arguments.half_open };
    let caller = Caller::new(target, mix);
    let caller = if arguments.other.is_none() { caller.with_references()? } else { caller };
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let mut memory = process.map(Memory::new);
    let begin = Instant::now();
    let deadline = begin + Duration::from_secs(arguments.seconds);
    std::thread::scope(|scope| {
        for _ in 0..arguments.connections {
            scope.spawn(|| work(&caller, &next, arguments.requests, deadline, &outcomes));
        }
        watch(arguments, &outcomes, deadline, memory.as_mut());
    });
    let outcomes = outcomes.into_inner().map_err(|_| anyhow::anyhow!("a caller panicked"))?;
    let memory = memory.map(Memory::into_samples).unwrap_or_default();
    Ok(Report::new(outcomes, begin.elapsed(), memory))
}

/// Takes one request after another until all are sent.
fn work(
    caller: &Caller,
    next: &AtomicUsize,
    requests: usize,
    deadline: Instant,
    outcomes: &Mutex<Vec<Outcome>>,
) {
    while Instant::now() < deadline {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= requests {
            return;
        }
        let outcome = caller.call(index, deadline);
        let mut outcomes = outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        outcomes.push(outcome);
    }
}

/// Reports progress, and measures memory, until the requests have ended.
fn watch(
    arguments: &Arguments,
    outcomes: &Mutex<Vec<Outcome>>,
    deadline: Instant,
    mut memory: Option<&mut Memory>,
) {
    let mut shown = Instant::now();
    loop {
        let done = outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).len();
        if let Some(memory) = &mut memory {
            memory.measure(done);
        }
        if done >= arguments.requests || Instant::now() >= deadline {
            return;
        }
        if shown.elapsed() > Duration::from_secs(10) {
            eprintln!("{done} of {} requests", arguments.requests);
            shown = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_an_object() {
        assert_eq!(fields(r#"{"model":"a","stream":true}"#).unwrap()["model"], "a");
        assert!(fields(r#""model""#).unwrap_err().contains("expected an object"));
    }
}
