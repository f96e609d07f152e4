//! Progress on standard error, if it is a terminal.

mod bar;
mod batch;
mod drawing;
mod line;
mod speech;

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::ProgressBar;
use qwen3_tts_pipeline::DownloadProgress;

use crate::args::When;
use crate::note::{is_quiet, note};
use crate::terminal;
pub use bar::bar;
pub use batch::BatchBar;
pub use speech::SpeechBar;

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

/// Progress of a download, one file at a time.
pub struct DownloadBar {
    bar: ProgressBar,
    file: String,
}

impl DownloadBar {
    pub fn new(shown: bool) -> Self {
        let style = "{wide_msg} {bar:10} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
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
