//! Linear layers.

use crate::backend::{Backend, WeightAndBias};
use crate::error::Result;
use crate::tensor::Device;
use crate::tensor::Matrix;
use crate::tensor::Tensor;
use crate::tensor::dispatch::{Member, on_backend};
use crate::weights::Weights;

/// `y = x·Wᵀ + b`, PyTorch's `nn.Linear`.
#[derive(Clone)]
pub struct Linear {
    weight: Matrix,
    bias: Option<Tensor>,
}

impl Linear {
    /// Reads `weight` `[outputs, inputs]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load(weights: &Weights, inputs: usize, outputs: usize, device: &Device) -> Result<Self> {
        Ok(Self { weight: weights.projection("weight", outputs, inputs, device)?, bias: None })
    }

    /// Reads `weight` `[outputs, inputs]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load_with_bias(
        weights: &Weights,
        inputs: usize,
        outputs: usize,
        device: &Device,
    ) -> Result<Self> {
        let bias = Some(weights.tensor("bias", &[outputs], device)?);
        Ok(Self { bias, ..Self::load(weights, inputs, outputs, device)? })
    }

    /// Reads `weight` `[outputs, inputs, 1]` of a convolution with one tap and no bias.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load_pointwise(
        weights: &Weights,
        inputs: usize,
        outputs: usize,
        device: &Device,
    ) -> Result<Self> {
        Ok(Self { weight: weights.pointwise("weight", outputs, inputs, device)?, bias: None })
    }

    /// Reads `weight` `[outputs, inputs]`, and `bias` `[outputs]` if `bias` is true.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load_maybe_bias(
        weights: &Weights,
        inputs: usize,
        outputs: usize,
        bias: bool,
        device: &Device,
    ) -> Result<Self> {
        if bias {
            Self::load_with_bias(weights, inputs, outputs, device)
        } else {
            Self::load(weights, inputs, outputs, device)
        }
    }

    /// Projects `[…, inputs]` to `[…, outputs]`.
    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.check(x);
        on_backend!(x, B => {
            let (weight, bias) = self.of::<B>();
            Tensor::on::<B>(B::linear(x.of::<B>(), weight, bias))
        })
    }

    /// Applies several layers to the same input, as one operation.
    #[track_caller]
    pub fn forward_many<const N: usize>(layers: [&Linear; N], x: &Tensor) -> [Tensor; N] {
        layers.iter().for_each(|layer| layer.check(x));
        let ys: Vec<Tensor> = on_backend!(x, B => {
            let ys = B::linears(x.of::<B>(), &layers.map(|layer| layer.of::<B>()));
            ys.into_iter().map(Tensor::on::<B>).collect()
        });
        ys.try_into().expect("one output for each layer")
    }

    /// Returns the weight.
    pub fn weight(&self) -> &Matrix {
        &self.weight
    }

    /// Returns the weight and the bias of backend `B`, which must hold them.
    #[track_caller]
    fn of<B: Member>(&self) -> WeightAndBias<'_, B> {
        (self.weight.of::<B>(), self.bias.as_ref().map(|bias| bias.of::<B>()))
    }

    #[track_caller]
    fn check(&self, x: &Tensor) {
        let inputs = self.weight.cols();
        assert_eq!(x.shape().last(), inputs, "linear of {inputs} inputs on {:?}", x.shape());
    }
}
