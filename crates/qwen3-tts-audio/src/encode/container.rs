//! The operations that all file formats share.

use std::time::Duration;

/// A file format, as samples at its rate are written to it.
pub trait Container: Send {
    /// Returns the first bytes of the file by what is known so far. Their number is always the same.
    fn head(&self) -> Vec<u8>;

    /// Sets the beginnings of the chapters.
    fn move_chapters(&mut self, _starts: &[Duration]) {}

    /// Adds samples, and returns the bytes that depend on no later ones.
    fn push(&mut self, samples: &[f32]) -> Vec<u8>;

    /// Returns the bytes after them.
    fn finish(&mut self) -> Vec<u8> {
        Vec::new()
    }
}
