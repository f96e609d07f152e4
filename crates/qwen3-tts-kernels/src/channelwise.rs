//! Operations with parameters per channel, on channels-last rows.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::math;
use crate::vector::Vector;

/// Approximate number of elements per task.
const PIECE: usize = 8 * 1024;

/// Computes y = x + sin²(x·alpha)·inv_beta for each channel: `SnakeBeta` of the codec decoder, with
/// alpha = e^α and inv_beta = 1 / (e^β + 1e-9) computed beforehand.
///
/// x and y are \[rows, channels\], alpha and inv_beta \[channels\]. sin² is within 2e-7 for
/// |x·alpha| ≤ 1e4 and in 0 ..= 1 for every finite input.
///
/// # Panics
/// Panics if a length does not fit the shapes.
#[track_caller]
pub fn snake_beta(context: &Context, x: &[f32], alpha: &[f32], inv_beta: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "length of x and y");
    assert_eq!(alpha.len(), inv_beta.len(), "length of alpha and inv_beta");
    let piece = piece(y.len(), alpha.len());
    context.pool().pieces(y, piece, |offset, y| {
        let x = &x[offset..offset + y.len()];
        dispatch::run(context, Rows { first: x, second: x, a: alpha, b: inv_beta, y, op: Snake });
    });
}

/// Computes out = x + y·scale for each channel: a residual after a layer scale.
///
/// x, y and out are \[rows, channels\], scale \[channels\].
///
/// # Panics
/// Panics if a length does not fit the shapes.
#[track_caller]
pub fn scaled_add(context: &Context, x: &[f32], y: &[f32], scale: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "length of x and out");
    assert_eq!(y.len(), out.len(), "length of y and out");
    let piece = piece(out.len(), scale.len());
    context.pool().pieces(out, piece, |offset, out| {
        let part = offset..offset + out.len();
        let (first, second) = (&x[part.clone()], &y[part]);
        dispatch::run(context, Rows { first, second, a: scale, b: scale, y: out, op: Scaled });
    });
}

/// Returns the length of whole rows with about [`PIECE`] elements.
#[track_caller]
fn piece(len: usize, channels: usize) -> usize {
    assert!(channels > 0 || len == 0, "rows without channels");
    assert_eq!(len % channels.max(1), 0, "not whole rows of {channels} channels");
    (PIECE / channels.max(1)).max(1) * channels
}

/// A function of two elements and two parameters of their channel.
trait Op: Copy {
    fn apply<V: Vector>(self, x: V, y: V, a: V, b: V) -> V;
}

#[derive(Clone, Copy)]
struct Snake;

impl Op for Snake {
    #[inline(always)]
    fn apply<V: Vector>(self, x: V, _: V, alpha: V, inv_beta: V) -> V {
        math::sin_squared(x * alpha).mul_add(inv_beta, x)
    }
}

#[derive(Clone, Copy)]
struct Scaled;

impl Op for Scaled {
    #[inline(always)]
    fn apply<V: Vector>(self, x: V, y: V, scale: V, _: V) -> V {
        y.mul_add(scale, x)
    }
}

/// y = op(first, second, a, b): three slices of whole rows, and parameters of one row's length.
struct Rows<'a, F> {
    first: &'a [f32],
    second: &'a [f32],
    a: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
    op: F,
}

impl<F: Op> Kernel for Rows<'_, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.a.len();
        let whole = channels - channels % V::LANES;
        let rest = channels - whole;
        let (first, second) = (self.first.as_ptr(), self.second.as_ptr());
        let (a, b, y) = (self.a.as_ptr(), self.b.as_ptr(), self.y.as_mut_ptr());
        // SAFETY: the slices are whole rows of `channels` elements, a and b one of them.
        unsafe {
            for row in (0..self.y.len()).step_by(channels) {
                for c in (0..whole).step_by(V::LANES) {
                    let (x, other) = (V::load(first.add(row + c)), V::load(second.add(row + c)));
                    let value = self.op.apply(x, other, V::load(a.add(c)), V::load(b.add(c)));
                    value.store(y.add(row + c));
                }
                if rest > 0 {
                    let at = row + whole;
                    let x = V::load_part(first.add(at), rest);
                    let other = V::load_part(second.add(at), rest);
                    let (a, b) =
                        (V::load_part(a.add(whole), rest), V::load_part(b.add(whole), rest));
                    self.op.apply(x, other, a, b).store_part(y.add(at), rest);
                }
            }
        }
    }
}
