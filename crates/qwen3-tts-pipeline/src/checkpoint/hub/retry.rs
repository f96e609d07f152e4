//! Retries: which failures are transient, and how long to wait.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ureq::http::{HeaderMap, header};

use super::error::HubError;
use super::pace::LEAST_SPEED;
use super::progress::DownloadProgress;

/// Wait before the first retry, if the server names none. Doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait that is accepted from the server, whose rate limits have windows of five minutes.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A failed attempt.
pub(super) enum Failure {
    /// Permanent: the next attempt would fail as well.
    Permanent(HubError),
    /// Transient: the next attempt may succeed, after the wait that the server asks for.
    Transient { error: HubError, reason: String, wait: Option<Duration> },
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self::Permanent(error)
    }
}

/// Consecutive failures, up to a limit.
pub(super) struct Retries<'a> {
    limit: u32,
    failures: u32,
    /// Time of the last failure, or of the start.
    since: Instant,
    progress: &'a mut dyn FnMut(&DownloadProgress),
}

impl<'a> Retries<'a> {
    pub fn new(limit: u32, progress: &'a mut dyn FnMut(&DownloadProgress)) -> Self {
        Self { limit, failures: 0, since: Instant::now(), progress }
    }

    /// Repeats `attempt` until it succeeds or fails permanently.
    pub fn run<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, HubError> {
        (self.failures, self.since) = (0, Instant::now());
        loop {
            match attempt(self) {
                Ok(value) => return Ok(value),
                Err(failure) => self.wait(failure)?,
            }
        }
    }

    /// Counts `gained` bytes since the last failure. Enough of them, for the time they took, reset the
    /// count of failures: a server that breaks off after every byte is given up.
    pub fn advance(&mut self, gained: u64) {
        if gained as f64 >= LEAST_SPEED as f64 * self.since.elapsed().as_secs_f64() {
            self.failures = 0;
        }
    }

    pub fn report(&mut self, progress: &DownloadProgress) {
        (self.progress)(progress);
    }

    fn wait(&mut self, failure: Failure) -> Result<(), HubError> {
        let (error, reason, wait) = match failure {
            Failure::Permanent(error) => return Err(error),
            Failure::Transient { error, reason, wait } => (error, reason, wait),
        };
        let duration = wait.unwrap_or(FIRST_WAIT * 2u32.saturating_pow(self.failures));
        if self.failures >= self.limit || duration > LONGEST_WAIT {
            return Err(error);
        }
        self.failures += 1;
        self.since = Instant::now();
        self.report(&DownloadProgress::Waiting { reason, duration: Some(duration) });
        thread::sleep(duration);
        Ok(())
    }
}

/// Returns the wait that a server asks for: `Retry-After` in seconds or as a date, else the rest of
/// the window in `RateLimit` (`"api";r=0;t=55`).
pub(super) fn requested_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(wait) = text(header::RETRY_AFTER.as_str()) {
        let wait = wait.trim();
        return match wait.parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => {
                let date = httpdate::parse_http_date(wait).ok()?;
                Some(date.duration_since(now).unwrap_or_default())
            }
        };
    }
    let rest = text("ratelimit")?.split(';').find_map(|part| part.trim().strip_prefix("t="))?;
    rest.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    #[test]
    fn waits_are_seconds_or_dates() {
        // One minute before the date below.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 60);
        for (name, value, seconds) in [
            ("retry-after", "1", Some(1)),
            ("retry-after", " 120 ", Some(120)),
            // The example of RFC 9110.
            ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", Some(60)),
            ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
            ("ratelimit", "\"api\";r=0;t=55", Some(55)),
            ("ratelimit", "\"api\"; r=0; t=55", Some(55)),
            ("ratelimit", "\"api\";r=0", None),
            ("date", "1", None),
        ] {
            let headers = HeaderMap::from_iter([(
                name.parse::<header::HeaderName>().unwrap(),
                HeaderValue::from_static(value),
            )]);
            let wait = requested_wait(&headers, now);
            assert_eq!(wait, seconds.map(Duration::from_secs), "{name}: {value}");
        }
    }
}
