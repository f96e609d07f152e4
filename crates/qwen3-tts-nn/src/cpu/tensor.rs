//! Tensors in host memory.

use std::fmt;
use std::sync::Arc;

use qwen3_tts_kernels::Context;

use super::buffer::{Buffer, Shelf};
use crate::backend::shape::Shape;

/// A handle to the threads, and to memory of earlier tensors.
#[derive(Clone)]
pub(crate) struct Cpu {
    context: Arc<Context>,
    shelf: Arc<Shelf>,
}

impl Cpu {
    /// Starts `threads` threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self { context: Arc::new(Context::new(threads)), shelf: Arc::default() }
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Returns a buffer of `len` unspecified values.
    pub(super) fn take(&self, len: usize) -> Buffer {
        self.shelf.take(len)
    }

    pub(super) fn tensor(&self, data: impl Into<Buffer>, shape: Shape) -> CpuTensor {
        CpuTensor { cpu: self.clone(), shape, data: Arc::new(data.into()) }
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cpu({} threads)", self.context.pool().threads())
    }
}

/// A tensor in host memory.
#[derive(Clone)]
pub(crate) struct CpuTensor {
    pub(super) cpu: Cpu,
    pub(super) shape: Shape,
    pub(super) data: Arc<Buffer>,
}

impl CpuTensor {
    /// Returns the tensor whose values `fill` writes, all of them.
    pub(super) fn make(&self, shape: Shape, fill: impl FnOnce(&mut [f32])) -> Self {
        let mut data = self.cpu.take(shape.n_elements());
        fill(data.as_mut_slice());
        self.cpu.tensor(data, shape)
    }

    /// Returns the products of the dimensions before and after `axis`, for copies along it.
    pub(super) fn strides(&self, axis: usize) -> (usize, usize) {
        let dims = self.shape.dims();
        (dims[..axis].iter().product(), dims[axis + 1..].iter().product())
    }
}
