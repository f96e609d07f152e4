//! Dispatch of a generic kernel to the code for each instruction set.
//!
//! A [`Kernel`] is written once over [`Vector`], an [`IntegerKernel`] over [`Integers`]. [`run`]
//! and [`run_integers`] call the copy that was compiled with the selected instruction set enabled.
//! For that, everything between the entry points below and the intrinsics must be inlined, hence
//! `#[inline(always)]` on kernels and vectors.

use crate::context::Context;
use crate::integers::Integers;
use crate::isa::Isa;
#[cfg(target_arch = "aarch64")]
use crate::vector::{Neon, Twice};
use crate::vector::{Portable, Vector};

/// An operation with its arguments, generic over the vector type.
pub(crate) trait Kernel {
    type Output;

    /// Runs the operation with vectors of type `V`.
    ///
    /// # Safety
    /// The CPU has the instruction set of `V`.
    unsafe fn run<V: Vector>(self) -> Self::Output;
}

/// Runs `kernel` with the instruction set of `context`.
#[inline]
pub(crate) fn run<K: Kernel>(context: &Context, kernel: K) -> K::Output {
    match context.isa() {
        // SAFETY: any CPU runs portable code.
        Isa::Portable => unsafe { kernel.run::<Portable>() },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Avx2 => unsafe { avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Avx512 => unsafe { avx512(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: NEON is part of every aarch64 CPU that Rust compiles for.
        Isa::Neon | Isa::Dotprod | Isa::I8mm => unsafe { kernel.run::<Twice<Neon>>() },
        // SAFETY: any CPU runs portable code.
        _ => unsafe { kernel.run::<Portable>() },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller has checked the features.
    unsafe { kernel.run::<crate::vector::Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn avx512<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller has checked the features.
    unsafe { kernel.run::<crate::vector::Avx512>() }
}

/// An operation with its arguments, generic over the integer type.
pub(crate) trait IntegerKernel {
    /// Runs the operation with integers of type `I`.
    ///
    /// # Safety
    /// The CPU has the instruction set of `I`.
    unsafe fn run<I: Integers>(self);

    /// Runs the operation on a CPU with byte matrix products; activations are arranged for
    /// [`Dotprod`](crate::integers::Dotprod).
    ///
    /// # Safety
    /// The CPU has dot products and matrix products of bytes.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    unsafe fn run_i8mm(self)
    where
        Self: Sized,
    {
        // SAFETY: upheld by the caller.
        unsafe { self.run::<crate::integers::Dotprod>() }
    }
}

/// Runs `kernel` with the instruction set of `context`.
#[inline]
pub(crate) fn run_integers<K: IntegerKernel>(context: &Context, kernel: K) {
    match context.isa() {
        // SAFETY: any CPU runs portable code.
        Isa::Portable => unsafe { kernel.run::<Portable>() },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Avx2 => unsafe { avx2_integers(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Avx512 => unsafe { avx512_integers(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: NEON is part of every aarch64 CPU that Rust compiles for.
        Isa::Neon => unsafe { kernel.run::<Neon>() },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Dotprod => unsafe { dotprod_integers(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::I8mm => unsafe { i8mm_integers(kernel) },
        // SAFETY: any CPU runs portable code.
        _ => unsafe { kernel.run::<Portable>() },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2_integers<K: IntegerKernel>(kernel: K) {
    // SAFETY: the caller has checked the features.
    unsafe { kernel.run::<crate::vector::Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn avx512_integers<K: IntegerKernel>(kernel: K) {
    // SAFETY: the caller has checked the features.
    unsafe { kernel.run::<crate::vector::Avx512>() }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "dotprod")]
unsafe fn dotprod_integers<K: IntegerKernel>(kernel: K) {
    // SAFETY: the caller has checked the feature.
    unsafe { kernel.run::<crate::integers::Dotprod>() }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "dotprod,i8mm")]
unsafe fn i8mm_integers<K: IntegerKernel>(kernel: K) {
    // SAFETY: the caller has checked the features.
    unsafe { kernel.run_i8mm() }
}

/// The number of f32 lanes of a vector.
pub(crate) struct Lanes;

impl Kernel for Lanes {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> usize {
        V::LANES
    }
}
