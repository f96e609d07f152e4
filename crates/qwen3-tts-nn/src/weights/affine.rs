//! Reading matrices that MLX quantised: `weight` packed in affine groups, `scales` and `biases`.
//!
//! The bits of a weight and the number of weights that share a scale follow from the three shapes
//! and the size that the configuration implies, layer by layer. `quantization` in config.json, with
//! its exceptions, says the same.
//!
//! Weights of 2, 3 and 5 bits, which no kernel reads, are widened to 4 or 6 as they are read: the
//! values stay the same.

use qwen3_tts_kernels::{Bits, GROUP_SIZES, widen};

use super::Weights;
use crate::backend::bytes::SharedBytes;
use crate::backend::raw::RawAffine;
use crate::error::{Error, Result};

impl Weights {
    /// Reads the matrix `[rows, cols]` whose packed weights are the tensor `name`.
    pub(super) fn affine(&self, name: &str, rows: usize, cols: usize) -> Result<RawAffine> {
        let sibling = |part| format!("{}{part}", name.strip_suffix("weight").unwrap_or(name));
        let (scales_name, biases_name) = (sibling("scales"), sibling("biases"));

        let widths = Bits::STORED.map(|bits| (bits, cols * bits / 32));
        let stored_bits = self.one_of(name, rows, &widths, "for 2, 3, 4, 5, 6 or 8 bits")?;
        // A group size that does not divide the columns fits no shape.
        let per_row = |size| if cols.is_multiple_of(size) { cols / size } else { 0 };
        let groups = GROUP_SIZES.map(|size| (size, per_row(size)));
        let group_size = self.one_of(&scales_name, rows, &groups, "for groups of 32, 64 or 128")?;

        let scales = self.finite(&scales_name, &[rows, cols / group_size])?;
        let biases = self.finite(&biases_name, &[rows, cols / group_size])?;
        if biases.dtype != scales.dtype {
            return Err(Error::TensorDtype {
                file: self.origin().to_owned(),
                name: self.full_name(&biases_name),
                expected: format!("{} as the scales", scales.dtype.file_name()),
                found: biases.dtype.file_name().to_owned(),
            });
        }
        let bits = Bits::holding(stored_bits).expect("one of the widths");
        let mut packed = self.words(name)?;
        if bits.get() != stored_bits {
            let wide = widen(packed.as_slice(), stored_bits, bits);
            packed.forget();
            packed = SharedBytes::from_bytes(wide);
        }
        Ok(RawAffine { bits, stored_bits, group_size, packed, scales, biases })
    }

    /// Returns the number of the choice whose length equals that of the tensor's rows.
    fn one_of(
        &self,
        name: &str,
        rows: usize,
        choices: &[(usize, usize)],
        meaning: &str,
    ) -> Result<usize> {
        let Some(entry) = self.entry(name) else {
            let expected = vec![rows, choices[0].1];
            let (file, name) = (self.origin().to_owned(), self.full_name(name));
            return Err(Error::MissingTensor { file, name, expected });
        };
        let fits = choices.iter().filter(|(_, len)| *len > 0);
        if let Some((number, _)) = fits.clone().find(|(_, len)| entry.shape == [rows, *len]) {
            return Ok(*number);
        }
        let shapes: Vec<String> = fits.map(|(_, len)| format!("[{rows}, {len}]")).collect();
        Err(Error::QuantizedShape {
            file: self.origin().to_owned(),
            name: self.full_name(name),
            expected: format!("{} {meaning}", shapes.join(" or ")),
            found: entry.shape.clone(),
        })
    }

    /// Reads the bytes of a tensor of u32, which must be there.
    fn words(&self, name: &str) -> Result<SharedBytes> {
        let name = self.full_name(name);
        let entry = &self.files.tensors[&name];
        if entry.dtype != safetensors::Dtype::U32 {
            return Err(Error::TensorDtype {
                file: self.files.origin.clone(),
                name,
                expected: "U32".to_owned(),
                found: format!("{:?}", entry.dtype),
            });
        }
        self.files.used.borrow_mut().insert(name);
        Ok(entry.bytes.clone())
    }
}
