//! The memory of tensors, which is reused instead of freed.
//!
//! A large allocation is backed by fresh pages, and touching them costs as much as computing.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// The values of a tensor. Dropping it returns the memory to the shelf that it came from.
pub(super) struct Buffer {
    /// At least `len` values.
    values: Vec<f32>,
    len: usize,
    shelf: Option<Arc<Shelf>>,
}

/// Memory of dropped tensors, for later ones.
#[derive(Default)]
pub(super) struct Shelf {
    buffers: Mutex<Vec<Vec<f32>>>,
}

impl Shelf {
    /// Number of values below which the allocator, which is fast for them, is used.
    const SMALL: usize = 1 << 12;
    /// Largest number of buffers kept; more are never needed at once.
    const MOST: usize = 32;

    /// Returns a buffer of `len` unspecified values.
    pub(super) fn take(self: &Arc<Self>, len: usize) -> Buffer {
        if len < Self::SMALL {
            return vec![0.0; len].into();
        }
        let values = self.find(len).unwrap_or_else(|| vec![0.0; len]);
        Buffer { values, len, shelf: Some(Arc::clone(self)) }
    }

    /// Takes the smallest buffer that is large enough, unless most of it would be wasted.
    fn find(&self, len: usize) -> Option<Vec<f32>> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<f32>| (len..=4 * len).contains(&buffer.len());
        let best =
            (0..buffers.len()).filter(|&i| fits(&buffers[i])).min_by_key(|&i| buffers[i].len())?;
        Some(buffers.swap_remove(best))
    }

    /// Keeps a buffer; drops the one kept longest if there are [`Shelf::MOST`].
    fn put(&self, buffer: Vec<f32>) {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() == Self::MOST {
            buffers.remove(0);
        }
        buffers.push(buffer);
    }
}

impl Buffer {
    pub(super) fn as_slice(&self) -> &[f32] {
        &self.values[..self.len]
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values[..self.len]
    }
}

impl From<Vec<f32>> for Buffer {
    fn from(values: Vec<f32>) -> Self {
        let len = values.len();
        Self { values, len, shelf: None }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.as_slice()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(shelf) = &self.shelf {
            shelf.put(std::mem::take(&mut self.values));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_never_mixed_up() {
        let shelf = Arc::new(Shelf::default());
        let n = Shelf::SMALL;
        let mut first = shelf.take(2 * n);
        first.as_mut_slice().fill(1.0);
        let address = first.as_ptr();
        drop(first);
        let mut again = shelf.take(n);
        assert_eq!((again.as_ptr(), again.len()), (address, n));
        again.as_mut_slice().fill(2.0);
        let other = shelf.take(n);
        assert_ne!(other.as_ptr(), address, "a buffer in use is not on the shelf");
        assert!(again.iter().all(|v| *v == 2.0));
        drop((again, other));
        assert_ne!(shelf.take(n / 2 + 1).as_ptr(), std::ptr::null());
    }

    #[test]
    fn a_shelf_keeps_a_bounded_number() {
        let shelf = Arc::new(Shelf::default());
        let many: Vec<Buffer> = (0..3 * Shelf::MOST).map(|_| shelf.take(Shelf::SMALL)).collect();
        drop(many);
        assert_eq!(shelf.buffers.lock().unwrap().len(), Shelf::MOST);
        assert!(shelf.find(100 * Shelf::SMALL).is_none());
        drop(shelf.take(8));
        assert_eq!(shelf.buffers.lock().unwrap().len(), Shelf::MOST);
    }
}
