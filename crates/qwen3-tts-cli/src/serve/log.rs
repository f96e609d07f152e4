//! The log of the service on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::args::LogForm;
use crate::failure::{Failure, Result};
use crate::note::is_quiet;

/// Starts the log.
pub fn start(form: LogForm, level: Option<&str>) -> Result {
    let level = level.unwrap_or(if is_quiet() { "warn" } else { "info" });
    let filter = EnvFilter::builder().parse(level).map_err(|error| {
        Failure::request(format!("--log-level \"{level}\": {error}; expected a level such as info"))
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match form {
        LogForm::Text => log.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
        LogForm::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}
