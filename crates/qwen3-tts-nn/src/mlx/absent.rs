//! What stands for the MLX backend where it is not compiled in: types without values.

use crate::device::Precision;
use crate::error::{Error, Result};

/// A type without values.
#[derive(Clone, Debug)]
pub(crate) enum Absent {}

pub(crate) type Mlx = Absent;
pub(crate) type MlxTensor = Absent;
pub(crate) type MlxIds = Absent;
pub(crate) type MlxMatrix = Absent;
pub(crate) type MlxPackedConv = Absent;
pub(crate) type MlxKvCache = Absent;

impl Absent {
    pub(crate) fn new(_: Precision) -> Result<Self> {
        let reason = "this program was built without it (cargo's `--features mlx`)".into();
        Err(Error::DeviceMissing { device: "mlx", reason })
    }
}
