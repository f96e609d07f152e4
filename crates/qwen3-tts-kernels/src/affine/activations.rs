//! Activations quantised to 16 bits, for products with quantised weights.
//!
//! Activations have the group size of the weights: x ≈ s·ξ with integers |ξ| ≤ 32639, where s is
//! the group's largest |x| / 32639. So |x − s·ξ| ≤ s/2, up to the rounding of s.

use crate::context::Context;
use crate::dispatch::{self, IntegerKernel};
use crate::integers::{Integers, STEP};
use crate::pool::SharedMut;
use crate::vector::Vector;

/// Maximum of |ξ|: 256·127 + 127, which two signed bytes can hold.
const MOST: f32 = 32639.0;

/// 2⁻¹⁰⁰: lower bound of a group's largest |x|, so that the inverse of its scale is finite.
const TINY: f32 = 1.0 / (1u128 << 100) as f32;

/// Number of activations per task; with fewer, waking a thread costs more than it saves.
const TASK: usize = 16 * 1024;

/// A step of ξ, arranged for the instruction set, and aligned so that no load crosses a cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Step([i16; STEP]);

/// Rows of activations \[tokens, cols\].
pub(crate) struct Activations {
    pub(crate) group_size: usize,
    cols: usize,
    /// ξ \[tokens, cols\].
    steps: Vec<Step>,
    /// s \[tokens, groups\].
    scales: Vec<f32>,
    /// s·Σξ \[tokens, groups\].
    sums: Vec<f32>,
}

impl Activations {
    /// Quantises `x` \[tokens, cols\], which is whole groups. A group with an activation that is
    /// not finite gets a scale of NaN.
    pub(crate) fn new(context: &Context, x: &[f32], cols: usize, group_size: usize) -> Self {
        let groups = x.len() / group_size;
        let mut all = Activations {
            group_size,
            cols,
            steps: Vec::with_capacity(x.len() / STEP),
            scales: Vec::with_capacity(groups),
            sums: Vec::with_capacity(groups),
        };
        let steps = SharedMut(all.steps.as_mut_ptr());
        let scales = SharedMut(all.scales.as_mut_ptr());
        let sums = SharedMut(all.sums.as_mut_ptr());
        let task_groups = TASK / group_size;
        context.pool().run(groups.div_ceil(task_groups), |task| {
            let first = task * task_groups;
            let n = task_groups.min(groups - first);
            let groups = Groups { x, group_size, first, n, steps, scales, sums };
            dispatch::run_integers(context, groups);
        });
        // SAFETY: the tasks have written every group.
        unsafe {
            all.steps.set_len(x.len() / STEP);
            all.scales.set_len(groups);
            all.sums.set_len(groups);
        }
        all
    }

    /// Returns ξ of `token`.
    pub(crate) fn row(&self, token: usize) -> *const i16 {
        self.steps[token * (self.cols / STEP)..].as_ptr().cast()
    }

    /// Returns s of the groups of `token` from `group` on.
    pub(crate) fn scales(&self, token: usize, group: usize) -> *const f32 {
        self.scales[token * (self.cols / self.group_size) + group..].as_ptr()
    }

    /// Returns s·Σξ of the groups of `token` from `group` on.
    pub(crate) fn sums(&self, token: usize, group: usize) -> *const f32 {
        self.sums[token * (self.cols / self.group_size) + group..].as_ptr()
    }
}

/// `n` groups from `first` on.
struct Groups<'a> {
    x: &'a [f32],
    group_size: usize,
    first: usize,
    n: usize,
    steps: SharedMut<Step>,
    scales: SharedMut,
    sums: SharedMut,
}

impl IntegerKernel for Groups<'_> {
    #[inline(always)]
    unsafe fn run<I: Integers>(self) {
        for group in self.first..self.first + self.n {
            let start = group * self.group_size;
            // SAFETY: the group exists and is whole steps; no other task writes it.
            unsafe {
                let x = self.x.as_ptr().add(start);
                let scale = scale::<I::Floats>(x, self.group_size);
                let to = self.steps.at(start / STEP);
                let sum = round::<I>(x, self.group_size, scale, to);
                self.scales.at(group).write(scale);
                self.sums.at(group).write(scale * sum as f32);
            }
        }
    }
}

/// Returns the scale of a group.
///
/// # Safety
/// The CPU has the instruction set of `V`; `x` is valid for reading `n` values, whole vectors.
#[inline(always)]
unsafe fn scale<V: Vector>(x: *const f32, n: usize) -> f32 {
    // SAFETY: upheld by the caller.
    unsafe {
        let zero = V::splat(0.0);
        let (mut largest, mut nothing) = (zero, zero);
        for i in (0..n).step_by(V::LANES) {
            let x = V::load(x.add(i));
            largest = x.abs().max(largest);
            nothing = x.mul_add(zero, nothing);
        }
        // 0 times an activation is 0, or NaN if it is not finite.
        largest.reduce_max().max(TINY) / MOST + nothing.reduce_sum()
    }
}

/// Writes ξ, arranged for the instruction set, and returns its sum.
///
/// # Safety
/// The CPU has the instruction set of `I`; `x` is valid for reading `n` values, whole vectors, and
/// `to` for writing as many.
#[inline(always)]
unsafe fn round<I: Integers>(x: *const f32, n: usize, scale: f32, to: *mut Step) -> i32 {
    let mut rounded = [0.0f32; STEP];
    let mut step = [0; STEP];
    let mut sum = 0;
    for k in (0..n).step_by(STEP) {
        // SAFETY: upheld by the caller; rounded values lie in −32639 ..= 32639.
        unsafe {
            let inverse = I::Floats::splat(1.0 / scale);
            let most = I::Floats::splat(MOST);
            for i in (0..STEP).step_by(I::Floats::LANES) {
                let whole = (I::Floats::load(x.add(k + i)) * inverse).round();
                // NaN maps to the minimum.
                let whole = whole.max(I::Floats::splat(-MOST)).min(most);
                whole.store(rounded.as_mut_ptr().add(i));
            }
            for i in 0..STEP {
                let whole = rounded[i].to_int_unchecked::<i32>();
                sum += whole;
                step[i] = whole as i16;
            }
            *to.add(k / STEP) = Step(I::arrange(step));
        }
    }
    sum
}
