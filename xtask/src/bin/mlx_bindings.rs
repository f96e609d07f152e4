//! `mlx-bindings MLX_C OUT`: the Rust bindings of MLX's C interface, as `mlx-sys` makes them.
#![forbid(unsafe_code)]

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(mlx_c), Some(out)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: mlx-bindings MLX_C OUT");
    };
    let files = fs::read_dir(mlx_c.join("mlx/c")).context("listing the headers of mlx-c")?;
    let paths = files.collect::<Result<Vec<_>, _>>()?.into_iter().map(|file| file.path());
    let mut headers: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "h")).collect();
    headers.sort();
    let builder = bindgen::Builder::default()
        .rust_target(bindgen::RustTarget::stable(73, 0).ok().context("Rust 1.73")?)
        .clang_arg(format!("-I{}", mlx_c.display()))
        .blocklist_function("malloc")
        .blocklist_function("realloc");
    let builder = headers.iter().fold(builder, |b, header| b.header(header.to_string_lossy()));
    builder.generate()?.write_to_file(&out).with_context(|| format!("writing {}", out.display()))
}
