//! The nearest entries of a codebook.

use mlx_rs::ops::indexing::argmin_axis;
use mlx_rs::{Array, Dtype, ops};

use super::arrays::{narrow, ok, size};

/// Number of differences that are held at once.
const BLOCK: usize = 1 << 23;

/// Returns for each row of `x` the index of the row of `codebook` `[entries, dim]` with the least
/// sum of squared differences, the first one of equals.
///
/// The differences are computed one by one: a matrix product would be faster, but it would cancel
/// if two entries are almost equally near.
pub(super) fn nearest(x: &Array, codebook: &Array) -> Array {
    let dim = codebook.shape()[1];
    let rows = ok(x.reshape(&[-1, 1, dim]));
    let n = rows.shape()[0] as usize;
    let step = (BLOCK / codebook.size().max(1)).max(1);
    let block = |start: usize| {
        let rows = narrow(&rows, 0, start, step.min(n - start));
        let distances = ok(ok(ok(rows.subtract(codebook)).square()).sum_axis(2, false));
        ok(argmin_axis(distances, 1, false))
    };
    let blocks: Vec<Array> = (0..n).step_by(step).map(block).collect();
    let ids = ok(ok(ops::concatenate(&blocks, 0)).as_dtype(Dtype::Uint32));
    debug_assert_eq!(ids.shape(), [size(n)]);
    ids
}
