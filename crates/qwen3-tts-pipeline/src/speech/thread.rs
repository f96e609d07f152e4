//! The thread of a model, which ends when nothing refers to it any more.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use super::scheduler::Command;
use crate::error::{Error, Result};

/// The thread of a model. Handles, speeches and incremental texts share it. Dropping the last of
/// them waits until the model is freed: MLX must not be at work while the process exits.
pub(super) struct ModelThread {
    commands: Sender<Command>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl ModelThread {
    /// Takes charge of a thread that receives `commands`.
    pub fn new(commands: Sender<Command>, thread: JoinHandle<()>) -> Self {
        Self { commands, thread: Mutex::new(Some(thread)) }
    }

    /// Sends a command.
    pub fn send(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| Error::Stopped)
    }

    /// Wakes the thread.
    pub fn wake(&self) {
        // A model that is gone needs no waking.
        let _ = self.send(Command::Wake);
    }

    /// Cancels all requests, and waits until the model is freed.
    pub fn shutdown(&self) {
        // A model that is gone needs no command.
        let _ = self.send(Command::Shutdown);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A panic of the thread was reported to the requests that it had.
            let _ = thread.join();
        }
    }
}

impl Drop for ModelThread {
    fn drop(&mut self) {
        self.shutdown();
    }
}
