//! Reports of a download while it runs.

use std::time::Duration;

/// DownloadProgress of a download.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DownloadProgress {
    /// Bytes of a file arrived.
    #[non_exhaustive]
    File {
        /// Path of the file in the checkpoint.
        name: String,
        /// Number of bytes on disk.
        done: u64,
        /// Size of the file in bytes, if the server tells it.
        total: Option<u64>,
    },
    /// The download waits before it tries again.
    #[non_exhaustive]
    Waiting {
        /// The reason, in a few words.
        reason: String,
        /// Length of the wait, if it is known.
        duration: Option<Duration>,
    },
    /// A file in the cache is compared with what the hub lists.
    #[non_exhaustive]
    Checking {
        /// Path of the file in the checkpoint.
        name: String,
    },
    /// The server is out of reach. The snapshot in the cache is used, which may be older than that
    /// on the server.
    #[non_exhaustive]
    UsingCache {
        /// The reason, in one line.
        reason: String,
    },
}
