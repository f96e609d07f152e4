//! The periodic activation of the codec decoder.

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::tensor::Device;
use crate::tensor::Tensor;
use crate::tensor::dispatch::on_backend;
use crate::weights::Weights;

/// `x + sin²(x·e^α) / (e^β + 1e-9)` by channel, the reference's `SnakeBeta`
/// ([Liu et al. 2020](https://arxiv.org/abs/2006.08195)).
#[derive(Clone)]
pub struct SnakeBeta {
    alpha: Tensor,
    inv_beta: Tensor,
}

impl SnakeBeta {
    /// Reads `alpha` and `beta`, both `[channels]` and both logarithms.
    ///
    /// # Errors
    /// As [`Weights::tensor`]; returns [`Error::NonFinite`] if e^α overflows.
    pub fn load(weights: &Weights, channels: usize, device: &Device) -> Result<Self> {
        let alpha = weights.to_vec("alpha", &[channels])?.into_iter().map(f32::exp);
        let alpha: Vec<f32> = alpha.collect();
        if !alpha.iter().all(|alpha| alpha.is_finite()) {
            return Err(Error::NonFinite { what: "the factors of an activation" });
        }
        let beta = weights.to_vec("beta", &[channels])?.into_iter().map(f32::exp);
        let inv_beta = beta.map(|b| 1.0 / (b + 1e-9));
        Ok(Self {
            alpha: Tensor::from_vec(alpha, &[channels], device),
            inv_beta: Tensor::from_vec(inv_beta.collect(), &[channels], device),
        })
    }

    /// Applies the activation to `[…, channels]`; same shape out.
    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        assert_eq!(x.shape().last(), self.alpha.dim(0), "snake_beta of {:?}", x.shape());
        on_backend!(x, B => {
            let (alpha, inv_beta) = (self.alpha.of::<B>(), self.inv_beta.of::<B>());
            Tensor::on::<B>(B::snake_beta(x.of::<B>(), alpha, inv_beta))
        })
    }
}
