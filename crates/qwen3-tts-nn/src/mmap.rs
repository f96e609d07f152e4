//! Memory-mapped files: the one place outside the kernels where unsafe code is allowed.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// Maps a file for reading.
pub(crate) fn map_file(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: the mapping is private and read-only. Its bytes change only if another process
    // rewrites the file in place while it is in use, which every reader of mapped checkpoints
    // has to rule out; the engine itself replaces files by renaming.
    unsafe { Mmap::map(&file) }
}
