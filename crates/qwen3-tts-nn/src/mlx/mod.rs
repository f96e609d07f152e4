//! The MLX backend, where it is compiled in.

#[cfg(feature = "mlx")]
mod backend;
#[cfg(feature = "mlx")]
pub(crate) use backend::{Mlx, MlxIds, MlxKvCache, MlxMatrix, MlxPackedConv, MlxTensor};

#[cfg(not(feature = "mlx"))]
mod absent;
#[cfg(not(feature = "mlx"))]
pub(crate) use absent::{Mlx, MlxIds, MlxKvCache, MlxMatrix, MlxPackedConv, MlxTensor};
