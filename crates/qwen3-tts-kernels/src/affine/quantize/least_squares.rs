//! The scale and bias of a group that minimise the sum of squared errors of its weights.
//!
//! For given integers the best scale and bias are a linear regression; for a given scale and bias
//! the best integers are the nearest. Alternating the two converges, as in HQQ, but only to the
//! optimum next to its start. Several ranges around that of the weights are therefore tried, and
//! the best of them is refined.
//!
//! Scales and biases are rounded to their type before errors are computed. The groups of a block
//! lie side by side, one per lane, so that sums need no reduction and have the same order on every
//! CPU.
//!
//! With 8 bits all of this gains little beyond the rounding of scales and biases before that of the
//! weights: [`range`] does only that.

use super::edges::Edges;
use super::levels::levels;
use crate::affine::{GROUP_SIZES, Parameter};
use crate::vector::{MAX_LANES, Vector};

/// One value per group of a block.
pub(super) type Lanes = [f32; MAX_LANES];

/// Weights of a block: weight `i` of all groups from `i · V::LANES` on.
pub(super) type Block = [f32; GROUP_SIZES[2] * MAX_LANES];

/// Scale and bias of each group, with the sum of squared errors.
#[derive(Default)]
pub(super) struct Fit {
    pub scale: Lanes,
    pub bias: Lanes,
    error: Lanes,
}

/// Smallest scale that is not 0 in either type of scales, with a finite inverse.
const LEAST_SCALE: f32 = 1e-37;

/// Ranges to try, as fractions of the distance from the middle of the weights to the least and to
/// the largest one. With fewer levels, the weights are better clipped.
const fn ranges(bits: usize) -> &'static [(f32, f32)] {
    match bits {
        4 => &[(0.95, 0.95), (1.0, 0.9), (0.95, 1.0), (1.0, 0.95), (0.9, 1.0)],
        _ => &[(1.0, 1.0), (1.02, 1.0), (1.0, 1.02), (1.0, 0.98), (0.98, 1.0)],
    }
}

/// Number of refinements of the best range: with more levels, they gain less.
const fn refinements(bits: usize) -> usize {
    match bits {
        4 => 2,
        _ => 1,
    }
}

/// Returns the scale and the bias that spread the levels over the range of a group.
#[inline(always)]
pub(super) fn range<P: Parameter, const BITS: usize>(edges: &Edges) -> (f32, f32) {
    let scale = at_least((edges.max - edges.min) / levels(BITS));
    (P::round(scale) + edges.nothing, P::round(edges.min))
}

/// Returns the fit of each group of a block of `n` weights per group. The scale of a group with a
/// weight that is not finite is not finite either.
///
/// # Safety
/// The CPU has the instruction set of `V`; `n` is at most the largest group size.
#[inline(always)]
pub(super) unsafe fn fit<V: Vector, P: Parameter, const BITS: usize>(
    block: &Block,
    n: usize,
) -> Fit {
    // SAFETY: upheld by the caller.
    unsafe {
        let edges = edges::<V>(block, n);
        let mut ranges = ranges(BITS).iter();
        let mut best = Fit::of_range::<P>(&edges, levels(BITS), *ranges.next().expect("a range"));
        best.error = error::<V, BITS>(block, n, &best);
        for &range in ranges {
            let mut other = Fit::of_range::<P>(&edges, levels(BITS), range);
            other.error = error::<V, BITS>(block, n, &other);
            best.keep_better(&other);
        }
        let mut other = best.refined::<P>(&moments::<V, BITS>(block, n, &best), n);
        for _ in 1..refinements(BITS) {
            other = other.refined::<P>(&moments::<V, BITS>(block, n, &other), n);
        }
        other.error = error::<V, BITS>(block, n, &other);
        best.keep_better(&other);
        for (scale, nothing) in best.scale.iter_mut().zip(edges.nothing) {
            *scale += nothing;
        }
        best
    }
}

impl Fit {
    /// Spreads the levels over a range.
    #[inline(always)]
    fn of_range<P: Parameter>(edges: &LaneEdges, levels: f32, (below, above): (f32, f32)) -> Self {
        let mut fit = Self::default();
        for i in 0..MAX_LANES {
            let (min, max) = (edges.min[i], edges.max[i]);
            let (middle, half) = (0.5 * min + 0.5 * max, 0.5 * max - 0.5 * min);
            fit.scale[i] = P::round(at_least((below + above) * half / levels));
            fit.bias[i] = P::round(middle - below * half);
        }
        fit
    }

    /// Returns the regression of the weights on the integers of this fit.
    #[inline(always)]
    fn refined<P: Parameter>(&self, moments: &Moments, n: usize) -> Self {
        let mut fit = Self::default();
        let n = n as f32;
        for i in 0..MAX_LANES {
            let (q, w) = (moments.q[i], moments.w[i]);
            let covariance = n * moments.qw[i] - q * w;
            let variance = n * moments.qq[i] - q * q;
            fit.scale[i] = P::round(at_least(covariance / variance));
            fit.bias[i] = P::round((w - fit.scale[i] * q) / n);
        }
        fit
    }

    /// Replaces the groups that `other` fits better.
    #[inline(always)]
    fn keep_better(&mut self, other: &Self) {
        for i in 0..MAX_LANES {
            let is_better = other.error[i] < self.error[i];
            let choose = |other: f32, own: f32| if is_better { other } else { own };
            self.scale[i] = choose(other.scale[i], self.scale[i]);
            self.bias[i] = choose(other.bias[i], self.bias[i]);
            self.error[i] = choose(other.error[i], self.error[i]);
        }
    }
}

/// Returns a scale that is not 0; NaN becomes the least.
#[inline(always)]
fn at_least(scale: f32) -> f32 {
    if scale > LEAST_SCALE { scale } else { LEAST_SCALE }
}

/// Least and largest weight of each group.
#[derive(Default)]
struct LaneEdges {
    min: Lanes,
    max: Lanes,
    /// 0, or NaN if a weight is not finite.
    nothing: Lanes,
}

/// # Safety
/// As [`fit`].
#[inline(always)]
unsafe fn edges<V: Vector>(block: &Block, n: usize) -> LaneEdges {
    let mut edges = LaneEdges::default();
    // SAFETY: upheld by the caller; a block has MAX_LANES weights for each of n.
    unsafe {
        let (mut min, mut max) = (V::splat(f32::INFINITY), V::splat(f32::NEG_INFINITY));
        let zero = V::splat(0.0);
        let mut nothing = zero;
        for i in 0..n {
            let w = V::load(block.as_ptr().add(i * V::LANES));
            min = w.min(min);
            max = w.max(max);
            nothing = nothing + w * zero;
        }
        min.store(edges.min.as_mut_ptr());
        max.store(edges.max.as_mut_ptr());
        nothing.store(edges.nothing.as_mut_ptr());
    }
    edges
}

/// Returns the sum of squared errors of each group.
///
/// # Safety
/// As [`fit`].
#[inline(always)]
unsafe fn error<V: Vector, const BITS: usize>(block: &Block, n: usize, fit: &Fit) -> Lanes {
    let mut error = [0.0; MAX_LANES];
    // SAFETY: upheld by the caller; groups have an even number of weights.
    unsafe {
        let steps = Steps::<V>::new::<BITS>(fit);
        let mut sums = [V::splat(0.0); 2];
        for i in (0..n).step_by(2) {
            for (j, sum) in sums.iter_mut().enumerate() {
                let exact = steps.exact(V::load(block.as_ptr().add((i + j) * V::LANES)));
                let off = exact - steps.whole(exact);
                *sum = *sum + off * off;
            }
        }
        let scale = V::load(fit.scale.as_ptr());
        ((sums[0] + sums[1]) * scale * scale).store(error.as_mut_ptr());
    }
    error
}

/// Sums over the weights w of each group and their integers q.
#[derive(Default)]
struct Moments {
    w: Lanes,
    q: Lanes,
    qq: Lanes,
    qw: Lanes,
}

/// # Safety
/// As [`fit`].
#[inline(always)]
unsafe fn moments<V: Vector, const BITS: usize>(block: &Block, n: usize, fit: &Fit) -> Moments {
    let mut moments = Moments::default();
    // SAFETY: upheld by the caller.
    unsafe {
        let steps = Steps::<V>::new::<BITS>(fit);
        let zero = V::splat(0.0);
        let (mut sum_w, mut sum_q, mut sum_qq, mut sum_qw) = (zero, zero, zero, zero);
        for i in 0..n {
            let w = V::load(block.as_ptr().add(i * V::LANES));
            let q = steps.whole(steps.exact(w));
            sum_w = sum_w + w;
            sum_q = sum_q + q;
            // Exact in every order, with one rounding or two.
            sum_qq = q.mul_add(q, sum_qq);
            sum_qw = sum_qw + q * w;
        }
        sum_w.store(moments.w.as_mut_ptr());
        sum_q.store(moments.q.as_mut_ptr());
        sum_qq.store(moments.qq.as_mut_ptr());
        sum_qw.store(moments.qw.as_mut_ptr());
    }
    moments
}

/// The map from weights to integers.
struct Steps<V> {
    per_unit: V,
    bias: V,
    least: V,
    most: V,
}

impl<V: Vector> Steps<V> {
    /// # Safety
    /// The CPU has the instruction set of `V`.
    #[inline(always)]
    unsafe fn new<const BITS: usize>(fit: &Fit) -> Self {
        // SAFETY: upheld by the caller; there are MAX_LANES values.
        unsafe {
            let (scale, bias) = (V::load(fit.scale.as_ptr()), V::load(fit.bias.as_ptr()));
            let (least, most) = (V::splat(0.0), V::splat(levels(BITS)));
            Self { per_unit: V::splat(1.0) / scale, bias, least, most }
        }
    }

    /// Returns the distance from the bias in steps.
    #[inline(always)]
    fn exact(&self, w: V) -> V {
        (w - self.bias) * self.per_unit
    }

    /// Returns the nearest integer that there is.
    #[inline(always)]
    fn whole(&self, exact: V) -> V {
        exact.round().max(self.least).min(self.most)
    }
}
