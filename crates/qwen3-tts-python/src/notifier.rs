//! Calls into Python when a speech has something new.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::thread;

use pyo3::prelude::*;

/// The thread that makes the calls. The model's thread must not wait for the interpreter.
static NOTIFIER: LazyLock<Option<Mutex<Sender<Py<PyAny>>>>> = LazyLock::new(start);

fn start() -> Option<Mutex<Sender<Py<PyAny>>>> {
    let (sender, receiver) = mpsc::channel::<Py<PyAny>>();
    let call_all = move || {
        for callback in receiver {
            // Fails if the interpreter shuts down, or the event loop is closed.
            Python::try_attach(|py| callback.call0(py).map(drop));
        }
    };
    let thread = thread::Builder::new().name("qwen3-tts-notify".to_owned()).spawn(call_all);
    thread.ok().map(|_| Mutex::new(sender))
}

/// Returns a waker that calls a Python function once, on another thread.
pub fn waker(callback: Py<PyAny>) -> Waker {
    Waker::from(Arc::new(Callback(Mutex::new(Some(callback)))))
}

struct Callback(Mutex<Option<Py<PyAny>>>);

impl Wake for Callback {
    fn wake(self: Arc<Self>) {
        let callback = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(callback), Some(notifier)) = (callback, &*NOTIFIER) {
            // The thread never ends.
            let _ = notifier.lock().unwrap_or_else(PoisonError::into_inner).send(callback);
        }
    }
}
