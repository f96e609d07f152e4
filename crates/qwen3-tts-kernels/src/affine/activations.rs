//! Activations quantised to 16 bits, for products with quantised weights.
//!
//! Activations have the group size of the weights: x ≈ s·ξ with integers |ξ| ≤ 32639, where s is
//! the group's largest |x| / 32639. So |x − s·ξ| ≤ s/2, up to the rounding of s.

use crate::affine::Bits;
use crate::context::Context;
use crate::dispatch::{self, IntegerKernel};
use crate::integers::{BLOCK, Integers};
use crate::pool::SharedMut;
use crate::scale::scale;
use crate::vector::Vector;

/// Maximum of |ξ|: 256·127 + 127, which two signed bytes can hold.
const MOST: f32 = 32639.0;

/// Number of activations per task; with fewer, waking a thread costs more than it saves.
const TASK: usize = 16 * 1024;

/// A block of ξ, arranged for the instruction set and the bits of the weights.
type Block = [i16; BLOCK];

/// Rows of activations \[tokens, cols\], group by group.
pub(crate) struct Activations {
    group_size: usize,
    bits: Bits,
    tokens: usize,
    /// ξ \[groups, tokens, group_size\].
    blocks: Vec<Block>,
    /// s and s·Σξ \[groups, tokens\].
    scales_and_sums: Vec<[f32; 2]>,
}

impl Activations {
    /// Quantises `x` \[tokens, cols\], which is whole groups, for weights of these groups and
    /// bits. A group with an activation that is not finite gets a scale of NaN.
    pub(crate) fn new(context: &Context, x: &[f32], cols: usize, groups: (usize, Bits)) -> Self {
        let (group_size, bits) = groups;
        let groups = x.len() / group_size;
        let mut all = Activations {
            group_size,
            bits,
            tokens: x.len().checked_div(cols).unwrap_or(0),
            blocks: Vec::with_capacity(x.len() / BLOCK),
            scales_and_sums: Vec::with_capacity(groups),
        };
        let blocks = SharedMut(all.blocks.as_mut_ptr());
        let scales_and_sums = SharedMut(all.scales_and_sums.as_mut_ptr());
        let (task_groups, tokens) = (TASK / group_size, all.tokens);
        context.pool().run(groups.div_ceil(task_groups), |task| {
            let first = task * task_groups;
            let n = task_groups.min(groups - first);
            let run = Run { first, n, cols, tokens, group_size, bits };
            dispatch::run_integers(context, Groups { x, run, blocks, scales_and_sums });
        });
        // SAFETY: the tasks have written every group.
        unsafe {
            all.blocks.set_len(x.len() / BLOCK);
            all.scales_and_sums.set_len(groups);
        }
        all
    }

    /// Returns true if these are activations for weights of such groups.
    pub(crate) fn fit(&self, groups: (usize, Bits)) -> bool {
        (self.group_size, self.bits) == groups
    }

    /// Returns the number of tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Returns ξ of a group; those of the next token follow.
    ///
    /// # Safety
    /// The group and the token exist.
    #[inline(always)]
    pub(super) unsafe fn group(&self, group: usize, token: usize) -> *const i16 {
        let block = (group * self.tokens + token) * (self.group_size / BLOCK);
        // SAFETY: upheld by the caller.
        unsafe { self.blocks.as_ptr().add(block).cast() }
    }

    /// Returns s and s·Σξ of a group.
    ///
    /// # Safety
    /// The group and the token exist.
    #[inline(always)]
    pub(super) unsafe fn scale_and_sum(&self, group: usize, token: usize) -> [f32; 2] {
        // SAFETY: upheld by the caller.
        unsafe { *self.scales_and_sums.get_unchecked(group * self.tokens + token) }
    }
}

/// `n` groups of x from `first` on, in the order of x.
#[derive(Clone, Copy)]
struct Run {
    first: usize,
    n: usize,
    cols: usize,
    tokens: usize,
    group_size: usize,
    bits: Bits,
}

struct Groups<'a> {
    x: &'a [f32],
    run: Run,
    blocks: SharedMut<Block>,
    scales_and_sums: SharedMut<[f32; 2]>,
}

impl IntegerKernel for Groups<'_> {
    #[inline(always)]
    unsafe fn run<I: Integers>(self) {
        // SAFETY: the groups exist; no other task writes them.
        unsafe {
            match self.run.bits {
                Bits::Four => self.all::<I, 4>(),
                Bits::Six => self.all::<I, 6>(),
                Bits::Eight => self.all::<I, 8>(),
            }
        }
    }
}

impl Groups<'_> {
    /// # Safety
    /// The CPU has the instruction set of `I`; the groups exist, and no other task writes them.
    #[inline(always)]
    unsafe fn all<I: Integers, const BITS: usize>(&self) {
        let Run { first, n, cols, tokens, group_size, .. } = self.run;
        let row_groups = cols / group_size;
        for index in first..first + n {
            let to = index % row_groups * tokens + index / row_groups;
            // SAFETY: the group exists and is whole blocks; no other task writes it.
            unsafe {
                let x = &self.x[index * group_size..][..group_size];
                let scale = scale::<I::Floats>(x, MOST);
                let blocks = self.blocks.at(to * (group_size / BLOCK));
                let sum = round::<I, BITS>(x.as_ptr(), group_size, scale, blocks);
                self.scales_and_sums.at(to).write([scale, scale * sum as f32]);
            }
        }
    }
}

/// Writes ξ, arranged for the instruction set and weights of `BITS` bits, and returns its sum.
///
/// # Safety
/// The CPU has the instruction set of `I`; `x` is valid for reading `n` values, whole blocks, and
/// `to` for writing as many.
#[inline(always)]
unsafe fn round<I: Integers, const BITS: usize>(
    x: *const f32,
    n: usize,
    scale: f32,
    to: *mut Block,
) -> i32 {
    const { assert!(BLOCK.is_multiple_of(I::Floats::LANES)) };
    let mut rounded = [0.0f32; BLOCK];
    let mut sum = 0;
    // SAFETY: upheld by the caller; rounded values lie in −32639 ..= 32639.
    unsafe {
        let inverse = I::Floats::splat(1.0 / scale);
        let (least, most) = (I::Floats::splat(-MOST), I::Floats::splat(MOST));
        for block in 0..n / BLOCK {
            for i in (0..BLOCK).step_by(I::Floats::LANES) {
                let whole = (I::Floats::load(x.add(block * BLOCK + i)) * inverse).round();
                // NaN maps to the minimum.
                whole.max(least).min(most).store(rounded.as_mut_ptr().add(i));
            }
            let whole = rounded.map(|value| value.to_int_unchecked::<i32>());
            sum += whole.iter().sum::<i32>();
            *to.add(block) = I::arrange(BITS, &whole.map(|value| value as i16));
        }
    }
    sum
}
