//! Elementwise operations.
//!
//! The tail of a slice goes through the same vector instructions as the rest, so the result for an
//! element does not depend on its position.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::math;
use crate::vector::Vector;
use std::marker::PhantomData;

/// Number of elements per task; fewer are not worth waking a thread.
const PIECE: usize = 8 * 1024;

/// Computes y = x / (1 + e⁻ˣ): `torch.nn.functional.silu`.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn silu(context: &Context, x: &[f32], y: &mut [f32]) {
    map::<Silu>(context, x, y);
}

/// Computes y = silu(gate) · up: the gated unit of a feed-forward layer.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn silu_mul(context: &Context, gate: &[f32], up: &[f32], y: &mut [f32]) {
    zip::<SiluMul>(context, gate, up, y);
}

/// Computes y = x·Φ(x), Φ the normal distribution: `torch.nn.functional.gelu` in the exact erf
/// form, within 1e-6.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn gelu(context: &Context, x: &[f32], y: &mut [f32]) {
    map::<Gelu>(context, x, y);
}

/// Computes y = x above 0, eˣ − 1 below: `torch.nn.functional.elu` with alpha 1.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn elu(context: &Context, x: &[f32], y: &mut [f32]) {
    map::<Elu>(context, x, y);
}

/// Computes y = x above 0, 0 below: `torch.nn.functional.relu`.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn relu(context: &Context, x: &[f32], y: &mut [f32]) {
    map::<Relu>(context, x, y);
}

/// Computes y = 1 / (1 + e⁻ˣ): `torch.sigmoid`.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn sigmoid(context: &Context, x: &[f32], y: &mut [f32]) {
    map::<Sigmoid>(context, x, y);
}

/// Computes y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ): `torch.tanh`.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn tanh(context: &Context, x: &[f32], y: &mut [f32]) {
    map::<Tanh>(context, x, y);
}

/// Computes out = x + y.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn add(context: &Context, x: &[f32], y: &[f32], out: &mut [f32]) {
    zip::<Sum>(context, x, y, out);
}

/// Computes out = x · y.
///
/// # Panics
/// Panics if the lengths differ.
#[track_caller]
pub fn mul(context: &Context, x: &[f32], y: &[f32], out: &mut [f32]) {
    zip::<Product>(context, x, y, out);
}

/// A function of one lane.
trait Unary {
    fn apply<V: Vector>(x: V) -> V;
}

/// A function of two lanes.
trait Binary {
    fn apply<V: Vector>(x: V, y: V) -> V;
}

/// Defines a type for each function, so that kernels can be generic over it.
macro_rules! operations {
    ($($trait:ident $name:ident = |$($x:ident),*| $value:expr;)*) => {$(
        struct $name;

        impl $trait for $name {
            #[inline(always)]
            fn apply<V: Vector>($($x: V),*) -> V {
                $value
            }
        }
    )*};
}

operations! {
    Unary Silu = |x| math::silu(x);
    Unary Gelu = |x| math::gelu(x);
    Unary Elu = |x| math::elu(x);
    Unary Relu = |x| x.like(0.0).max(x);
    Unary Sigmoid = |x| math::sigmoid(x);
    Unary Tanh = |x| math::tanh(x);
    Binary SiluMul = |gate, up| math::silu(gate) * up;
    Binary Sum = |x, y| x + y;
    Binary Product = |x, y| x * y;
}

/// Applies a function of one lane on all threads.
#[track_caller]
fn map<F: Unary>(context: &Context, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "length of x and y");
    context.pool().pieces(y, PIECE, |offset, y| {
        let x = &x[offset..offset + y.len()];
        dispatch::run(context, Map { x, y, function: PhantomData::<F> });
    });
}

/// Applies a function of two lanes on all threads.
#[track_caller]
fn zip<F: Binary>(context: &Context, x: &[f32], y: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "length of the first input");
    assert_eq!(y.len(), out.len(), "length of the second input");
    context.pool().pieces(out, PIECE, |offset, out| {
        let part = offset..offset + out.len();
        let (x, y) = (&x[part.clone()], &y[part]);
        dispatch::run(context, Zip { x, y, out, function: PhantomData::<F> });
    });
}

/// y = f(x), of equal lengths.
struct Map<'a, F> {
    x: &'a [f32],
    y: &'a mut [f32],
    function: PhantomData<F>,
}

impl<F: Unary> Kernel for Map<'_, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (x, y, n) = (self.x.as_ptr(), self.y.as_mut_ptr(), self.y.len());
        let whole = n - n % V::LANES;
        // SAFETY: both slices have n elements.
        unsafe {
            for i in (0..whole).step_by(V::LANES) {
                F::apply(V::load(x.add(i))).store(y.add(i));
            }
            if whole < n {
                let x = V::load_part(x.add(whole), n - whole);
                F::apply(x).store_part(y.add(whole), n - whole);
            }
        }
    }
}

/// out = f(x, y), of equal lengths.
struct Zip<'a, F> {
    x: &'a [f32],
    y: &'a [f32],
    out: &'a mut [f32],
    function: PhantomData<F>,
}

impl<F: Binary> Kernel for Zip<'_, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (x, y, out) = (self.x.as_ptr(), self.y.as_ptr(), self.out.as_mut_ptr());
        let n = self.out.len();
        let whole = n - n % V::LANES;
        // SAFETY: all slices have n elements.
        unsafe {
            for i in (0..whole).step_by(V::LANES) {
                F::apply(V::load(x.add(i)), V::load(y.add(i))).store(out.add(i));
            }
            if whole < n {
                let rest = n - whole;
                let (x, y) = (V::load_part(x.add(whole), rest), V::load_part(y.add(whole), rest));
                F::apply(x, y).store_part(out.add(whole), rest);
            }
        }
    }
}
