//! The tensors of a checkpoint's main part, read a run of bytes at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde_json::Value;

/// The tensors of `model.safetensors`, whole or in shards, in order of name.
pub struct Source {
    files: Vec<File>,
    /// By full name.
    pub tensors: BTreeMap<String, Tensor>,
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
pub struct Tensor {
    file: usize,
    start: u64,
    /// The data type.
    pub dtype: Dtype,
    /// The shape.
    pub shape: Vec<usize>,
    /// Its bytes.
    pub len: u64,
    /// Whether MLX wrote the file.
    pub mlx: bool,
}

impl Source {
    /// Reads the headers of a directory's weights.
    pub fn open(dir: &Path) -> Result<Self> {
        let mut source = Self { files: Vec::new(), tensors: BTreeMap::new() };
        for path in weight_files(dir)? {
            source.add(&path).with_context(|| format!("reading {}", path.display()))?;
        }
        Ok(source)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
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
        for (name, info) in metadata.tensors() {
            let (from, to) = info.data_offsets;
            let (dtype, shape) = (info.dtype, info.shape.clone());
            let elements = shape.iter().try_fold(1usize, |n, len| n.checked_mul(*len));
            let bits = elements.and_then(|n| n.checked_mul(dtype.bitsize()));
            let len = to.checked_sub(from).filter(|len| len.checked_mul(8) == bits);
            let len =
                len.with_context(|| format!("tensor `{name}` is not as long as its shape"))?;
            let (start, len) = ((header.len() as u64).saturating_add(from as u64), len as u64);
            let fits = start.checked_add(len).is_some_and(|end| end <= size);
            ensure!(fits, "tensor `{name}` ends after the file: it is truncated");
            let tensor = Tensor { file: self.files.len(), start, dtype, shape, len, mlx };
            let double = self.tensors.insert(name.clone(), tensor).is_some();
            ensure!(!double, "tensor `{name}` is also in another shard");
        }
        self.files.push(file);
        Ok(())
    }

    /// `len` bytes of a tensor from `from` on.
    pub fn read(&self, tensor: &Tensor, from: u64, len: usize) -> Result<Vec<u8>> {
        let mut file = &self.files[tensor.file];
        file.seek(SeekFrom::Start(tensor.start + from))?;
        let mut bytes = vec![0; len];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The files of a checkpoint's main part.
fn weight_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let whole = dir.join("model.safetensors");
    if whole.is_file() {
        return Ok(vec![whole]);
    }
    let index = dir.join("model.safetensors.index.json");
    ensure!(index.is_file(), "{}: neither model.safetensors nor its index is there", dir.display());
    let text = std::fs::read_to_string(&index)?;
    let json: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", index.display()))?;
    let names = json["weight_map"].as_object().into_iter().flatten();
    let names: BTreeSet<&str> = names.filter_map(|(_, file)| file.as_str()).collect();
    if names.is_empty() {
        bail!("{}: no weight_map", index.display());
    }
    let elsewhere = names.iter().find(|name| name.contains(['/', '\\']) || **name == "..");
    if let Some(name) = elsewhere {
        bail!("{}: `{name}` is not a file name", index.display());
    }
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}
