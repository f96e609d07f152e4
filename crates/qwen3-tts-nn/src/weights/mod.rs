//! A checkpoint's tensors, read by name through a memory map.

mod affine;
mod convolutions;
mod files;
mod matrices;
mod quantization;

use std::fmt;
use std::path::Path;
use std::rc::Rc;

use self::files::{Entry, Files};
pub use self::quantization::Quantization;
use crate::backend::dtype::Dtype;
use crate::backend::raw::RawTensor;
use crate::error::{Error, Result};
use crate::tensor::{Device, Tensor};

/// The tensors of a checkpoint, under a prefix.
///
/// The caller asks for a tensor with the shape that the configuration implies. If the tensor is
/// missing, or has another shape or data type, the error names it. [`Weights::finish`] then refuses
/// a file with tensors that were not asked for.
///
/// NaN and infinity are refused in all tensors but the matrices of linear layers and embeddings,
/// which are not looked through: there they reach the results of the model, and are found in them.
///
/// `Weights` is neither `Send` nor `Sync`: a model is loaded on one thread.
#[derive(Clone)]
pub struct Weights {
    files: Rc<Files>,
    prefix: String,
    quantization: Rc<Quantization>,
}

/// The description of one tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorInfo {
    /// Full name.
    pub name: String,
    /// Data type as the file spells it, for example `BF16`.
    pub dtype: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Size in bytes.
    pub bytes: usize,
}

impl Weights {
    /// Opens a `.safetensors` file, or a directory with `model.safetensors`, whole or in shards
    /// with `model.safetensors.index.json`.
    ///
    /// # Errors
    /// Returns [`Error::Open`] or [`Error::MissingFile`] if a file is missing or unreadable,
    /// [`Error::WrongFile`] if it is truncated or another file than its name says, and
    /// [`Error::Malformed`] if it is not in the safetensors format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Files::open(path.as_ref()).map(Self::new)
    }

    /// Reads a `.safetensors` file that is part of the program. `name` is used in messages.
    ///
    /// # Errors
    /// Returns [`Error::WrongFile`] if the file is truncated or another one, and
    /// [`Error::Malformed`] if it is not in the safetensors format.
    pub fn from_static(name: &str, bytes: &'static [u8]) -> Result<Self> {
        Files::from_static(name, bytes).map(Self::new)
    }

    fn new(files: Files) -> Self {
        Self { files: Rc::new(files), prefix: String::new(), quantization: Rc::default() }
    }

    /// Sets which linear layers are quantised while they are read.
    pub fn quantize(self, quantization: Quantization) -> Self {
        Self { quantization: Rc::new(quantization), ..self }
    }

    /// Returns the tensors whose names begin with the prefix so far, `prefix` and a dot.
    pub fn under(&self, prefix: impl fmt::Display) -> Self {
        Self { prefix: self.full_name(prefix) + ".", ..self.clone() }
    }

    /// Returns the file or directory, for messages.
    pub fn origin(&self) -> &str {
        &self.files.origin
    }

    /// Returns true if there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Returns the description of every tensor of the files, in order of name.
    pub fn infos(&self) -> impl Iterator<Item = TensorInfo> + '_ {
        self.files.tensors.iter().map(|(name, entry)| TensorInfo {
            name: name.clone(),
            dtype: format!("{:?}", entry.dtype),
            shape: entry.shape.clone(),
            bytes: entry.bytes.as_slice().len(),
        })
    }

    /// Reads a tensor onto `device`, for norms, biases and scales.
    ///
    /// # Errors
    /// Returns [`Error::MissingTensor`], [`Error::TensorShape`] or [`Error::TensorDtype`] if there
    /// is no such tensor in bf16 or f32, or if it has another shape, and
    /// [`Error::NonFiniteTensor`] if a value is NaN or infinite.
    pub fn tensor(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor> {
        Ok(Tensor::load(&self.finite(name, shape)?, shape, device))
    }

    /// Reads the values of a tensor in float32.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn to_vec(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Ok(self.finite(name, shape)?.to_f32())
    }

    /// Refuses tensors that were not asked for, except buffers that are computed from the
    /// configuration, such as `inv_freq`, and those whose names begin with a prefix in `optional`. Under a prefix ([`Weights::under`]), only its own tensors are checked, and
    /// `optional` continues it.
    ///
    /// # Errors
    /// Returns [`Error::UnknownTensors`] if there are such tensors.
    pub fn finish(&self, optional: &[&str]) -> Result<()> {
        let used = self.files.used.borrow();
        let mut unknown = self.files.tensors.keys().filter(|name| {
            let own = name.strip_prefix(&self.prefix).filter(|_| !used.contains(*name));
            own.is_some_and(|name| {
                !is_derived(name) && !optional.iter().any(|prefix| name.starts_with(prefix))
            })
        });
        match unknown.next() {
            None => Ok(()),
            Some(first) => Err(Error::UnknownTensors {
                file: self.files.origin.clone(),
                name: first.clone(),
                count: 1 + unknown.count(),
            }),
        }
    }

    /// Returns a tensor whose values are finite.
    fn finite(&self, name: &str, shape: &[usize]) -> Result<RawTensor> {
        let tensor = self.raw(name, shape)?;
        self.check_finite(name, &tensor)?;
        Ok(tensor)
    }

    /// Refuses a tensor with a value that is NaN or infinite.
    fn check_finite(&self, name: &str, tensor: &RawTensor) -> Result<()> {
        match tensor.first_non_finite() {
            None => Ok(()),
            Some((index, value)) => {
                let (file, name) = (self.files.origin.clone(), self.full_name(name));
                Err(Error::NonFiniteTensor { file, name, index, value })
            }
        }
    }

    fn raw(&self, name: &str, expected: &[usize]) -> Result<RawTensor> {
        let name = self.full_name(name);
        let file = || self.files.origin.clone();
        let Some(entry) = self.files.tensors.get(&name) else {
            return Err(Error::MissingTensor { file: file(), name, expected: expected.to_vec() });
        };
        let dtype = match entry.dtype {
            safetensors::Dtype::BF16 => Dtype::Bf16,
            safetensors::Dtype::F32 => Dtype::F32,
            other => {
                let (expected, found) = ("BF16 or F32".to_owned(), format!("{other:?}"));
                return Err(Error::TensorDtype { file: file(), name, expected, found });
            }
        };
        if entry.shape != expected {
            let (expected, found) = (expected.to_vec(), entry.shape.clone());
            return Err(Error::TensorShape { file: file(), name, expected, found });
        }
        self.files.used.borrow_mut().insert(name);
        Ok(RawTensor { dtype, bytes: entry.bytes.clone().aligned() })
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.files.tensors.get(&self.full_name(name))
    }

    fn full_name(&self, name: impl fmt::Display) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Last parts of the names of buffers that some versions of PyTorch and transformers store, and
/// that hold nothing but what follows from the configuration.
const DERIVED: [&str; 7] = [
    "inv_freq",
    "original_inv_freq",
    "cos_cached",
    "sin_cached",
    "position_ids",
    "causal_mask",
    "num_batches_tracked",
];

fn is_derived(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| DERIVED.contains(&last))
}
