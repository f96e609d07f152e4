//! The files of a checkpoint and the tensors in them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use qwen3_tts_files::{MissingFile, WrongFile, shard_files};
use safetensors::{Dtype, SafeTensors};

use crate::backend::bytes::SharedBytes;
use crate::error::{Error, Result};

/// The tensors of all files of a checkpoint.
pub(super) struct Files {
    /// The file or directory, for messages.
    pub origin: String,
    /// The tensors by full name.
    pub tensors: BTreeMap<String, Entry>,
    /// Full names of the tensors that were read.
    pub used: RefCell<BTreeSet<String>>,
}

/// A tensor as its file describes it.
pub(super) struct Entry {
    /// The data type.
    pub dtype: Dtype,
    /// The shape.
    pub shape: Vec<usize>,
    /// The values.
    pub bytes: SharedBytes,
    /// True if the file says that MLX wrote it.
    pub mlx: bool,
}

impl Files {
    /// Maps a `.safetensors` file, or the files of a directory.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return Self::map(path.display().to_string(), &[path.to_owned()]);
        }
        let whole = path.join("model.safetensors");
        let index = path.join("model.safetensors.index.json");
        let files = match index.is_file() && !whole.exists() {
            true => shards(path, &index)?,
            false => vec![whole.clone()],
        };
        Self::map(whole.display().to_string(), &files)
    }

    /// Reads a `.safetensors` file in memory.
    pub(super) fn from_static(name: &str, bytes: &'static [u8]) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        read_header(name, &SharedBytes::from_static(bytes), &mut tensors)?;
        Ok(Self { origin: name.to_owned(), tensors, used: RefCell::default() })
    }

    fn map(origin: String, paths: &[PathBuf]) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for path in paths {
            read_header(&path.display().to_string(), &map(path)?, &mut tensors)?;
        }
        Ok(Self { origin, tensors, used: RefCell::default() })
    }
}

fn map(path: &Path) -> Result<SharedBytes> {
    let open_error = |source| match MissingFile::explain(path).filter(|_| !path.exists()) {
        Some(reason) => Error::MissingFile { path: path.to_owned(), reason },
        None => Error::Open { path: path.to_owned(), source },
    };
    if qwen3_tts_files::regular(path).map_err(open_error)?.len() == 0 {
        let file = path.display().to_string();
        return Err(Error::WrongFile { file, source: WrongFile::Empty });
    }
    SharedBytes::map(path).map_err(open_error)
}

/// Returns the paths of the shards that an index lists.
fn shards(dir: &Path, index: &Path) -> Result<Vec<PathBuf>> {
    let malformed = |reason: String| Error::Malformed { file: index.display().to_string(), reason };
    let bytes = qwen3_tts_files::read(index)
        .map_err(|source| Error::Open { path: index.to_owned(), source })?;
    let text = qwen3_tts_files::text(bytes)
        .map_err(|source| Error::WrongFile { file: index.display().to_string(), source })?;
    let names = shard_files(&text).map_err(malformed)?;
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

fn read_header(
    file: &str,
    bytes: &SharedBytes,
    tensors: &mut BTreeMap<String, Entry>,
) -> Result<()> {
    let malformed = |reason: String| Error::Malformed { file: file.to_owned(), reason };
    let all = bytes.as_slice();
    let (header_len, metadata) =
        SafeTensors::read_metadata(all).map_err(
            |error| match WrongFile::in_place_of_safetensors(all, all.len() as u64) {
                Some(source) => Error::WrongFile { file: file.to_owned(), source },
                None => malformed(error.to_string()),
            },
        )?;
    let format = metadata.metadata().as_ref().and_then(|facts| facts.get("format"));
    let mlx = format.is_some_and(|format| format == "mlx");
    for (name, info) in metadata.tensors() {
        let start = size_of::<u64>() + header_len + info.data_offsets.0;
        let len = info.data_offsets.1 - info.data_offsets.0;
        let Some(bytes) = bytes.part(start, len) else {
            return Err(malformed(format!("tensor `{name}` ends after the file")));
        };
        let entry = Entry { dtype: info.dtype, shape: info.shape.clone(), bytes, mlx };
        if tensors.insert(name.clone(), entry).is_some() {
            return Err(malformed(format!("tensor `{name}` is also in another shard")));
        }
    }
    Ok(())
}
