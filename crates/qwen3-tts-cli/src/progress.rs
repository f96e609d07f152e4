//! Progress on standard error, where that is a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use qwen3_tts_pipeline::FrameProgress;
use qwen3_tts_pipeline::hub::Progress;

use crate::args::When;

/// Whether there is somebody to show progress to.
pub fn is_wanted(when: When) -> bool {
    when == When::Auto && std::io::stderr().is_terminal()
}

/// Says that the model is being loaded, until it is finished.
pub fn loading(shown: bool) -> ProgressBar {
    let bar = bar(shown, "loading the model {spinner} {elapsed}");
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Frames, speed and the time that is left.
pub struct SpeechBar {
    bar: ProgressBar,
    begin: Instant,
    frames_per_second: f64,
}

impl SpeechBar {
    pub fn new(shown: bool, frames_per_second: f64) -> Self {
        let style = "{prefix}{bar:30} {pos}/{len} frames  {msg}  about {eta} left";
        Self { bar: bar(shown, style), begin: Instant::now(), frames_per_second }
    }

    pub fn update(&self, progress: FrameProgress) {
        // The model decides when it is done, so the end moves on once the guess is passed.
        let end = progress.expected_frames.max(progress.frames + 1).min(progress.max_frames);
        self.bar.set_length(end as u64);
        self.bar.set_position(progress.frames as u64);
        let spoken = progress.frames as f64 / self.frames_per_second;
        let speed = spoken / self.begin.elapsed().as_secs_f64();
        self.bar.set_message(format!("{speed:.2}× real time"));
    }

    /// Says which piece of a long text is due.
    pub fn piece(&self, index: usize, n_pieces: usize) {
        if n_pieces > 1 {
            self.bar.set_prefix(format!("piece {}/{n_pieces}  ", index + 1));
        }
    }

    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// Requests, and how fast they are spoken.
pub struct BatchBar {
    bar: ProgressBar,
    begin: Instant,
}

impl BatchBar {
    pub fn new(shown: bool, done: usize, requests: usize) -> Self {
        let bar = bar(shown, "{bar:30} {pos}/{len} requests  {msg}");
        bar.set_length(requests as u64);
        bar.set_position(done as u64);
        Self { bar, begin: Instant::now() }
    }

    /// So many seconds of speech are there.
    pub fn set_seconds(&self, seconds: f64) {
        let speed = seconds / self.begin.elapsed().as_secs_f64();
        self.bar.set_message(format!("{speed:.2}× real time"));
    }

    /// A request is done with.
    pub fn complete(&self) {
        self.bar.inc(1);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// One file of a download after the other.
pub struct DownloadBar {
    bar: ProgressBar,
    file: String,
}

impl DownloadBar {
    pub fn new(shown: bool) -> Self {
        let style = "{msg} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        Self { bar: bar(shown, style), file: String::new() }
    }

    pub fn update(&mut self, progress: &Progress<'_>) {
        if self.file != progress.file {
            self.file = progress.file.to_owned();
            self.bar.reset();
            self.bar.set_length(progress.total);
            self.bar.set_message(self.file.clone());
        }
        self.bar.set_position(progress.done);
    }
}

impl Drop for DownloadBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn bar(shown: bool, style: &str) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, target).with_style(style)
}
