//! The number of open sessions.

use std::sync::Arc;

use crate::service::Service;

/// Counts a session while it is open.
pub struct OpenSession(Arc<Service>);

impl OpenSession {
    /// Counts a session of the service.
    pub fn new(service: Arc<Service>) -> Self {
        service.metrics.sessions.increment(1.0);
        Self(service)
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.metrics.sessions.decrement(1.0);
    }
}
