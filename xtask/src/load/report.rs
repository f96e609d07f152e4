//! What came out of a load.

use std::time::Duration;

use anyhow::{Error, Result, ensure};

/// Number of requests after which memory should stay flat.
const WARM_UP: usize = 200;

/// Share by which memory may differ from its middle after the first requests.
const MEMORY_BAND: f64 = 0.05;

/// Share by which memory may grow from one third of the requests to the next, in both steps. Caches
/// that fill up grow in one of them; a leak grows in both.
const MEMORY_GROWTH: f64 = 0.01;

/// Number of requests after the first ones from which a leak can be told.
const LEAK_REQUESTS: usize = 300;

/// Bytes of a second of audio: 16-bit samples at 24 kHz.
const SECOND: f64 = 48_000.0;

/// Frames of the model per second of audio.
const FRAMES: f64 = 12.5;

/// How a request ended.
#[derive(Debug)]
pub enum End {
    /// The whole answer came, and it was the one that was expected.
    Whole,
    /// A whole answer came, with other samples than the same request had alone.
    Different,
    /// The client left, as it was meant to.
    Left,
    /// The request was lost.
    Failed(String),
}

/// A request and how it went.
#[derive(Debug)]
pub struct Outcome {
    pub end: End,
    /// Time from sending the request that was accepted to the first byte of audio.
    pub first_audio: Option<Duration>,
    /// Time from the first attempt to the end.
    pub total: Duration,
    /// Number of bytes of audio.
    pub bytes: usize,
    /// Number of times that the service said to come back later.
    pub refusals: usize,
}

/// Results of a load.
pub struct Report {
    outcomes: Vec<Outcome>,
    time: Duration,
    /// Numbers of requests, and the memory in KiB after so many.
    memory: Vec<(usize, u64)>,
}

impl End {
    /// The end of a request that was lost.
    pub fn failed(error: Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

impl Outcome {
    /// Returns what is known before the request is made.
    pub fn new() -> Self {
        let zero = Duration::ZERO;
        Self { end: End::Left, first_audio: None, total: zero, bytes: 0, refusals: 0 }
    }

    /// Sets the end.
    pub fn ended(self, end: End) -> Self {
        Self { end, ..self }
    }

    /// Returns the reason why the request was lost.
    fn failure(&self) -> Option<&str> {
        match &self.end {
            End::Failed(message) => Some(message),
            _ => None,
        }
    }
}

impl Report {
    /// Gathers the outcomes of a load that took `time`.
    pub fn new(outcomes: Vec<Outcome>, time: Duration, memory: Vec<(usize, u64)>) -> Self {
        Self { outcomes, time, memory }
    }

    /// Prints numbers for people.
    pub fn print(&self) {
        let whole = self.count(|end| matches!(end, End::Whole));
        let left = self.count(|end| matches!(end, End::Left));
        let refusals: usize = self.outcomes.iter().map(|outcome| outcome.refusals).sum();
        let seconds = self.time.as_secs_f64();
        println!(
            "{} requests in {seconds:.1} s: {whole} whole, {left} left by the client, {} different, {} lost; {refusals} refusals, each made again",
            self.outcomes.len(),
            self.different(),
            self.failures().len()
        );
        let audio =
            self.outcomes.iter().map(|outcome| outcome.bytes).sum::<usize>() as f64 / SECOND;
        println!(
            "audio delivered: {audio:.0} s, {:.1} s per second ({:.0} frames per second)",
            audio / seconds,
            audio * FRAMES / seconds,
        );
        let first = self.sorted(|outcome| outcome.first_audio);
        print_times("time to first audio", &first);
        print_times("whole answers, with refusals", &self.sorted(whole_time));
        if let (Some((least, most)), Some((_, last))) = (self.warm(), self.memory.last()) {
            println!(
                "memory after the first {WARM_UP} requests: {:.1} to {:.1} MiB, at the end {:.1} MiB",
                mib(least),
                mib(most),
                mib(*last),
            );
        }
        if let Some([first, second, third]) = self.thirds() {
            println!(
                "median in the thirds after them: {:.1}, {:.1}, {:.1} MiB",
                mib(first),
                mib(second),
                mib(third),
            );
        }
        for failure in self.failures().iter().take(5) {
            println!("lost: {failure}");
        }
    }

    /// Checks that nothing was lost or different, and that memory stayed flat.
    pub fn check(&self) -> Result<()> {
        ensure!(self.failures().is_empty(), "{} requests were lost", self.failures().len());
        ensure!(
            self.different() == 0,
            "{} answers differ from those without load",
            self.different()
        );
        if let Some((least, most)) = self.warm() {
            let middle = (least + most) as f64 / 2.0;
            ensure!(
                most as f64 <= middle * (1.0 + MEMORY_BAND),
                "memory went from {:.1} to {:.1} MiB",
                mib(least),
                mib(most),
            );
        }
        if let Some([first, second, third]) = self.thirds() {
            let grows = |from: u64, to: u64| to as f64 > from as f64 * (1.0 + MEMORY_GROWTH);
            ensure!(
                !(grows(first, second) && grows(second, third)),
                "memory grows steadily: {:.1}, {:.1} and {:.1} MiB in the thirds of the requests",
                mib(first),
                mib(second),
                mib(third),
            );
        }
        Ok(())
    }

    /// Returns the median memory in each third of the requests after the first ones; `None` if there
    /// are too few of them to tell a leak.
    fn thirds(&self) -> Option<[u64; 3]> {
        let (last, _) = self.memory.last()?;
        let n = last.checked_sub(WARM_UP).filter(|n| *n >= LEAK_REQUESTS)?;
        let median = |third: usize| {
            let range = WARM_UP + third * n / 3..=WARM_UP + (third + 1) * n / 3;
            let inside = self.memory.iter().filter(|(done, _)| range.contains(done));
            let mut inside: Vec<_> = inside.map(|(_, kib)| *kib).collect();
            inside.sort();
            inside.get(inside.len() / 2).copied()
        };
        Some([median(0)?, median(1)?, median(2)?])
    }

    /// Returns the least and the most memory after the first requests.
    fn warm(&self) -> Option<(u64, u64)> {
        let warm = || self.memory.iter().filter(|(done, _)| *done >= WARM_UP).map(|(_, kib)| *kib);
        Some((warm().min()?, warm().max()?))
    }

    fn count(&self, test: fn(&End) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| test(&outcome.end)).count()
    }

    fn different(&self) -> usize {
        self.count(|end| matches!(end, End::Different))
    }

    fn failures(&self) -> Vec<&str> {
        self.outcomes.iter().filter_map(Outcome::failure).collect()
    }

    fn sorted(&self, time: impl Fn(&Outcome) -> Option<Duration>) -> Vec<Duration> {
        let mut times: Vec<_> = self.outcomes.iter().filter_map(time).collect();
        times.sort();
        times
    }
}

fn whole_time(outcome: &Outcome) -> Option<Duration> {
    matches!(outcome.end, End::Whole).then_some(outcome.total)
}

fn print_times(what: &str, sorted: &[Duration]) {
    let at = |share: f64| {
        let index = (sorted.len() as f64 * share) as usize;
        sorted.get(index.min(sorted.len().saturating_sub(1))).map_or(0.0, Duration::as_secs_f64)
    };
    println!("{what}: p50 {:.2} s, p90 {:.2} s, p99 {:.2} s", at(0.5), at(0.9), at(0.99));
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ends: Vec<End>, memory: Vec<(usize, u64)>) -> Report {
        let outcomes = ends.into_iter().map(|end| Outcome::new().ended(end)).collect();
        Report::new(outcomes, Duration::from_secs(1), memory)
    }

    #[test]
    fn lost_and_different_answers_are_errors() {
        assert!(report(vec![End::Whole, End::Left], Vec::new()).check().is_ok());
        let lost = report(vec![End::Whole, End::Failed("cut".to_owned())], Vec::new());
        assert!(lost.check().unwrap_err().to_string().contains("1 requests were lost"));
        assert!(report(vec![End::Different], Vec::new()).check().is_err());
    }

    #[test]
    fn memory_may_grow_at_first_only() {
        let flat = vec![(0, 10), (100, 900), (200, 1000), (300, 1080), (400, 1000)];
        assert!(report(Vec::new(), flat.clone()).check().is_ok());
        let growing = [flat, vec![(500, 1200)]].concat();
        assert!(report(Vec::new(), growing).check().is_err());
    }

    /// Returns the check of a load of 2000 requests with this memory in KiB after each of them.
    fn check_memory(kib: impl Fn(usize) -> u64) -> Result<()> {
        let memory = (0..=2_000).map(|done| (done, kib(done))).collect();
        report(Vec::new(), memory).check()
    }

    #[test]
    fn a_steady_leak_is_an_error() {
        let base = 70_000;
        // Less in all than the band allows.
        let leak = check_memory(|done| base + 2 * done as u64).unwrap_err();
        assert!(leak.to_string().contains("grows steadily"), "{leak}");
        // Behind the noise of an allocator, too.
        assert!(check_memory(|done| base + 2 * done as u64 + done as u64 % 7 * 100).is_err());
    }

    #[test]
    fn memory_that_is_noisy_falls_or_rises_once_is_no_leak() {
        let base = 70_000;
        assert!(check_memory(|done| base + done as u64 % 7 * 200).is_ok());
        assert!(check_memory(|done| base - done as u64).is_ok());
        assert!(check_memory(|done| if done < 700 { base } else { base + 2_000 }).is_ok());
        assert!(
            check_memory(|done| base + if done < 200 { 100 * done as u64 } else { 20_000 }).is_ok()
        );
        // Too few requests to tell.
        let few = (0..400).map(|done| (done, base + 10 * done as u64)).collect();
        assert!(report(Vec::new(), few).check().is_ok());
    }
}
