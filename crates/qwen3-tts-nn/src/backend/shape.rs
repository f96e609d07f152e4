//! Shapes of tensors: up to four dimensions, by value.

use std::fmt;
use std::ops::Index;

/// The dimensions of a [`Tensor`](crate::Tensor), outermost first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    dims: [usize; Self::MAX_RANK],
    rank: usize,
}

impl Shape {
    /// Largest number of dimensions of a tensor.
    pub const MAX_RANK: usize = 4;

    /// Returns the shape with these dimensions.
    ///
    /// # Panics
    /// Panics if there are more than [`Shape::MAX_RANK`] dimensions.
    #[track_caller]
    pub fn new(dims: &[usize]) -> Self {
        assert!(dims.len() <= Self::MAX_RANK, "a tensor of rank {} is not supported", dims.len());
        let mut all = [1; Self::MAX_RANK];
        all[..dims.len()].copy_from_slice(dims);
        Self { dims: all, rank: dims.len() }
    }

    /// Returns the dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// Returns the number of dimensions.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Returns the number of elements.
    pub fn n_elements(&self) -> usize {
        self.dims().iter().product()
    }

    /// Returns the innermost dimension: the channels.
    pub fn last(&self) -> usize {
        self.dims().last().copied().unwrap_or(1)
    }

    /// Returns the number of rows: the product of all dimensions but the innermost.
    pub fn rows(&self) -> usize {
        self.dims().iter().rev().skip(1).product()
    }

    /// Returns the same shape with another innermost dimension.
    pub fn with_last(&self, last: usize) -> Self {
        let mut shape = *self;
        shape.dims[self.rank - 1] = last;
        shape
    }

    /// Returns the same shape with dimension `axis` replaced.
    pub fn with_dim(&self, axis: usize, size: usize) -> Self {
        let mut shape = *self;
        shape.dims[axis] = size;
        shape
    }
}

impl Index<usize> for Shape {
    type Output = usize;

    #[track_caller]
    fn index(&self, axis: usize) -> &usize {
        &self.dims()[axis]
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self::new(dims)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dims(), f)
    }
}
