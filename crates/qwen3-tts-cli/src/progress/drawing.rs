//! A line that a thread redraws.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use console::Term;
use indicatif::ProgressBar;

use super::bar::bar;
use super::line::Status;

const INTERVAL: Duration = Duration::from_millis(100);

/// A line of progress, redrawn ten times a second until it is dropped.
pub struct Drawing {
    bar: ProgressBar,
    has_ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drawing {
    pub fn new(shown: bool, status: impl Fn() -> Status + Send + 'static) -> Self {
        let bar = bar(shown, "{wide_msg}");
        let has_ended = Arc::new(AtomicBool::new(false));
        let thread = shown.then(|| {
            let (bar, has_ended) = (bar.clone(), Arc::clone(&has_ended));
            std::thread::spawn(move || {
                while !has_ended.load(Ordering::Relaxed) {
                    let columns = usize::from(Term::stderr().size().1);
                    // The cursor stays on the line.
                    bar.set_message(status().line(columns.saturating_sub(1)));
                    std::thread::park_timeout(INTERVAL);
                }
            })
        });
        Self { bar, has_ended, thread }
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread only draws, so its panic can be ignored.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
