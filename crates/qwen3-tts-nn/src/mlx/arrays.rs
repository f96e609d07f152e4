//! Helpers on MLX's arrays.

use mlx_rs::error::Exception;
use mlx_rs::ops::indexing::TryIndexOp;
use mlx_rs::{Array, Dtype};

/// Returns the result of adding an operation to the graph, or of evaluating it. Shapes are checked
/// before, so that only a lack of memory is left.
#[track_caller]
pub(super) fn ok<T>(result: Result<T, Exception>) -> T {
    result.unwrap_or_else(|error| panic!("mlx: {error}"))
}

/// Converts a dimension.
pub(super) fn size(n: usize) -> i32 {
    i32::try_from(n).expect("a dimension below 2³¹")
}

/// Converts a shape.
pub(super) fn sizes(shape: &[usize]) -> Vec<i32> {
    shape.iter().copied().map(size).collect()
}

/// Returns `len` entries of dimension `axis` from `start` on.
pub(super) fn narrow(x: &Array, axis: usize, start: usize, len: usize) -> Array {
    let range = size(start)..size(start + len);
    ok(match axis {
        0 => x.try_index(range),
        1 => x.try_index((.., range)),
        2 => x.try_index((.., .., range)),
        _ => x.try_index((.., .., .., range)),
    })
}

/// Returns `y` in the data type of `x`, with the shape of `x` or as one row for every row of `x`.
pub(super) fn beside(x: &Array, y: &Array) -> Array {
    let y = like(x, y);
    if y.shape() == x.shape() { y } else { ok(y.reshape(&[-1])) }
}

/// Returns `y` in the data type of `x`.
pub(super) fn like(x: &Array, y: &Array) -> Array {
    in_type(y, x.dtype())
}

/// Returns a scalar in the data type of `x`.
pub(super) fn number(x: &Array, value: f32) -> Array {
    like(x, &Array::from_f32(value))
}

/// Returns `x` in float32.
pub(super) fn widened(x: &Array) -> Array {
    in_type(x, Dtype::Float32)
}

fn in_type(x: &Array, dtype: Dtype) -> Array {
    if x.dtype() == dtype { x.clone() } else { ok(x.as_dtype(dtype)) }
}
