//! The layers that models are made of.

pub mod attention;
pub mod codebook;
pub mod conv;
pub mod embedding;
pub mod linear;
pub mod mlp;
pub mod norm;
pub mod rope;
pub mod same_conv;
pub mod sampling;
pub mod snake_beta;
pub mod transformer;
