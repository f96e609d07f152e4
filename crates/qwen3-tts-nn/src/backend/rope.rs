//! Arguments of the rotary position embedding.

use std::sync::Arc;

/// The rotations of consecutive positions, made by [`Rope::positions`](crate::Rope::positions).
#[derive(Clone, Debug)]
pub struct RopePositions {
    /// `[n_tokens, head_dim / 2]`.
    pub(crate) cos: Vec<f32>,
    /// As `cos`.
    pub(crate) sin: Vec<f32>,
    /// Number of positions.
    pub(crate) n_tokens: usize,
    /// The first position, for a backend that computes the angles itself.
    #[allow(dead_code)]
    pub(crate) offset: usize,
    /// Frequencies, `[head_dim / 2]`.
    pub(crate) inv_freq: Arc<[f32]>,
}
