//! Signals that stop the service.

use std::future::Future;

use crate::failure::{Failure, Result};

/// Exit code after a second signal.
const INTERRUPTED: i32 = 130;

/// Returns a future that is ready at the first signal to stop. The second one ends the process.
#[cfg(unix)]
pub fn stop() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error| Failure::Other(format!("cannot wait for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(INTERRUPTED);
        });
    })
}

/// Returns a future that is ready at the first Ctrl-C. The second one ends the process.
#[cfg(not(unix))]
pub fn stop() -> Result<impl Future<Output = ()>> {
    Ok(async {
        // Without the handler, Ctrl-C ends the process.
        let _ = tokio::signal::ctrl_c().await;
        tokio::spawn(async {
            let _ = tokio::signal::ctrl_c().await;
            std::process::exit(INTERRUPTED);
        });
    })
}
