//! What a service says of itself, and what the system says of it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::Connection;

/// Gauges that are zero when nothing is being spoken.
const GAUGES: [&str; 3] =
    ["qwen3_tts_requests_running", "qwen3_tts_requests_waiting", "qwen3_tts_sessions"];

/// Time in which the gauges must be zero after the load.
const SETTLE: Duration = Duration::from_secs(10);

/// Resident memory of a process over time.
pub struct Memory {
    process: u32,
    samples: Vec<(usize, u64)>,
}

impl Memory {
    /// Watches a process.
    pub fn new(process: u32) -> Self {
        Self { process, samples: Vec::new() }
    }

    /// Notes the memory after a number of requests. Systems without /proc have none.
    pub fn measure(&mut self, requests: usize) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process));
        let resident = status.ok().and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        });
        self.samples.extend(resident.map(|kib: u64| (requests, kib)));
    }

    /// Returns numbers of requests, and the memory in KiB after so many.
    pub fn into_samples(self) -> Vec<(usize, u64)> {
        self.samples
    }
}

/// Waits until the gauges of a service are zero.
pub fn wait_for_zero(address: &str) -> Result<()> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let left = gauges_above_zero(&metrics(address)?)?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("after the load there is still {}", left.join(", "));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn metrics(address: &str) -> Result<String> {
    let connection = Connection::open(address, SETTLE)?;
    let answer = connection.send("GET", "/metrics", &[], b"")?.read_all()?;
    String::from_utf8(answer).context("the metrics are no text")
}

fn gauges_above_zero(metrics: &str) -> Result<Vec<String>> {
    let of_gauges = metrics
        .lines()
        .filter(|line| GAUGES.iter().any(|gauge| line.starts_with(gauge)))
        .collect::<Vec<_>>();
    for gauge in GAUGES {
        if !of_gauges.iter().any(|line| line.starts_with(gauge)) {
            bail!("the metrics have no {gauge}");
        }
    }
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
    Ok(of_gauges.into_iter().filter(|line| value(line) != Some(0.0)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_that_are_not_zero_are_named() {
        let idle = "# HELP qwen3_tts_sessions Open.\nqwen3_tts_requests_running{model=\"demo\"} 0\n\
                    qwen3_tts_requests_waiting{model=\"demo\"} 0\nqwen3_tts_sessions 0\n";
        assert!(gauges_above_zero(idle).unwrap().is_empty());
        let busy = idle.replace("waiting{model=\"demo\"} 0", "waiting{model=\"demo\"} 2");
        assert_eq!(gauges_above_zero(&busy).unwrap().len(), 1);
        assert!(gauges_above_zero("qwen3_tts_sessions 0").is_err());
    }
}
