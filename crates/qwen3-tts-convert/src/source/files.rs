//! Which files a checkpoint's weights are in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// How the names of what `torch.save` wrote end.
pub const PYTORCH_ENDINGS: [&str; 3] = [".bin", ".pt", ".pth"];

/// The files of a directory's weights: the published names first, whole or with an index, then
/// whatever single file `torch.save` may have written.
pub fn weight_files(dir: &Path) -> Result<Vec<PathBuf>> {
    for name in ["model.safetensors", "pytorch_model.bin"] {
        let (whole, index) = (dir.join(name), dir.join(format!("{name}.index.json")));
        if whole.is_file() {
            return Ok(vec![whole]);
        }
        if index.is_file() {
            return shards(dir, &index);
        }
    }
    let files = pytorch_files(dir)?;
    ensure!(
        files.len() == 1,
        "{}: neither model.safetensors nor pytorch_model.bin nor the index of either is there, and \
         {} files that end in .bin, .pt or .pth, expected one",
        dir.display(),
        files.len()
    );
    Ok(files)
}

/// Whether a directory has weights of `torch.save` and none in safetensors.
pub fn has_pytorch_weights_only(dir: &Path) -> bool {
    let safetensors = ["model.safetensors", "model.safetensors.index.json"];
    !safetensors.iter().any(|name| dir.join(name).is_file())
        && pytorch_files(dir).is_ok_and(|files| !files.is_empty())
}

fn pytorch_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("listing {}", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let ends = |ending| name.to_string_lossy().ends_with(ending);
        if PYTORCH_ENDINGS.into_iter().any(ends) && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// The files that an index names.
fn shards(dir: &Path, index: &Path) -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string(index)?;
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
