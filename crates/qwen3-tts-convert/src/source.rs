//! The tensors of a checkpoint's main part, read a run of bytes at a time.

mod files;
mod pickle;
mod state_dict;
mod strided;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use safetensors::Dtype;
use safetensors::tensor::Metadata;

pub use files::{PYTORCH_ENDINGS, has_pytorch_weights_only};

/// How many times a checkpoint's bytes its tensors may be, where several share their numbers.
const MAX_SHARING: u64 = 4;

/// The tensors of `model.safetensors`, or of what `torch.save` wrote, whole or in shards, in order
/// of name.
pub struct Source {
    files: Vec<File>,
    /// By full name.
    pub tensors: BTreeMap<String, Tensor>,
    /// The bytes, in order, of the last tensor that was read and whose bytes are not.
    ordered: RefCell<Option<(Tensor, Vec<u8>)>>,
}

/// Where a tensor lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    file: usize,
    start: u64,
    /// The data type.
    pub dtype: Dtype,
    /// The shape.
    pub shape: Vec<usize>,
    /// Numbers from one entry of an axis to the next, where they do not lie in order.
    strides: Option<Vec<usize>>,
    /// Its bytes.
    pub len: u64,
    /// Whether MLX wrote the file.
    pub mlx: bool,
}

impl Source {
    /// Reads what a directory's weights are.
    pub fn open(dir: &Path) -> Result<Self> {
        let (files, tensors, ordered) = (Vec::new(), BTreeMap::new(), RefCell::new(None));
        let mut source = Self { files, tensors, ordered };
        for path in files::weight_files(dir)? {
            source.add(&path).with_context(|| format!("reading {}", path.display()))?;
        }
        Ok(source)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let file = File::open(path)?;
        let (size, number) = (file.metadata()?.len(), self.files.len());
        let tensors = match path.extension() {
            Some(ending) if ending == "safetensors" => safetensors(&file, size, number)?,
            _ => state_dict::read(&file, size, number)?,
        };
        let total = tensors.iter().try_fold(0u64, |n, (_, tensor)| n.checked_add(tensor.len));
        let sound = total.is_some_and(|total| total / MAX_SHARING <= size);
        ensure!(sound, "its tensors are many times as large as the file");
        for (name, tensor) in tensors {
            let double = self.tensors.insert(name.clone(), tensor).is_some();
            ensure!(!double, "tensor `{name}` is there twice, or also in another shard");
        }
        self.files.push(file);
        Ok(())
    }

    /// `len` bytes of a tensor from `from` on, as if it lay in order.
    pub fn read(&self, tensor: &Tensor, from: u64, len: usize) -> Result<Vec<u8>> {
        let mut file = &self.files[tensor.file];
        if let Some(strides) = &tensor.strides {
            let mut ordered = self.ordered.borrow_mut();
            if ordered.as_ref().is_none_or(|(held, _)| held != tensor) {
                *ordered = None;
                let size = tensor.dtype.bitsize() / 8;
                let bytes = strided::read(file, tensor.start, &tensor.shape, strides, size)?;
                *ordered = Some((tensor.clone(), bytes));
            }
            let bytes =
                ordered.as_ref().and_then(|(_, bytes)| bytes.get(from as usize..)?.get(..len));
            return Ok(bytes.context("bytes beyond the tensor")?.to_vec());
        }
        file.seek(SeekFrom::Start(tensor.start + from))?;
        let mut bytes = vec![0; len];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The tensors of a safetensors file of `size` bytes, which is number `number` of its checkpoint.
fn safetensors(mut file: &File, size: u64, number: usize) -> Result<Vec<(String, Tensor)>> {
    let mut header = vec![0; 8];
    file.read_exact(&mut header).context("no safetensors header")?;
    let len = u64::from_le_bytes(header[..8].try_into()?);
    ensure!(len <= size.saturating_sub(8), "the header is longer than the file");
    header.resize(8 + usize::try_from(len)?, 0);
    file.read_exact(&mut header[8..])?;
    let metadata: Metadata =
        serde_json::from_slice(&header[8..]).context("no safetensors header")?;
    let format = metadata.metadata().as_ref().and_then(|facts| facts.get("format"));
    let mlx = format.is_some_and(|format| format == "mlx");
    let mut tensors = Vec::new();
    for (name, info) in metadata.tensors() {
        let (from, to) = info.data_offsets;
        let (dtype, shape) = (info.dtype, info.shape.clone());
        let elements = shape.iter().try_fold(1usize, |n, len| n.checked_mul(*len));
        let bits = elements.and_then(|n| n.checked_mul(dtype.bitsize()));
        let len = to.checked_sub(from).filter(|len| len.checked_mul(8) == bits);
        let len = len.with_context(|| format!("tensor `{name}` is not as long as its shape"))?;
        let (start, len) = ((header.len() as u64).saturating_add(from as u64), len as u64);
        let fits = start.checked_add(len).is_some_and(|end| end <= size);
        ensure!(fits, "tensor `{name}` ends after the file: it is truncated");
        let tensor = Tensor { file: number, start, dtype, shape, strides: None, len, mlx };
        tensors.push((name, tensor));
    }
    Ok(tensors)
}
