//! The model's thread: requests take turns, their pieces share each step.
//!
//! A piece whose listener has enough chunks, or that waits for text, is paused: it keeps its state
//! and takes no place, so no request waits for another's listener or writer. If more pieces than
//! places are runnable, they take turns.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use super::job::{Attempt, Job};
use super::load::LoadOptions;
use super::model::Model;
use super::sequence::Sequence;
use super::task::{Task, guarded};
use crate::error::{Error, Result};

/// A message to the model's thread.
pub(super) enum Command {
    /// A text is to be spoken.
    Speak(Box<Job>),
    /// A recording or codes are to be worked on.
    Task(Task),
    /// A holder took a chunk, cancelled or dropped its speech, or wrote text.
    Wake,
    /// The model is to be freed.
    Shutdown,
}

/// Number of requests, for those who send them.
#[derive(Default)]
pub(super) struct Occupancy {
    /// Requests that wait or are under way.
    pub present: AtomicUsize,
    /// Requests that are under way.
    pub active: AtomicUsize,
}

pub(super) struct Scheduler {
    model: Model,
    commands: Receiver<Command>,
    occupancy: Arc<Occupancy>,
    max_active: usize,
    /// Requests that wait or are being spoken, in the order of their arrival.
    jobs: Vec<(u64, Job)>,
    next_id: u64,
    /// Pieces that are being spoken, each with the number of its request: the one that has waited
    /// longest for its turn first.
    active: Vec<(u64, Attempt)>,
    tasks: VecDeque<Task>,
}

impl Scheduler {
    pub fn new(
        model: Model,
        commands: Receiver<Command>,
        occupancy: Arc<Occupancy>,
        options: &LoadOptions,
    ) -> Self {
        Self {
            model,
            commands,
            occupancy,
            max_active: options.max_active.max(1),
            jobs: Vec::new(),
            next_id: 0,
            active: Vec::new(),
            tasks: VecDeque::new(),
        }
    }

    /// Runs until all handles and speeches are dropped, or until it is told to shut down.
    pub fn run(mut self) {
        let mut is_idle = true;
        while self.receive(is_idle) {
            self.remove_given_up();
            self.active.iter_mut().for_each(|(_, attempt)| attempt.sequence.receive_text());
            self.admit();
            let has_stepped = self.step();
            let has_worked = self.work();
            is_idle = !has_stepped && !has_worked;
            if self.active.is_empty() && self.tasks.is_empty() {
                self.model.device.trim();
            }
        }
        for id in self.jobs.iter().map(|(id, _)| *id).collect::<Vec<_>>() {
            self.cancel(id);
        }
    }

    /// Takes the commands that have come. Waits for one if there is nothing to do. Returns false
    /// at the end.
    fn receive(&mut self, is_idle: bool) -> bool {
        let mut command = match is_idle {
            true => match self.commands.recv() {
                Ok(command) => Some(command),
                Err(_) => return false,
            },
            false => self.commands.try_recv().ok(),
        };
        while let Some(received) = command {
            match received {
                Command::Speak(job) => {
                    self.jobs.push((self.next_id, *job));
                    self.finish_if_done(self.next_id);
                    self.next_id += 1;
                }
                Command::Task(task) => self.tasks.push_back(task),
                Command::Wake => {}
                Command::Shutdown => return false,
            }
            command = self.commands.try_recv().ok();
        }
        true
    }

    fn remove_given_up(&mut self) {
        let given_up = self.jobs.iter().filter(|(_, job)| job.is_given_up());
        for id in given_up.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.cancel(id);
        }
    }

    /// Starts pieces while there is room; paused ones need none. The request with the fewest pieces under way comes
    /// first, so that a book does not hold up a sentence.
    fn admit(&mut self) {
        while self.active.iter().filter(|(id, piece)| self.can_go_on(*id, piece)).count()
            < self.max_active
        {
            let startable = self.jobs.iter_mut().filter(|(_, job)| job.may_start());
            let Some((id, job)) = startable.min_by_key(|(_, job)| job.n_active()) else { break };
            let id = *id;
            let model = &self.model;
            match guarded(|| job.start(&model.speaker()?.planner)) {
                Ok(attempt) => self.active.extend(attempt.map(|attempt| (id, attempt))),
                Err(error) => self.fail(id, error),
            }
        }
        self.count_active();
    }

    /// Returns true if a piece is not paused.
    fn can_go_on(&self, id: u64, attempt: &Attempt) -> bool {
        !attempt.sequence.waits_for_text()
            && self.jobs.iter().any(|(known, job)| *known == id && job.may_go_on())
    }

    /// Takes the pieces whose turn it is out of the active ones.
    fn take_turns(&mut self) -> Vec<(u64, Attempt)> {
        let mut places = self.max_active;
        let (going, resting) =
            std::mem::take(&mut self.active).into_iter().partition(|(id, attempt)| {
                let goes = places > 0 && self.can_go_on(*id, attempt);
                places -= usize::from(goes);
                goes
            });
        self.active = resting;
        going
    }

    /// Generates one frame of every piece whose turn it is. Returns false if no piece has its turn.
    fn step(&mut self) -> bool {
        let mut going = self.take_turns();
        let has_done = !going.is_empty();
        let mut failed = Vec::new();

        let model = &mut self.model;
        retain(&mut going, &mut failed, |_, attempt| attempt.sequence.prepare(model));
        self.step_ready(&mut going, &mut failed);
        // The holder of a chunk finds its frames counted.
        self.report_progress(&going);
        let (model, jobs) = (&self.model, &self.jobs);
        retain(&mut going, &mut failed, |id, attempt| {
            let decoded = attempt.sequence.chunk(model)?;
            let job = jobs.iter().find(|(known, _)| *known == id).map(|(_, job)| job);
            if let (Some(decoded), Some(job)) = (decoded, job) {
                job.accept_chunk(attempt, decoded);
            }
            Ok(())
        });
        let (done, going): (Vec<_>, Vec<_>) =
            going.into_iter().partition(|(_, attempt)| attempt.sequence.is_done());
        self.active.extend(going);
        for (id, error) in failed {
            self.fail(id, error);
        }
        for (id, attempt) in done {
            self.complete(id, attempt);
        }
        has_done
    }

    /// Steps the sequences that are ready together.
    fn step_ready(&self, going: &mut Vec<(u64, Attempt)>, failed: &mut Vec<(u64, Error)>) {
        let is_ready: Vec<bool> =
            going.iter().map(|(_, attempt)| attempt.sequence.is_ready()).collect();
        let ready = going.iter_mut().filter(|(_, attempt)| attempt.sequence.is_ready());
        let mut sequences: Vec<&mut Sequence> =
            ready.map(|(_, attempt)| &mut attempt.sequence).collect();
        if sequences.is_empty() {
            return;
        }
        let model = &self.model;
        let mut outcomes = match guarded(|| Sequence::step_together(model, &mut sequences)) {
            Ok(outcomes) => outcomes,
            // After a panic the state of none of them is known.
            Err(error) => {
                let reason = error.to_string();
                sequences.iter().map(|_| Err(Error::Internal(reason.clone()))).collect()
            }
        }
        .into_iter();
        let mut is_ready = is_ready.into_iter();
        retain(going, failed, |_, _| match is_ready.next().expect("one flag per sequence") {
            true => outcomes.next().expect("one outcome per ready sequence"),
            false => Ok(()),
        });
    }

    fn complete(&mut self, id: u64, attempt: Attempt) {
        let Some((_, job)) = self.jobs.iter_mut().find(|(known, _)| *known == id) else { return };
        let model = &self.model;
        match guarded(|| job.accept(attempt, &model.speaker()?.planner)) {
            Ok(Some(retry)) => self.active.push((id, retry)),
            Ok(None) => self.finish_if_done(id),
            Err(error) => self.fail(id, error),
        }
    }

    /// Ends a request of which nothing is left to speak.
    fn finish_if_done(&mut self, id: u64) {
        if self.jobs.iter().any(|(known, job)| *known == id && job.is_done())
            && let Some(job) = self.remove(id)
        {
            job.finish();
        }
    }

    /// Removes a request, and makes room for another one before its holder hears of it.
    fn remove(&mut self, id: u64) -> Option<Job> {
        let index = self.jobs.iter().position(|(known, _)| *known == id)?;
        let (_, job) = self.jobs.remove(index);
        self.occupancy.present.fetch_sub(1, Ordering::Relaxed);
        self.count_active();
        Some(job)
    }

    fn count_active(&self) {
        let active = self.jobs.iter().filter(|(_, job)| job.has_started()).count();
        self.occupancy.active.store(active, Ordering::Relaxed);
    }

    fn cancel(&mut self, id: u64) {
        let attempts = self.take_attempts(id);
        if let Some(job) = self.remove(id) {
            job.cancel(attempts);
        }
    }

    fn fail(&mut self, id: u64, error: Error) {
        self.take_attempts(id);
        if let Some(job) = self.remove(id) {
            job.fail(error);
        }
    }

    fn take_attempts(&mut self, id: u64) -> Vec<Attempt> {
        let (taken, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.active).into_iter().partition(|(known, _)| *known == id);
        self.active = kept;
        taken.into_iter().map(|(_, attempt)| attempt).collect()
    }

    /// Reports the progress of the requests of which pieces are going on; others are resting.
    fn report_progress(&self, going: &[(u64, Attempt)]) {
        for (id, job) in &self.jobs {
            if going.iter().any(|(known, _)| known == id) {
                let active = self.active.iter().chain(going).filter(|(known, _)| known == id);
                job.report_progress(active.map(|(_, attempt)| attempt));
            }
        }
    }

    /// Runs a slice of the first task. Returns false if no task waits.
    fn work(&mut self) -> bool {
        let Some(task) = self.tasks.front_mut() else { return false };
        if let Some(reply) = task.slice(&mut self.model) {
            self.tasks.pop_front();
            // The caller who hears of it finds room.
            self.occupancy.present.fetch_sub(1, Ordering::Relaxed);
            reply();
        }
        true
    }
}

/// Does a part of a step for each piece alone, and removes those that fail.
fn retain(
    going: &mut Vec<(u64, Attempt)>,
    failed: &mut Vec<(u64, Error)>,
    mut part: impl FnMut(u64, &mut Attempt) -> Result<()>,
) {
    going.retain_mut(|(id, attempt)| match guarded(|| part(*id, attempt)) {
        Ok(()) => true,
        Err(error) => {
            failed.push((*id, error));
            false
        }
    });
}
