//! Dispatch of a generic kernel to the code for each instruction set.
//!
//! A [`Kernel`] is written once over [`Vector`], an [`IntegerKernel`] over [`Integers`]. [`run`]
//! and [`run_integers`] call the copy that was compiled with the selected instruction set enabled.
//! For that, everything between the entry points below and the intrinsics must be inlined, hence
//! `#[inline(always)]` on kernels and vectors.

use crate::context::Context;
use crate::integers::Integers;
#[cfg(target_arch = "x86_64")]
use crate::integers::{Avx2Integers, Avx512Integers};
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
        Isa::Avx2 | Isa::AvxVnni => unsafe { avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Avx512 | Isa::Avx512Vnni => unsafe { avx512(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: NEON is part of every aarch64 CPU that Rust compiles for.
        Isa::Neon | Isa::Dotprod => unsafe { kernel.run::<Twice<Neon>>() },
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
        Isa::AvxVnni => unsafe { avx_vnni_integers(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Avx512 => unsafe { avx512_integers(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Avx512Vnni => unsafe { avx512_vnni_integers(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: NEON is part of every aarch64 CPU that Rust compiles for.
        Isa::Neon => unsafe { kernel.run::<Neon>() },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: a context has an instruction set of this CPU.
        Isa::Dotprod => unsafe { dotprod_integers(kernel) },
        // SAFETY: any CPU runs portable code.
        _ => unsafe { kernel.run::<Portable>() },
    }
}

/// Defines an entry point with the target features of a type of integers.
macro_rules! entry {
    ($arch:literal $name:ident $features:literal $Integers:ty) => {
        #[cfg(target_arch = $arch)]
        #[target_feature(enable = $features)]
        unsafe fn $name<K: IntegerKernel>(kernel: K) {
            // SAFETY: the caller has checked the features.
            unsafe { kernel.run::<$Integers>() }
        }
    };
}

entry! { "x86_64" avx2_integers "avx2,fma" Avx2Integers<false> }
entry! { "x86_64" avx_vnni_integers "avx2,fma,avxvnni" Avx2Integers<true> }
entry! {
    "x86_64" avx512_integers "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma" Avx512Integers<false>
}
entry! {
    "x86_64" avx512_vnni_integers "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma"
    Avx512Integers<true>
}
entry! { "aarch64" dotprod_integers "dotprod" crate::integers::Dotprod }

/// The number of lanes of [`Integers::Floats`].
struct IntegerLanes<'a>(&'a mut usize);

impl IntegerKernel for IntegerLanes<'_> {
    #[inline(always)]
    unsafe fn run<I: Integers>(self) {
        *self.0 = I::Floats::LANES;
    }
}

/// Returns the number of rows whose integers are summed together.
pub(crate) fn lanes(context: &Context) -> usize {
    let mut lanes = 0;
    run_integers(context, IntegerLanes(&mut lanes));
    lanes
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
