//! The files that hold a checkpoint's weights.

use std::fs;
use std::path::{Path, PathBuf};

use qwen3_tts_files::{MissingFile, shard_files};

use crate::error::{Error, Fault, Result};

/// Endings of the names of files that `torch.save` wrote.
pub const PYTORCH_ENDINGS: [&str; 3] = [".bin", ".pt", ".pth"];

/// Returns the files of a directory's weights: the published names if they are there, whole or
/// with an index, else the one file that `torch.save` wrote.
pub fn weight_files(dir: &Path) -> Result<Vec<PathBuf>> {
    for name in ["model.safetensors", "pytorch_model.bin"] {
        let (whole, index) = (dir.join(name), dir.join(format!("{name}.index.json")));
        if whole.is_file() {
            return Ok(vec![whole]);
        }
        if index.is_file() {
            return shards(dir, &index).map_err(|fault| fault.of(&index));
        }
    }
    let files = pytorch_files(dir)?;
    if files.len() != 1 {
        let whole = dir.join("model.safetensors");
        let reason = MissingFile::explain(&whole);
        let reason = reason.filter(|reason| !matches!(reason, MissingFile::Pickled { .. }));
        if let Some(reason) = reason {
            return Err(Error::malformed(&whole, format!("missing: {reason}")));
        }
        return Err(Error::NoWeights { path: dir.to_owned(), found: files.len() });
    }
    Ok(files)
}

/// Returns true if a directory has weights of `torch.save` and none in safetensors.
pub fn has_pytorch_weights_only(dir: &Path) -> bool {
    let safetensors = ["model.safetensors", "model.safetensors.index.json"];
    !safetensors.iter().any(|name| dir.join(name).is_file())
        && pytorch_files(dir).is_ok_and(|files| !files.is_empty())
}

fn pytorch_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::reading(dir))? {
        let entry = entry.map_err(Error::reading(dir))?;
        let name = entry.file_name();
        let ends = |ending| name.to_string_lossy().ends_with(ending);
        if PYTORCH_ENDINGS.into_iter().any(ends) && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the files that an index names.
fn shards(dir: &Path, index: &Path) -> Result<Vec<PathBuf>, Fault> {
    let text = qwen3_tts_files::text(qwen3_tts_files::read(index)?)?;
    let names = shard_files(&text).map_err(Fault::Malformed)?;
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}
