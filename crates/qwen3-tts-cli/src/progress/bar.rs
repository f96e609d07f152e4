//! Bars on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::note::add_bar;

/// Returns a bar on standard error, which stays below the messages, or a hidden one.
pub fn bar(shown: bool, style: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style);
    if shown { add_bar(bar) } else { bar }
}
