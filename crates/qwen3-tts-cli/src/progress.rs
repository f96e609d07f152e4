//! Progress on standard error, if it is a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use qwen3_tts_pipeline::{DownloadProgress, SpeechControl};

use crate::args::When;
use crate::note::{add_bar, is_quiet, note};
use crate::terminal;

/// Returns true if progress is to be shown.
pub fn is_wanted(when: When) -> bool {
    when == When::Auto && !is_quiet() && std::io::stderr().is_terminal()
}

/// Shows that the model is loading, until the bar is finished.
pub fn loading(shown: bool) -> ProgressBar {
    let bar = bar(shown, "loading the model {spinner} {elapsed}");
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Frames, speed and remaining time of a speech, redrawn ten times a second by a separate thread.
pub struct SpeechBar {
    bar: ProgressBar,
    has_ended: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

const READ_INTERVAL: Duration = Duration::from_millis(100);

impl SpeechBar {
    pub fn new(shown: bool, frames_per_second: f64, speech: SpeechControl) -> Self {
        let style = "{prefix}{bar:30} {pos}/{len} frames  {msg}  about {eta} left";
        let bar = bar(shown, style);
        let has_ended = Arc::new(AtomicBool::new(false));
        let reader = shown.then(|| {
            let (bar, has_ended, begin) = (bar.clone(), Arc::clone(&has_ended), Instant::now());
            std::thread::spawn(move || {
                while !has_ended.load(Ordering::Relaxed) {
                    update(&bar, &speech, begin, frames_per_second);
                    std::thread::park_timeout(READ_INTERVAL);
                }
            })
        });
        Self { bar, has_ended, reader }
    }

    /// Shows the current piece of a long text.
    pub fn piece(&self, index: usize, n_pieces: usize) {
        if n_pieces > 1 {
            self.bar.set_prefix(format!("piece {}/{n_pieces}  ", index + 1));
        }
    }
}

impl Drop for SpeechBar {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.thread().unpark();
            // The thread only draws, so its panic can be ignored.
            let _ = reader.join();
        }
        self.bar.finish_and_clear();
    }
}

fn update(bar: &ProgressBar, speech: &SpeechControl, begin: Instant, frames_per_second: f64) {
    let progress = speech.progress();
    // The length is an estimate; once it is passed, the end moves with the frames.
    let end = progress.expected_frames.max(progress.frames + 1).min(progress.max_frames);
    bar.set_length(end as u64);
    bar.set_position(progress.frames as u64);
    let spoken = progress.frames as f64 / frames_per_second;
    let speed = spoken / begin.elapsed().as_secs_f64();
    bar.set_message(format!("{speed:.2}× real time"));
}

/// Number and speed of the requests of a batch.
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

    /// Sets the total duration of the speech so far, in seconds.
    pub fn set_seconds(&self, seconds: f64) {
        let speed = seconds / self.begin.elapsed().as_secs_f64();
        self.bar.set_message(format!("{speed:.2}× real time"));
    }

    /// Counts a finished request.
    pub fn complete(&self) {
        self.bar.inc(1);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Progress of a download, one file at a time.
pub struct DownloadBar {
    bar: ProgressBar,
    file: String,
}

impl DownloadBar {
    pub fn new(shown: bool) -> Self {
        let style = "{msg} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        Self { bar: bar(shown, style), file: String::new() }
    }

    pub fn update(&mut self, progress: &DownloadProgress) {
        match progress {
            DownloadProgress::File { name, done, total, .. } => {
                if self.file != *name {
                    self.file.clone_from(name);
                    self.bar.reset();
                }
                self.say(&self.file);
                self.bar.set_length(total.unwrap_or(*done));
                self.bar.set_position(*done);
            }
            DownloadProgress::Waiting { reason, duration, .. } => {
                let seconds =
                    duration.map(|duration| format!(" for {:.1} s", duration.as_secs_f64()));
                self.say(&format!("{reason}; waiting{}", seconds.unwrap_or_default()));
                self.bar.tick();
            }
            DownloadProgress::Checking { name, .. } => {
                self.say(&format!("checking {name}"));
                self.bar.tick();
            }
            DownloadProgress::UsingCache { reason, .. } => {
                note(&format!("using the model in the cache: {reason}"));
            }
            _ => {}
        }
    }

    fn say(&self, message: &str) {
        self.bar.set_message(terminal::message(message));
    }
}

impl Drop for DownloadBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Returns a bar on standard error, which stays below the messages, or a hidden one.
pub fn bar(shown: bool, style: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style);
    if shown { add_bar(bar) } else { bar }
}
