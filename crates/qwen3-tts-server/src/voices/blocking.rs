//! Work that would hold up the asynchronous threads.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

/// Runs work that reads files or computes on a thread of its own. A panic of the work goes on in the
/// caller.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}
