//! Progress of a batch: its lines, and the frames of all of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use qwen3_tts_pipeline::SpeechControl;

use super::drawing::Drawing;
use super::line::Status;

/// Lines, frames, speed and remaining time of a batch, until it is dropped.
pub struct BatchBar {
    state: Arc<Mutex<State>>,
    _drawing: Drawing,
}

struct State {
    begin: Instant,
    frame_rate: f64,
    n_lines: usize,
    n_done: usize,
    /// Lines that are being spoken.
    active: Vec<Active>,
    /// Characters of the lines that wait.
    waiting: usize,
    /// Characters of the lines that are spoken, and their frames.
    spoken: usize,
    frames: usize,
}

struct Active {
    line: usize,
    characters: usize,
    speech: SpeechControl,
}

impl BatchBar {
    /// Shows a batch of `n_lines` lines. Those that are not done have `characters` characters.
    pub fn new(
        shown: bool,
        frame_rate: f64,
        n_lines: usize,
        n_done: usize,
        characters: usize,
    ) -> Self {
        let state = Arc::new(Mutex::new(State {
            begin: Instant::now(),
            frame_rate,
            n_lines,
            n_done,
            active: Vec::new(),
            waiting: characters,
            spoken: 0,
            frames: 0,
        }));
        let drawn = Arc::clone(&state);
        Self { state, _drawing: Drawing::new(shown, move || lock(&drawn).status()) }
    }

    /// Adds a line that is being spoken.
    pub fn begin(&self, line: usize, characters: usize, speech: SpeechControl) {
        let mut state = lock(&self.state);
        state.waiting = state.waiting.saturating_sub(characters);
        state.active.push(Active { line, characters, speech });
    }

    /// Ends a line, spoken or failed.
    pub fn end(&self, line: usize, characters: usize) {
        let mut state = lock(&self.state);
        state.n_done += 1;
        match state.active.iter().position(|active| active.line == line) {
            Some(index) => {
                let active = state.active.swap_remove(index);
                state.frames += active.speech.progress().frames;
                state.spoken += characters;
            }
            None => state.waiting = state.waiting.saturating_sub(characters),
        }
    }

    /// Returns the time since the beginning.
    pub fn elapsed(&self) -> Duration {
        lock(&self.state).begin.elapsed()
    }
}

impl State {
    fn status(&self) -> Status {
        let progress: Vec<_> = self
            .active
            .iter()
            .map(|active| (active.characters, active.speech.progress()))
            .collect();
        let frames: usize = progress.iter().map(|(_, progress)| progress.frames).sum();
        // From lines that have ended; before the first one, from what the model expects.
        let pace = |characters: usize| match self.spoken {
            0 => None,
            spoken => Some((characters * self.frames).div_ceil(spoken)),
        };
        let mut active = 0;
        for (characters, progress) in &progress {
            let expected = match pace(*characters).filter(|_| progress.ended_pieces == 0) {
                Some(expected) => expected.min(progress.max_frames),
                None => progress.expected_frames,
            };
            active += expected.max(progress.frames);
        }
        let characters: usize = progress.iter().map(|(characters, _)| characters).sum();
        let waiting =
            pace(self.waiting).unwrap_or_else(|| self.waiting * active / characters.max(1));
        Status {
            done: self.n_done,
            active: self.active.len(),
            parts: self.n_lines,
            unit: "lines",
            frames: self.frames + frames,
            expected: self.frames + active + waiting,
            elapsed: self.begin.elapsed(),
            frame_rate: self.frame_rate,
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
