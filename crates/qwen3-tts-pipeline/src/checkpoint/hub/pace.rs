//! The least speed of a download: a server that sends a byte a second would take years.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Bytes per second below which a download is given up.
pub(super) const LEAST_SPEED: u64 = 1000;

/// Number of read timeouts over which the speed is averaged.
const TIMEOUTS: u32 = 6;

/// A body that ends with an error when it arrives too slowly.
pub(super) struct Paced<R> {
    body: R,
    pace: Pace,
}

impl<R: Read> Paced<R> {
    /// Starts now. `timeout` is the longest wait for any byte.
    pub fn new(body: R, timeout: Duration) -> Self {
        Self { body, pace: Pace::new(timeout, Instant::now()) }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.body.read(buffer)?;
        if n > 0 && !self.pace.keeps_up(n, Instant::now()) {
            return Err(io::Error::other(format!(
                "it sends less than {LEAST_SPEED} bytes a second"
            )));
        }
        Ok(n)
    }
}

/// Average speed of a download over the last window of time.
struct Pace {
    window: Duration,
    begin: Instant,
    bytes: u64,
}

impl Pace {
    /// Starts at `now`. `timeout` is the longest wait for any byte.
    fn new(timeout: Duration, now: Instant) -> Self {
        Self { window: timeout * TIMEOUTS, begin: now, bytes: 0 }
    }

    /// Counts `n` bytes received at `now`. Returns false if the window that ends now had too few.
    fn keeps_up(&mut self, n: usize, now: Instant) -> bool {
        self.bytes += n as u64;
        let elapsed = now.saturating_duration_since(self.begin);
        if elapsed < self.window {
            return true;
        }
        let keeps_up = self.bytes as f64 >= LEAST_SPEED as f64 * elapsed.as_secs_f64();
        (self.begin, self.bytes) = (now, 0);
        keeps_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the second in which a download of `n` bytes per second is given up, within an hour.
    fn given_up(n: impl Fn(u64) -> usize) -> Option<u64> {
        let begin = Instant::now();
        let mut pace = Pace::new(Duration::from_secs(10), begin);
        (1..3600).find(|&second| !pace.keeps_up(n(second), begin + Duration::from_secs(second)))
    }

    #[test]
    fn a_minute_below_the_least_speed_ends_a_download() {
        assert_eq!(given_up(|_| 1), Some(60));
        assert_eq!(given_up(|_| 999), Some(60));
        assert_eq!(given_up(|_| 1000), None);
        // A pause of half a minute is no reason.
        assert_eq!(given_up(|second| if second % 60 < 30 { 0 } else { 3000 }), None);
        assert_eq!(given_up(|second| if second < 600 { 100_000 } else { 10 }), Some(660));
    }
}
