//! Memory for packed weights.
//!
//! Products of one token read gigabytes a second, more than pages of 4 KiB allow: the hardware's
//! prefetchers stop at the end of each, and its address has to be looked up. So weights lie in
//! chunks for which the system is asked for large pages.

use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use half::bf16;
use memmap2::MmapMut;

/// Size of a chunk in bytes: many large pages of 2 MiB, so that little is lost at its end.
const CHUNK: usize = 32 << 20;

/// Alignment of weights in bytes: a cache line.
const ALIGNMENT: usize = 64;

/// Gives out memory for weights, piece after piece of a chunk.
#[derive(Default)]
pub(crate) struct WeightMemory {
    current: Mutex<Option<(Arc<Chunk>, Range<usize>)>>,
}

impl WeightMemory {
    /// Returns `len` zeros.
    pub(crate) fn zeros(&self, len: usize) -> WeightBytes {
        let space = len.next_multiple_of(ALIGNMENT);
        if space >= CHUNK {
            return WeightBytes { chunk: Arc::new(Chunk::new(space)), start: 0, len };
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = current.take().filter(|(_, free)| free.len() >= space);
        let (chunk, free) = rest.unwrap_or_else(|| (Arc::new(Chunk::new(CHUNK)), 0..CHUNK));
        let bytes = WeightBytes { chunk: Arc::clone(&chunk), start: free.start, len };
        *current = Some((chunk, free.start + space..free.end));
        bytes
    }
}

/// A map without a file, whose pieces are given out once each.
struct Chunk {
    /// Keeps the memory alive.
    _map: MmapMut,
    start: *mut u8,
}

// SAFETY: the memory belongs to the chunk, and each piece of it to one `WeightBytes`, whose
// borrows decide who reads and who writes.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

impl Chunk {
    fn new(len: usize) -> Self {
        let Ok(mut map) = MmapMut::map_anon(len) else {
            handle_alloc_error(
                Layout::from_size_align(len, ALIGNMENT).unwrap_or(Layout::new::<u8>()),
            )
        };
        // Without large pages the memory is only slower.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Self { start: map.as_mut_ptr(), _map: map }
    }
}

/// Bytes of packed weights, aligned to cache lines.
pub(crate) struct WeightBytes {
    chunk: Arc<Chunk>,
    start: usize,
    len: usize,
}

impl WeightBytes {
    /// Returns the bytes as numbers.
    pub(crate) fn of<T: Number>(&self) -> &[T] {
        // SAFETY: the piece lies in the chunk, which lives as long as `self`, and is given out once;
        // its start is aligned, and any bytes are numbers.
        unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), self.len / size_of::<T>()) }
    }

    /// Returns the bytes as numbers.
    pub(crate) fn of_mut<T: Number>(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.as_ptr().cast(), self.len / size_of::<T>()) }
    }

    fn as_ptr(&self) -> *mut u8 {
        self.chunk.start.wrapping_add(self.start)
    }
}

impl fmt::Debug for WeightBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightBytes").field("len", &self.len).finish()
    }
}

/// A type of which any bytes are a value, with at most the alignment of [`WeightBytes`].
pub(crate) trait Number: Copy + Send + Sync {}

impl Number for u8 {}
impl Number for u64 {}
impl Number for f32 {}
impl Number for bf16 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_zeros_of_their_own() {
        let memory = WeightMemory::default();
        let lengths = [0, 1, 64, 65, CHUNK, CHUNK + 1, 3 << 20];
        let mut pieces: Vec<_> = lengths.iter().map(|&len| memory.zeros(len)).collect();
        for (piece, len) in pieces.iter_mut().zip(lengths) {
            assert!(piece.of::<u8>().iter().all(|&byte| byte == 0));
            assert_eq!((piece.of::<u8>().len(), piece.as_ptr().align_offset(ALIGNMENT)), (len, 0));
        }
        for (i, piece) in pieces.iter_mut().enumerate() {
            piece.of_mut::<u8>().fill(i as u8 + 1);
        }
        // Memory outlives what gave it out.
        drop(memory);
        for (i, piece) in pieces.iter().enumerate() {
            assert!(piece.of::<u8>().iter().all(|&byte| byte == i as u8 + 1), "piece {i}");
        }
    }
}
