//! Conversions of tiny checkpoints and of files of `torch.save`.

mod conversion;
mod narrow;
mod pickle;

use std::path::{Path, PathBuf};

use qwen3_tts_convert::{ConvertOptions, Converted, Error, Quantization};
use qwen3_tts_nn::{TensorInfo, Weights};
use tempfile::TempDir;

/// Converts without watching the progress.
fn convert(input: &Path, output: &Path, options: &ConvertOptions) -> Result<Converted, Error> {
    qwen3_tts_convert::convert(input, output, options, &mut |_| {})
}

fn quantized(bits: usize, group_size: usize) -> ConvertOptions {
    ConvertOptions::default().quantize(Quantization::new(bits, group_size).unwrap())
}

/// A converted checkpoint in a temporary directory.
struct Copy {
    _dir: TempDir,
    path: PathBuf,
}

fn converted(input: &Path, options: &ConvertOptions) -> Copy {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    convert(input, &path, options).unwrap();
    Copy { _dir: dir, path }
}

fn infos(dir: &Path) -> Vec<TensorInfo> {
    Weights::open(dir).unwrap().infos().collect()
}
