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

/// Gives the pages of a part of a mapping back to the system, which reads them again on demand.
/// Does nothing on a system without this advice.
pub(crate) fn forget_pages(map: &Mmap, start: usize, len: usize) {
    #[cfg(unix)]
    {
        // SAFETY: the mapping is of a file and read-only, so what a dropped page held is in the
        // file, and reading it again gives the same.
        let _ =
            unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, len) };
    }
    #[cfg(not(unix))]
    let _ = (map, start, len);
}
