//! The port of the protocol.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::session::serve;
use crate::connection::connection;
use crate::live::OpenSession;
use crate::service::Service;

/// Time to wait after a connection could not be accepted, for want of file descriptors for example.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves clients until the service ends. A client that finds no place waits until there is one.
pub async fn listen(service: Arc<Service>, listener: TcpListener) {
    let max_sessions = service.settings.limits.max_sessions;
    let places = Arc::new(Semaphore::new(max_sessions.min(Semaphore::MAX_PERMITS)));
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let (place, accepted) = tokio::select! {
            () = service.draining.cancelled() => return,
            connected = async { (place.await, listener.accept().await) } => connected,
        };
        let slow_reader = service.settings.limits.slow_reader;
        let stream = match accepted.and_then(|(stream, _)| connection(stream, slow_reader)) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let client = Arc::clone(&service);
        service.sessions.spawn(async move {
            let _open = OpenSession::new(Arc::clone(&client));
            serve(client, stream).await;
            drop(place);
        });
    }
}
