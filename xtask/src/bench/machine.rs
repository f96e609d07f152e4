//! The machine and its other load, as far as Linux tells.

use std::fs;

/// Counters of the processors' time.
pub struct ProcessorTime {
    total: u64,
    stolen: u64,
}

impl ProcessorTime {
    /// Reads the counters; `None` where there are none.
    pub fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        const STOLEN: usize = 7;
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let times: Vec<u64> = line.split_whitespace().map_while(|time| time.parse().ok()).collect();
        // The last two, of guests, are part of the first two.
        Some(Self { total: times.iter().take(8).sum(), stolen: *times.get(STOLEN)? })
    }

    /// Returns the share of the time since then that the host gave to other virtual machines.
    pub fn stolen_since(&self) -> Option<f64> {
        Self::now().map(|now| now.stolen_after(self))
    }

    fn stolen_after(&self, then: &Self) -> f64 {
        (self.stolen - then.stolen) as f64 / (self.total - then.total).max(1) as f64
    }
}

/// Returns the name of the processor.
pub fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("model name"));
    let name = line.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    name.unwrap_or("unknown processor").to_owned()
}

/// Returns the load average of the last minute.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stolen_share_is_that_of_all_time_between() {
        let parse = |text| ProcessorTime::parse(text).expect("counters");
        let then = parse("cpu  10 0 10 70 0 0 0 10 5 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
        let now = parse("cpu  60 0 10 70 0 0 0 60 5 0\n");
        assert_eq!(now.stolen_after(&then), 0.5);
        assert!(ProcessorTime::parse("intr 1 2").is_none());
    }
}
