//! The memory that weights are read from.

use std::io;
use std::path::Path;
use std::sync::Arc;

use half::bf16;
use memmap2::Mmap;

use crate::mmap::{forget_pages, map_file};

/// Bytes of a mapped file, of an embedded file or of a computed tensor. Clones share the memory
/// and keep it alive.
#[derive(Clone)]
pub(crate) struct SharedBytes {
    source: Source,
    start: usize,
    len: usize,
}

#[derive(Clone)]
enum Source {
    Mapped(Arc<Mmap>),
    Static(&'static [u8]),
    F32(Arc<Vec<f32>>),
    Bf16(Arc<Vec<bf16>>),
    Bytes(Arc<Vec<u8>>),
}

impl SharedBytes {
    /// Maps a file that is not empty.
    pub(crate) fn map(path: &Path) -> io::Result<Self> {
        let map = map_file(path)?;
        Ok(Self { start: 0, len: map.len(), source: Source::Mapped(Arc::new(map)) })
    }

    pub(crate) fn from_static(bytes: &'static [u8]) -> Self {
        Self { start: 0, len: bytes.len(), source: Source::Static(bytes) }
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { start: 0, len: bytes.len(), source: Source::Bytes(Arc::new(bytes)) }
    }

    pub(crate) fn from_f32(values: Vec<f32>) -> Self {
        let len = size_of_val(values.as_slice());
        Self { start: 0, len, source: Source::F32(Arc::new(values)) }
    }

    pub(crate) fn from_bf16(values: Vec<bf16>) -> Self {
        let len = size_of_val(values.as_slice());
        Self { start: 0, len, source: Source::Bf16(Arc::new(values)) }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        let all: &[u8] = match &self.source {
            Source::Mapped(map) => map,
            Source::Static(bytes) => bytes,
            Source::F32(values) => bytemuck::cast_slice(values),
            Source::Bf16(values) => bytemuck::cast_slice(values),
            Source::Bytes(bytes) => bytes,
        };
        &all[self.start..self.start + self.len]
    }

    /// Returns `len` of the bytes from `start` on; `None` if there are not as many.
    pub(crate) fn part(&self, start: usize, len: usize) -> Option<Self> {
        let fits = start.checked_add(len).is_some_and(|end| end <= self.len);
        fits.then(|| Self { source: self.source.clone(), start: self.start + start, len })
    }

    /// Gives the pages of a mapped file back to the system. The bytes stay readable.
    pub(crate) fn forget(&self) {
        if let Source::Mapped(map) = &self.source {
            forget_pages(map, self.start, self.len);
        }
    }

    /// Returns the bytes with the alignment of `f32`; copies them only if they lack it.
    pub(crate) fn aligned(self) -> Self {
        if self.as_slice().as_ptr().align_offset(align_of::<f32>()) == 0 {
            return self;
        }
        let mut words = vec![0f32; self.len.div_ceil(size_of::<f32>())];
        bytemuck::cast_slice_mut::<f32, u8>(&mut words)[..self.len]
            .copy_from_slice(self.as_slice());
        Self { len: self.len, ..Self::from_f32(words) }
    }
}
