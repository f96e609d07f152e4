//! Rotary position embedding.

use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::rope::RopePositions;
use crate::tensor::Tensor;
use crate::tensor::dispatch::on_backend;

/// Split-half rotary position embedding
/// ([Su et al. 2021](https://arxiv.org/abs/2104.09864)): the pair `(x[i], x[i + d/2])` at
/// position `p` is rotated by the angle `p·θ^(−2i/d)`.
///
/// The talker's configuration asks for interleaved multimodal rope, in which sections of the
/// frequencies take their position from one of three rows. For speech the three rows are equal,
/// so that every section takes the same position and the rotation is this one; a test proves it
/// on the reference's `apply_multimodal_rotary_pos_emb`.
#[derive(Clone, Debug)]
pub struct Rope {
    inv_freq: Arc<[f32]>,
}

impl Rope {
    /// Returns rope for heads of `head_dim` channels and base frequency `theta`.
    pub fn new(head_dim: usize, theta: f32) -> Self {
        // As in the reference, exponent, power and quotient are float32; the power is rounded
        // once.
        let inv_freq = (0..head_dim / 2)
            .map(|i| {
                let exponent = (2 * i) as f32 / head_dim as f32;
                1.0 / f64::from(theta).powf(f64::from(exponent)) as f32
            })
            .collect();
        Self { inv_freq }
    }

    /// Returns the rotations of `n_tokens` positions from `offset` on, which all layers of a step
    /// share.
    pub fn positions(&self, offset: usize, n_tokens: usize) -> RopePositions {
        let angles = || {
            (offset..offset + n_tokens)
                .flat_map(|p| self.inv_freq.iter().map(move |f| f64::from(f * p as f32)))
        };
        let cos = angles().map(|a| a.cos() as f32).collect();
        let sin = angles().map(|a| a.sin() as f32).collect();
        RopePositions { cos, sin, n_tokens, offset, inv_freq: Arc::clone(&self.inv_freq) }
    }
}

impl RopePositions {
    /// Rotates `x` `[1, n_tokens, heads, head_dim]`.
    #[track_caller]
    pub fn rotate(&self, x: &Tensor) -> Tensor {
        let shape = x.shape();
        assert!(
            shape.rank() == 4 && shape[1] == self.n_tokens,
            "rope of {shape:?} at {} positions",
            self.n_tokens
        );
        self.check_head_dim(shape[3]);
        on_backend!(x, B => Tensor::on::<B>(B::rope(x.of::<B>(), self)))
    }

    /// Panics if the rotations are not for heads of `head_dim` channels.
    #[track_caller]
    pub(crate) fn check_head_dim(&self, head_dim: usize) {
        let angles = self.inv_freq.len();
        assert_eq!(angles, head_dim / 2, "rope of {angles} angles on heads of {head_dim}");
    }
}
