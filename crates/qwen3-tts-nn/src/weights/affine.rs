//! Reading matrices that MLX quantised: `weight` packed in affine groups, `scales` and `biases`.
//!
//! How many bits a weight has and how many weights share a scale follows from the three shapes and
//! the size that the configuration asks for, layer by layer; `quantization` in config.json, with
//! its exceptions, says the same.

use std::sync::Arc;

use qwen3_tts_kernels::{Bits, GROUP_SIZES};

use crate::error::{Error, Result};
use crate::weights::{Dtype, RawTensor, SharedBytes, Weights};

/// A matrix as it lies in the file.
#[derive(Clone)]
pub(crate) enum RawMatrix {
    Full(RawTensor),
    Affine(Arc<RawAffine>),
}

/// `w = scale·q + bias`, with a scale and a bias for each `group_size` weights of a row.
pub(crate) struct RawAffine {
    pub bits: Bits,
    pub group_size: usize,
    /// q from the lowest bit of the first byte on: little-endian u32 `[rows, cols·bits / 32]`.
    pub packed: SharedBytes,
    /// `[rows, cols / group_size]`.
    pub scales: RawTensor,
    /// As `scales`, in the same data type.
    pub biases: RawTensor,
}

impl RawMatrix {
    pub(crate) fn dtype(&self) -> Dtype {
        match self {
            Self::Full(tensor) => tensor.dtype,
            Self::Affine(affine) => match affine.bits {
                Bits::Four => Dtype::Q4,
                Bits::Six => Dtype::Q6,
                Bits::Eight => Dtype::Q8,
            },
        }
    }
}

impl Weights {
    /// Reads the matrix `[rows, cols]` whose packed weights are the tensor `name`.
    pub(crate) fn affine(&self, name: &str, rows: usize, cols: usize) -> Result<RawAffine> {
        let sibling = |part| format!("{}{part}", name.strip_suffix("weight").unwrap_or(name));
        let (scales, biases) = (sibling("scales"), sibling("biases"));

        let widths = [4, 6, 8].map(|bits| (bits, cols * bits / 32));
        let bits = self.one_of(name, rows, &widths, "for 4, 6 or 8 bits")?;
        // A group that does not divide the columns fits nothing.
        let per_row = |size| if cols.is_multiple_of(size) { cols / size } else { 0 };
        let groups = GROUP_SIZES.map(|size| (size, per_row(size)));
        let group_size = self.one_of(&scales, rows, &groups, "for groups of 32, 64 or 128")?;

        let scales = self.raw(&scales, &[rows, cols / group_size])?;
        let biases_name = biases;
        let biases = self.raw(&biases_name, &[rows, cols / group_size])?;
        if biases.dtype != scales.dtype {
            return Err(Error::TensorDtype {
                file: self.origin().to_owned(),
                name: self.full_name(&biases_name),
                expected: format!("{} as the scales", scales.dtype.file_name()),
                found: biases.dtype.file_name().to_owned(),
            });
        }
        let packed = self.words(name)?;
        let bits = Bits::new(bits).expect("one of the widths");
        Ok(RawAffine { bits, group_size, packed, scales, biases })
    }

    /// The number of the choice whose length the rows of a tensor have.
    fn one_of(
        &self,
        name: &str,
        rows: usize,
        choices: &[(usize, usize)],
        meaning: &str,
    ) -> Result<usize> {
        let fits = choices.iter().filter(|(_, len)| *len > 0);
        let Some(found) = self.shape_of(name) else {
            let expected = vec![rows, choices[0].1];
            let (file, name) = (self.origin().to_owned(), self.full_name(name));
            return Err(Error::MissingTensor { file, name, expected });
        };
        if let Some((number, _)) = fits.clone().find(|(_, len)| found == [rows, *len]) {
            return Ok(*number);
        }
        let shapes: Vec<String> = fits.map(|(_, len)| format!("[{rows}, {len}]")).collect();
        Err(Error::QuantizedShape {
            file: self.origin().to_owned(),
            name: self.full_name(name),
            expected: format!("{} {meaning}", shapes.join(" or ")),
            found: found.to_vec(),
        })
    }
}
