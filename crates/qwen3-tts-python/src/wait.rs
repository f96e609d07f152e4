//! Waiting without holding the interpreter, and with Ctrl-C.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Time between two checks for signals.
const SIGNALS: Duration = Duration::from_millis(50);

/// Runs work on a separate thread and waits for it. After Ctrl-C the work continues in the background.
///
/// # Errors
/// Returns the exception of a signal handler, such as `KeyboardInterrupt`.
pub fn run<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    // The caller may have been interrupted.
    let work = move || drop(sender.send(work()));
    thread::Builder::new()
        .name("qwen3-tts-call".to_owned())
        .spawn(work)
        .map_err(|error| PyRuntimeError::new_err(format!("no thread for the call: {error}")))?;
    // `detach` takes what threads can share, which a receiver alone is not.
    let receiver = Mutex::new(receiver);
    loop {
        let received = py.detach(|| {
            let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            receiver.recv_timeout(SIGNALS)
        });
        match received {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("the call panicked"));
            }
        }
    }
}

/// Polls until there is a result.
///
/// # Errors
/// Returns the exception of a signal handler, such as `KeyboardInterrupt`.
pub fn until<T: Send>(
    py: Python<'_>,
    poll: impl Fn(&mut Context<'_>) -> Poll<T> + Sync,
) -> PyResult<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        let polled = py.detach(|| {
            let polled = poll(&mut Context::from_waker(&waker));
            if polled.is_pending() {
                thread::park_timeout(SIGNALS);
            }
            polled
        });
        match polled {
            Poll::Ready(result) => return Ok(result),
            Poll::Pending => py.check_signals()?,
        }
    }
}

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
