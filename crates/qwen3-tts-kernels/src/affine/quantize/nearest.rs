//! MLX's rule: the scale and bias that keep 0 and the outer edge of a group exactly.

use super::edges::Edges;
use super::levels::levels;

/// Returns the scale and the bias of a group.
#[inline(always)]
pub(super) fn fit<const BITS: usize>(edges: &Edges) -> (f32, f32) {
    let Edges { min, max, nothing } = *edges;
    let size = ((max - min) / levels(BITS)).max(1e-7);
    let (scale, edge) = if min.abs() > max.abs() { (size, min) } else { (-size, max) };
    let q0 = (edge / scale).round_ties_even();
    let (scale, bias) = if q0 == 0.0 { (scale, 0.0) } else { (edge / q0, edge) };
    // 0 times a weight is 0, or NaN if it is not finite.
    (scale + nothing, bias)
}
