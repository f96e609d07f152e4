//! The channel between the model's thread and the holder of a [`Speech`](crate::Speech).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_channel::{Receiver, Sender};

use super::output::{AudioChunk, PieceOutput, Progress};
use crate::error::Error;

/// A message from the model's thread.
pub(super) enum Message {
    Chunk(AudioChunk),
    Piece(Arc<PieceOutput>),
    /// All pieces were sent, or the speech was cancelled.
    Done {
        is_cancelled: bool,
        processing_time: Duration,
    },
    Failed(Error),
}

/// State of a speech that both ends read and write.
#[derive(Default)]
pub(super) struct Gauge {
    frames: AtomicUsize,
    expected_frames: AtomicUsize,
    max_frames: AtomicUsize,
    ended_pieces: AtomicUsize,
    active_pieces: AtomicUsize,
    is_cancelled: AtomicBool,
}

/// The sending end.
pub(super) struct Delivery {
    messages: Sender<Message>,
    gauge: Arc<Gauge>,
    buffered: usize,
}

impl Gauge {
    pub fn progress(&self) -> Progress {
        Progress {
            frames: self.frames.load(Ordering::Relaxed),
            expected_frames: self.expected_frames.load(Ordering::Relaxed),
            max_frames: self.max_frames.load(Ordering::Relaxed),
            ended_pieces: self.ended_pieces.load(Ordering::Relaxed),
            active_pieces: self.active_pieces.load(Ordering::Relaxed),
        }
    }

    pub fn set(&self, progress: Progress) {
        self.frames.store(progress.frames, Ordering::Relaxed);
        self.expected_frames.store(progress.expected_frames, Ordering::Relaxed);
        self.max_frames.store(progress.max_frames, Ordering::Relaxed);
        self.ended_pieces.store(progress.ended_pieces, Ordering::Relaxed);
        self.active_pieces.store(progress.active_pieces, Ordering::Relaxed);
    }

    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

impl Delivery {
    /// Creates both ends. The sending end has room while fewer than `buffered` messages wait.
    pub fn new(buffered: usize) -> (Self, Receiver<Message>, Arc<Gauge>) {
        let (messages, received) = async_channel::unbounded();
        let gauge = Arc::new(Gauge::default());
        let delivery = Self { messages, gauge: Arc::clone(&gauge), buffered: buffered.max(1) };
        (delivery, received, gauge)
    }

    pub fn send(&self, message: Message) {
        // It fails only if the receiver is gone, which `is_closed` tells.
        let _ = self.messages.try_send(message);
    }

    pub fn has_room(&self) -> bool {
        self.messages.len() < self.buffered
    }

    pub fn is_closed(&self) -> bool {
        self.messages.is_closed()
    }

    pub fn is_cancelled(&self) -> bool {
        self.gauge.is_cancelled.load(Ordering::Relaxed)
    }

    pub fn set_progress(&self, progress: Progress) {
        self.gauge.set(progress);
    }
}
