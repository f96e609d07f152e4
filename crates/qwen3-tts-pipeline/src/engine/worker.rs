//! The thread of an engine.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use async_channel::Sender;

use super::EngineOptions;
use crate::batch::Batch;
use crate::request::Plan;
use crate::text_stream::TextFeed;
use crate::{BatchEvent, Synthesizer};

/// What the thread is told.
pub(super) enum Event {
    /// A request came in.
    Job(Box<Job>),
    /// A listener took a chunk or left, or text came.
    Wake,
}

/// A request that came in.
pub(super) struct Job {
    pub plan: Plan,
    pub text: Option<TextFeed>,
    pub begin: Instant,
    pub listener: Sender<BatchEvent>,
}

pub(super) struct Worker<'m> {
    batch: Batch<'m>,
    events: Receiver<Event>,
    /// Requests that wait for their turn.
    queue: VecDeque<Job>,
    /// How many requests wait or are under way, for those who send them.
    present: Arc<AtomicUsize>,
    /// Who hears the requests that are under way.
    listeners: HashMap<usize, Sender<BatchEvent>>,
    options: EngineOptions,
}

impl<'m> Worker<'m> {
    pub fn new(
        model: &'m Synthesizer,
        events: Receiver<Event>,
        present: Arc<AtomicUsize>,
        options: EngineOptions,
    ) -> Self {
        let batch = Batch::new(model);
        Self { batch, events, queue: VecDeque::new(), present, listeners: HashMap::new(), options }
    }

    /// Speaks until there is nobody left who could ask or listen.
    pub fn run(mut self) {
        let mut is_idle = true;
        while self.receive(is_idle) {
            self.forget_those_who_left();
            self.admit();
            is_idle = !self.step();
        }
    }

    /// Takes in what it was told meanwhile; waits for something if it is idle. Says whether there
    /// is anybody left.
    fn receive(&mut self, is_idle: bool) -> bool {
        if is_idle {
            match self.events.recv() {
                Ok(event) => self.handle(event),
                Err(_) => return false,
            }
        }
        while let Ok(event) = self.events.try_recv() {
            self.handle(event);
        }
        true
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Job(job) => self.queue.push_back(*job),
            Event::Wake => {}
        }
    }

    fn forget_those_who_left(&mut self) {
        let before = self.queue.len() + self.listeners.len();
        self.queue.retain(|job| !job.listener.is_closed());
        let batch = &mut self.batch;
        self.listeners.retain(|&id, listener| {
            let is_gone = listener.is_closed();
            if is_gone {
                batch.cancel(id);
            }
            !is_gone
        });
        let after = self.queue.len() + self.listeners.len();
        self.present.fetch_sub(before - after, Ordering::Relaxed);
    }

    /// Lets requests in while there is room.
    fn admit(&mut self) {
        while self.batch.len() < self.options.max_active.max(1) {
            let Some(job) = self.queue.pop_front() else { return };
            let Job { plan, text, begin, listener } = job;
            let id = self.batch.add_plan(plan, text, self.options.chunks, begin);
            self.listeners.insert(id, listener);
        }
    }

    /// One frame for everybody who has room for what may come of it. Says whether anything was
    /// done.
    fn step(&mut self) -> bool {
        let (listeners, room) = (&self.listeners, self.options.buffered_chunks.max(1));
        let may = |id| listeners.get(&id).is_some_and(|listener| listener.len() < room);
        let step = self.batch.step_some(&may);
        let has_done = step.stepped > 0 || !step.events.is_empty();
        for (id, event) in step.events {
            self.deliver(id, event);
        }
        has_done
    }

    fn deliver(&mut self, id: usize, event: BatchEvent) {
        let is_last = !matches!(event, BatchEvent::Chunk(_));
        if is_last {
            // Before anybody hears of it, so that who waits for an end finds a place.
            self.present.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(listener) = self.listeners.get(&id) {
            // There is room, so it can only fail because nobody listens any more.
            let _ = listener.try_send(event);
        }
        if is_last {
            self.listeners.remove(&id);
        }
    }
}
