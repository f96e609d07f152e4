//! The layers of the models.

pub(crate) mod attention;
pub(crate) mod codebook;
pub(crate) mod conv;
pub(crate) mod embedding;
pub(crate) mod linear;
pub(crate) mod mlp;
pub(crate) mod norm;
pub(crate) mod rope;
pub(crate) mod same_conv;
pub(crate) mod sampling;
pub(crate) mod snake_beta;
pub(crate) mod transformer;
