//! The weights of a directory, read a run of bytes at a time.
//!
//! Files are read by position rather than through a memory map, so that memory stays small however
//! large they are.

mod files;
mod pickle;
mod state_dict;
mod strided;
mod tensor;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use qwen3_tts_files::WrongFile;
use safetensors::tensor::Metadata;

use crate::error::{Error, Fault, Result, bail, ensure};
pub use files::{PYTORCH_ENDINGS, has_pytorch_weights_only};
pub use tensor::Tensor;

/// Largest ratio of the size of the tensors of a file to that of the file: tensors may share their
/// numbers.
const MAX_SHARING: u64 = 4;

/// Number of bytes from which a wrong file is recognised.
const HEAD: u64 = 512;

/// Largest size in bytes of a safetensors header, as in the crate `safetensors`.
const MAX_HEADER: u64 = 100_000_000;

/// The tensors of `model.safetensors`, or of what `torch.save` wrote, whole or in shards, in order
/// of name.
pub struct Source {
    files: Vec<(PathBuf, File)>,
    /// Tensors by full name.
    pub tensors: BTreeMap<String, Tensor>,
    /// The tensor with strides that was read last, and its bytes in order.
    ordered: RefCell<Option<(Tensor, Vec<u8>)>>,
}

impl Source {
    /// Reads which tensors the weights of a directory have.
    pub fn open(dir: &Path) -> Result<Self> {
        let (files, tensors, ordered) = (Vec::new(), BTreeMap::new(), RefCell::new(None));
        let mut source = Self { files, tensors, ordered };
        for path in files::weight_files(dir)? {
            let file = qwen3_tts_files::regular(&path).and_then(|_| File::open(&path));
            let file = file.map_err(Error::reading(&path))?;
            source.add(&path, &file).map_err(|fault| fault.of(&path))?;
            source.files.push((path, file));
        }
        Ok(source)
    }

    fn add(&mut self, path: &Path, file: &File) -> Result<(), Fault> {
        let (size, number) = (file.metadata()?.len(), self.files.len());
        let named = path.extension().is_some_and(|ending| ending == "safetensors");
        let tensors = match named && !is_archive(file)? {
            true => safetensors(file, size, number)?,
            false => state_dict::read(file, size, number)?,
        };
        let total = tensors.iter().try_fold(0u64, |n, (_, tensor)| n.checked_add(tensor.len));
        let sound = total.is_some_and(|total| total / MAX_SHARING <= size);
        ensure!(sound, "its tensors are many times as large as the file");
        for (name, tensor) in tensors {
            let double = self.tensors.insert(name.clone(), tensor).is_some();
            ensure!(!double, "tensor `{name}` occurs twice, here or in another shard");
        }
        Ok(())
    }

    /// Returns the path of the file that a tensor lies in.
    pub fn path(&self, tensor: &Tensor) -> &Path {
        &self.files[tensor.file].0
    }

    /// Reads `len` bytes of a tensor from `from` on, in the order of its axes.
    pub fn read(&self, tensor: &Tensor, from: u64, len: usize) -> Result<Vec<u8>> {
        let (path, file) = &self.files[tensor.file];
        self.bytes(file, tensor, from, len).map_err(Error::reading(path))
    }

    fn bytes(
        &self,
        mut file: &File,
        tensor: &Tensor,
        from: u64,
        len: usize,
    ) -> io::Result<Vec<u8>> {
        if let Some(strides) = &tensor.strides {
            let mut ordered = self.ordered.borrow_mut();
            if ordered.as_ref().is_none_or(|(held, _)| held != tensor) {
                *ordered = None;
                let size = tensor.dtype.bitsize() / 8;
                let bytes = strided::read(file, tensor.start, &tensor.shape, strides, size)?;
                *ordered = Some((tensor.clone(), bytes));
            }
            let bytes = ordered.as_ref().and_then(|(_, b)| b.get(from as usize..)?.get(..len));
            return Ok(bytes.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec());
        }
        file.seek(SeekFrom::Start(tensor.start + from))?;
        let mut bytes = vec![0; len];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Returns true for a ZIP archive, which is what `torch.save` writes under any name.
fn is_archive(mut file: &File) -> io::Result<bool> {
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(WrongFile::recognise(&head) == Some(WrongFile::Zip))
}

/// Reads the tensors of a safetensors file of `size` bytes, which is file `number` of its
/// checkpoint.
fn safetensors(mut file: &File, size: u64, number: usize) -> Result<Vec<(String, Tensor)>, Fault> {
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    check_head(&head, size)?;
    let Some(len) = head.first_chunk() else {
        bail!("no safetensors header: the file has {size} bytes");
    };
    let len = u64::from_le_bytes(*len);
    ensure!(len <= size - 8, "its safetensors header is longer than the file");
    ensure!(
        len <= MAX_HEADER,
        "its safetensors header has {len} bytes, expected at most {MAX_HEADER}"
    );
    head.resize(8 + len as usize, 0);
    file.rewind()?;
    file.read_exact(&mut head)?;
    check_head(&head, size)?;
    let metadata: Metadata = serde_json::from_slice(&head[8..])
        .map_err(|error| Fault::malformed(format!("no safetensors header ({error})")))?;
    let format = metadata.metadata().as_ref().and_then(|facts| facts.get("format"));
    let mlx = format.is_some_and(|format| format == "mlx");
    let mut tensors = Vec::new();
    for (name, info) in metadata.tensors() {
        let (from, to) = info.data_offsets;
        let (dtype, shape) = (info.dtype, info.shape.clone());
        let elements = shape.iter().try_fold(1usize, |n, len| n.checked_mul(*len));
        let bits = elements.and_then(|n| n.checked_mul(dtype.bitsize()));
        let bytes = to.checked_sub(from).filter(|bytes| bytes.checked_mul(8) == bits);
        let Some(bytes) = bytes else {
            bail!("tensor `{name}` has a size that does not follow from its shape {shape:?}");
        };
        let (start, bytes) = ((8 + len).saturating_add(from as u64), bytes as u64);
        let fits = start.checked_add(bytes).is_some_and(|end| end <= size);
        ensure!(fits, "tensor `{name}` ends after the file; fetch it again");
        let tensor = Tensor { file: number, start, dtype, shape, strides: None, len: bytes, mlx };
        tensors.push((name, tensor));
    }
    Ok(tensors)
}

fn check_head(head: &[u8], size: u64) -> Result<(), Fault> {
    match WrongFile::in_place_of_safetensors(head, size) {
        Some(wrong) => Err(wrong.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;

    #[test]
    fn a_run_of_a_view_is_in_the_order_of_its_axes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("numbers");
        // [[0, 1, 2], [3, 4, 5]] after a byte of something else, and its transpose.
        std::fs::write(&path, [255, 0, 1, 2, 3, 4, 5]).unwrap();
        let rows = Tensor {
            file: 0,
            start: 1,
            dtype: Dtype::U8,
            shape: vec![2, 3],
            strides: None,
            len: 6,
            mlx: false,
        };
        let columns = Tensor { shape: vec![3, 2], strides: Some(vec![1, 3]), ..rows.clone() };
        let file = File::open(&path).unwrap();
        let (files, ordered) = (vec![(path, file)], RefCell::new(None));
        let source = Source { files, tensors: BTreeMap::new(), ordered };
        for (tensor, expected) in [(rows, [0, 1, 2, 3, 4, 5]), (columns, [0, 3, 1, 4, 2, 5])] {
            assert_eq!(source.read(&tensor, 0, 6).unwrap(), expected);
            assert_eq!(source.read(&tensor, 2, 3).unwrap(), expected[2..5]);
            assert!(source.read(&tensor, 4, 3).is_err());
        }
    }
}
