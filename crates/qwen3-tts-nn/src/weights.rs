//! A checkpoint's tensors, read by name through a memory map.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use half::bf16;
use memmap2::Mmap;
use qwen3_tts_kernels::{Bits, Floats, transpose};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::backend::Backend;
use crate::conv::ConvShape;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::layout::{Matrix, PackedConv};
use crate::mmap::{forget_pages, map_file};
use crate::quantization::{Quantization, quantize};
use crate::quantized::RawMatrix;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The data type that a weight is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// 16-bit brain float.
    Bf16,
    /// 32-bit float.
    F32,
    /// Affine groups of 4-bit numbers.
    Q4,
    /// Affine groups of 6-bit numbers.
    Q6,
    /// Affine groups of 8-bit numbers.
    Q8,
}

impl Dtype {
    /// The bits of one element, without what a group of them shares.
    pub fn bits(self) -> usize {
        match self {
            Self::Q4 => 4,
            Self::Q6 => 6,
            Self::Q8 => 8,
            Self::Bf16 => 16,
            Self::F32 => 32,
        }
    }

    /// The name in a file.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::F32 => "F32",
            Self::Q4 | Self::Q6 | Self::Q8 => "U32",
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::Q4 => "q4",
            Self::Q6 => "q6",
            Self::Q8 => "q8",
        })
    }
}

/// The tensors of a checkpoint, under a prefix.
///
/// A tensor is asked for with the shape that the configuration implies; one that is missing, has
/// another shape or another data type is an error that names it. [`Weights::finish`] then refuses
/// a file that holds more than was asked for.
#[derive(Clone)]
pub struct Weights {
    files: Rc<Files>,
    prefix: String,
    quantization: Rc<Quantization>,
}

struct Files {
    /// The file or directory, for messages.
    origin: String,
    tensors: BTreeMap<String, Entry>,
    used: RefCell<BTreeSet<String>>,
}

struct Entry {
    dtype: safetensors::Dtype,
    shape: Vec<usize>,
    bytes: SharedBytes,
    /// Whether the file says that MLX wrote it.
    mlx: bool,
}

/// The order of the axes of a convolution's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// PyTorch's, as published: `[out, in, taps]`, and `[in, out, taps]` of a transposed one.
    Published,
    /// MLX's: `[out, taps, in]`, of a transposed one too.
    Mlx,
}

/// What a file says of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The full name.
    pub name: String,
    /// The data type as the file writes it, `BF16` say.
    pub dtype: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// Size in bytes.
    pub bytes: usize,
}

/// Bytes of a mapped or an embedded file, kept alive by whoever holds them.
#[derive(Clone)]
pub(crate) struct SharedBytes {
    source: Source,
    start: usize,
    len: usize,
}

#[derive(Clone)]
enum Source {
    Mapped(Arc<Mmap>),
    Static(&'static [u8]),
    Owned(Arc<Vec<f32>>),
    OwnedBf16(Arc<Vec<bf16>>),
    OwnedBytes(Arc<Vec<u8>>),
}

impl SharedBytes {
    pub(crate) fn as_slice(&self) -> &[u8] {
        let all: &[u8] = match &self.source {
            Source::Mapped(map) => map,
            Source::Static(bytes) => bytes,
            Source::Owned(values) => bytemuck::cast_slice(values),
            Source::OwnedBf16(values) => bytemuck::cast_slice(values),
            Source::OwnedBytes(bytes) => bytes,
        };
        &all[self.start..self.start + self.len]
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { start: 0, len: bytes.len(), source: Source::OwnedBytes(Arc::new(bytes)) }
    }

    /// Gives the memory of mapped bytes back to the system; they can still be read.
    fn forget(&self) {
        if let Source::Mapped(map) = &self.source {
            forget_pages(map, self.start, self.len);
        }
    }

    /// The same bytes where an `f32` may lie; copied only if they are elsewhere.
    fn aligned(self) -> Self {
        if self.as_slice().as_ptr().align_offset(align_of::<f32>()) == 0 {
            return self;
        }
        let len = self.len;
        let mut words = vec![0f32; len.div_ceil(size_of::<f32>())];
        bytemuck::cast_slice_mut::<f32, u8>(&mut words)[..len].copy_from_slice(self.as_slice());
        Self { source: Source::Owned(Arc::new(words)), start: 0, len }
    }
}

/// A tensor as it lies in the file, bf16 or f32, aligned to four bytes.
#[derive(Clone)]
pub(crate) struct RawTensor {
    pub dtype: Dtype,
    pub bytes: SharedBytes,
}

impl RawTensor {
    /// Values that were computed at load.
    pub(crate) fn from_vec(values: Vec<f32>) -> Self {
        let len = values.len() * size_of::<f32>();
        let bytes = SharedBytes { source: Source::Owned(Arc::new(values)), start: 0, len };
        Self { dtype: Dtype::F32, bytes }
    }

    /// As [`RawTensor::from_vec`], in bfloat16.
    pub(crate) fn from_bf16(values: Vec<bf16>) -> Self {
        let len = values.len() * size_of::<bf16>();
        let bytes = SharedBytes { source: Source::OwnedBf16(Arc::new(values)), start: 0, len };
        Self { dtype: Dtype::Bf16, bytes }
    }

    /// The values, of a float tensor.
    pub(crate) fn floats(&self) -> Floats<'_> {
        let bytes = self.bytes.as_slice();
        match self.dtype {
            Dtype::Bf16 => Floats::Bf16(bytemuck::cast_slice(bytes)),
            _ => Floats::F32(bytemuck::cast_slice(bytes)),
        }
    }

    pub(crate) fn to_f32(&self) -> Vec<f32> {
        match self.dtype {
            Dtype::F32 => bytemuck::cast_slice::<u8, f32>(self.bytes.as_slice()).to_vec(),
            Dtype::Bf16 => bytemuck::cast_slice::<u8, bf16>(self.bytes.as_slice())
                .iter()
                .map(|v| v.to_f32())
                .collect(),
            Dtype::Q4 | Dtype::Q6 | Dtype::Q8 => unreachable!("a float tensor"),
        }
    }
}

impl Weights {
    /// Opens a `.safetensors` file, or a directory that holds `model.safetensors`, whole or in
    /// shards with `model.safetensors.index.json`.
    ///
    /// # Errors
    /// When a file is missing, unreadable, truncated or not in the safetensors format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if !path.is_dir() {
            return Self::from_sources(path.display().to_string(), vec![map(path)?]);
        }
        let index = path.join("model.safetensors.index.json");
        let files = if index.is_file() && !path.join("model.safetensors").exists() {
            shards(path, &index)?
        } else {
            vec![path.join("model.safetensors")]
        };
        let sources = files.iter().map(|file| map(file)).collect::<Result<_>>()?;
        Self::from_sources(path.join("model.safetensors").display().to_string(), sources)
    }

    /// Reads a `.safetensors` file that is part of the program; `name` is used in messages.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn from_static(name: &str, bytes: &'static [u8]) -> Result<Self> {
        Self::from_sources(name.to_owned(), vec![(name.to_owned(), Source::Static(bytes))])
    }

    fn from_sources(origin: String, sources: Vec<(String, Source)>) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for (file, source) in sources {
            read_header(&file, &source, &mut tensors)?;
        }
        let used = RefCell::default();
        let files = Rc::new(Files { origin, tensors, used });
        Ok(Self { files, prefix: String::new(), quantization: Rc::default() })
    }

    /// Linear layers are quantised as they are read.
    pub fn quantize(self, quantization: Quantization) -> Self {
        Self { quantization: Rc::new(quantization), ..self }
    }

    /// The tensors whose names go on after `{prefix}.`.
    pub fn under(&self, prefix: impl fmt::Display) -> Self {
        Self { prefix: self.full_name(prefix) + ".", ..self.clone() }
    }

    /// The file or directory, for messages.
    pub fn origin(&self) -> &str {
        &self.files.origin
    }

    /// Whether a tensor of this name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.files.tensors.contains_key(&self.full_name(name))
    }

    /// Every tensor of the files, in order of name.
    pub fn infos(&self) -> impl Iterator<Item = TensorInfo> + '_ {
        self.files.tensors.iter().map(|(name, entry)| TensorInfo {
            name: name.clone(),
            dtype: format!("{:?}", entry.dtype),
            shape: entry.shape.clone(),
            bytes: entry.bytes.len,
        })
    }

    /// A tensor on `device`, for norms, biases and scales.
    ///
    /// # Errors
    /// When it is missing, or has another shape or data type.
    pub fn tensor(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor> {
        let raw = self.raw(name, shape)?;
        Ok(on_device!(device, b => b.parameter(&raw, Shape::new(shape))))
    }

    /// A tensor's values in float32.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn to_vec(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Ok(self.raw(name, shape)?.to_f32())
    }

    /// A matrix `[rows, cols]` in the data type of the checkpoint, or as MLX quantised it.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn matrix(&self, name: &str, rows: usize, cols: usize, device: &Device) -> Result<Matrix> {
        Ok(matrix(self.raw_matrix(name, rows, cols)?, rows, cols, device))
    }

    /// The matrix of a linear layer: as [`Weights::matrix`], and quantised as
    /// [`Weights::quantize`] asks.
    ///
    /// # Errors
    /// As [`Weights::tensor`]; when the checkpoint has it quantised to other bits.
    pub fn projection(
        &self,
        name: &str,
        rows: usize,
        cols: usize,
        device: &Device,
    ) -> Result<Matrix> {
        let raw = self.raw_matrix(name, rows, cols)?;
        let raw = match self.quantization.bits(&self.full_name(name)) {
            Some(bits) => self.quantized(raw, name, cols, bits, device)?,
            None => raw,
        };
        Ok(matrix(raw, rows, cols, device))
    }

    fn raw_matrix(&self, name: &str, rows: usize, cols: usize) -> Result<RawMatrix> {
        Ok(match self.is_quantized(name) {
            true => RawMatrix::Affine(Arc::new(self.affine(name, rows, cols)?)),
            false => RawMatrix::Full(self.raw(name, &[rows, cols])?),
        })
    }

    fn quantized(
        &self,
        raw: RawMatrix,
        name: &str,
        cols: usize,
        bits: Bits,
        device: &Device,
    ) -> Result<RawMatrix> {
        match raw {
            RawMatrix::Full(tensor) => {
                let quantized = quantize(&tensor, cols, bits, device);
                let Some(affine) = quantized else { return Ok(RawMatrix::Full(tensor)) };
                // What is read no more need not stay in memory.
                tensor.bytes.forget();
                Ok(RawMatrix::Affine(Arc::new(affine)))
            }
            RawMatrix::Affine(affine) if affine.bits == bits => Ok(RawMatrix::Affine(affine)),
            RawMatrix::Affine(affine) => Err(Error::QuantizedAlready {
                file: self.files.origin.clone(),
                name: self.full_name(name),
                expected: bits.get(),
                found: affine.bits.get(),
            }),
        }
    }

    /// The weight of a convolution with one tap, published as `[out, in, 1]`, as a matrix.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn pointwise(
        &self,
        name: &str,
        out: usize,
        input: usize,
        device: &Device,
    ) -> Result<Matrix> {
        let (_, shape) = self.layout(name, [out, input, 1], [out, 1, input]);
        Ok(matrix(RawMatrix::Full(self.raw(name, &shape)?), out, input, device))
    }

    /// The weight of a dense convolution, published as `[out, in, taps]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub(crate) fn conv(&self, name: &str, shape: ConvShape, device: &Device) -> Result<PackedConv> {
        Ok(pack_conv(&self.conv_values(name, shape)?, shape, device))
    }

    /// The values of such a weight as `[out, taps, in]`.
    pub(crate) fn conv_values(&self, name: &str, shape: ConvShape) -> Result<Vec<f32>> {
        let ConvShape { out_channels: out, in_channels: input, taps, .. } = shape;
        let (layout, shape) = self.layout(name, [out, input, taps], [out, taps, input]);
        let values = self.to_vec(name, &shape)?;
        Ok(match layout {
            Layout::Mlx => values,
            Layout::Published => transpose(&values, input, taps),
        })
    }

    /// The values of a transposed convolution's weight, published as `[in, out, taps]`, as
    /// `[out, taps, in]`.
    pub(crate) fn conv_transpose_values(
        &self,
        name: &str,
        input: usize,
        out: usize,
        taps: usize,
    ) -> Result<Vec<f32>> {
        let (layout, shape) = self.layout(name, [input, out, taps], [out, taps, input]);
        let values = self.to_vec(name, &shape)?;
        Ok(match layout {
            Layout::Mlx => values,
            Layout::Published => transpose(&values, input, out * taps),
        })
    }

    /// Which layout a tensor has, and its shape then. The shape of the file decides; where it fits
    /// both, what the file says of its writer.
    fn layout(&self, name: &str, published: [usize; 3], mlx: [usize; 3]) -> (Layout, [usize; 3]) {
        let entry = self.files.tensors.get(&self.full_name(name));
        let fits = |shape: [usize; 3]| entry.is_some_and(|entry| entry.shape == shape);
        let by_mlx = entry.is_some_and(|entry| entry.mlx);
        match (fits(published), fits(mlx)) {
            (true, true) if by_mlx => (Layout::Mlx, mlx),
            (false, true) => (Layout::Mlx, mlx),
            // A shape that fits neither is an error in the words of the file's own layout.
            (false, false) if by_mlx => (Layout::Mlx, mlx),
            _ => (Layout::Published, published),
        }
    }

    /// Whether MLX packed this weight: nothing else is stored as u32, or has scales beside it.
    fn is_quantized(&self, name: &str) -> bool {
        let packed = |entry: &Entry| entry.dtype == safetensors::Dtype::U32;
        self.files.tensors.get(&self.full_name(name)).is_some_and(packed)
            || name
                .strip_suffix("weight")
                .is_some_and(|base| self.contains(&format!("{base}scales")) && self.contains(name))
    }

    pub(crate) fn shape_of(&self, name: &str) -> Option<&[usize]> {
        self.files.tensors.get(&self.full_name(name)).map(|entry| entry.shape.as_slice())
    }

    /// The bytes of a tensor of u32 that is there.
    pub(crate) fn words(&self, name: &str) -> Result<SharedBytes> {
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

    pub(crate) fn raw(&self, name: &str, expected: &[usize]) -> Result<RawTensor> {
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

    /// Refuses tensors that nothing asked for, except those under the prefixes in `optional`.
    ///
    /// # Errors
    /// [`Error::UnknownTensors`].
    pub fn finish(&self, optional: &[&str]) -> Result<()> {
        let used = self.files.used.borrow();
        let mut unknown = self.files.tensors.keys().filter(|name| {
            !used.contains(*name) && !optional.iter().any(|prefix| name.starts_with(prefix))
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

    pub(crate) fn full_name(&self, name: impl fmt::Display) -> String {
        format!("{}{name}", self.prefix)
    }
}

pub(crate) fn matrix(raw: RawMatrix, rows: usize, cols: usize, device: &Device) -> Matrix {
    on_device!(device, b => Backend::matrix(b, raw, rows, cols))
}

/// Packs a weight given as `[out, taps, in]`.
pub(crate) fn pack_conv(weight: &[f32], shape: ConvShape, device: &Device) -> PackedConv {
    on_device!(device, b => Backend::pack_conv(b, weight, shape))
}

fn map(path: &Path) -> Result<(String, Source)> {
    let open_error = |source| Error::Open { path: path.to_owned(), source };
    let file = path.display().to_string();
    if fs::metadata(path).map_err(open_error)?.len() == 0 {
        return Err(Error::Malformed { file, reason: "the file is empty".into() });
    }
    Ok((file, Source::Mapped(Arc::new(map_file(path).map_err(open_error)?))))
}

fn shards(dir: &Path, index: &Path) -> Result<Vec<PathBuf>> {
    let malformed = |reason: String| Error::Malformed { file: index.display().to_string(), reason };
    let text = fs::read_to_string(index)
        .map_err(|source| Error::Open { path: index.to_owned(), source })?;
    let json: Value = serde_json::from_str(&text).map_err(|e| malformed(e.to_string()))?;
    let map = json["weight_map"].as_object().ok_or_else(|| malformed("no weight_map".into()))?;
    let mut names = BTreeSet::new();
    for name in map.values() {
        let name = name.as_str().ok_or_else(|| malformed("a file name is not a string".into()))?;
        // A shard lies beside its index: a path that leads elsewhere is not a shard.
        if name.contains(['/', '\\']) || name == ".." {
            return Err(malformed(format!("`{name}` is not a file name")));
        }
        names.insert(name);
    }
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

fn read_header(file: &str, source: &Source, tensors: &mut BTreeMap<String, Entry>) -> Result<()> {
    let malformed = |reason: String| Error::Malformed { file: file.to_owned(), reason };
    let all = SharedBytes { source: source.clone(), start: 0, len: source_len(source) };
    let (header_len, metadata) =
        SafeTensors::read_metadata(all.as_slice()).map_err(|e| malformed(e.to_string()))?;
    let format = metadata.metadata().as_ref().and_then(|facts| facts.get("format"));
    let mlx = format.is_some_and(|format| format == "mlx");
    for (name, info) in metadata.tensors() {
        let start = size_of::<u64>() + header_len + info.data_offsets.0;
        let len = info.data_offsets.1 - info.data_offsets.0;
        if start.checked_add(len).is_none_or(|end| end > all.len) {
            return Err(malformed(format!("tensor `{name}` ends after the file")));
        }
        let bytes = SharedBytes { source: source.clone(), start, len };
        let entry = Entry { dtype: info.dtype, shape: info.shape.clone(), bytes, mlx };
        if tensors.insert(name.clone(), entry).is_some() {
            return Err(malformed(format!("tensor `{name}` is also in another shard")));
        }
    }
    Ok(())
}

fn source_len(source: &Source) -> usize {
    match source {
        Source::Mapped(map) => map.len(),
        Source::Static(bytes) => bytes.len(),
        Source::Owned(values) => values.len() * size_of::<f32>(),
        Source::OwnedBf16(values) => values.len() * size_of::<bf16>(),
        Source::OwnedBytes(bytes) => bytes.len(),
    }
}
