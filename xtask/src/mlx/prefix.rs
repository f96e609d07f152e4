//! The directory that replaces the output of `mlx-sys`'s build script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};

use super::tools;
use crate::oracle::run;
use crate::workspace;

/// Items that the bindings lack outside macOS, and a substitute for `std::format`.
const BINDINGS_TAIL: &str = include_str!("../../templates/mlx/bindings_tail.rs.in");
const FORMAT_SHIM: &str = include_str!("../../templates/mlx/format_shim.h");

/// Debian's fast BLAS, in place of the slow reference BLAS in MLX's wheel.
const OPENBLAS: &str = "libopenblas.so.0";

/// A directory with `mlx/` and `mlx_cpu.libs/` of the wheel, `libmlxc.a`, `bindings.rs` and
/// `cargo.toml`.
pub struct Prefix {
    root: PathBuf,
}

impl Prefix {
    /// Names the prefix at `root`, which may be incomplete.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the config file for `cargo --config`.
    pub fn config(&self) -> PathBuf {
        self.root.join("cargo.toml")
    }

    /// Returns the directory of `libmlx.so`.
    pub fn library_dir(&self) -> PathBuf {
        self.root.join("mlx/lib")
    }

    /// Returns the versions that a complete prefix was made from.
    pub fn stamp(&self) -> Option<String> {
        fs::read_to_string(self.root.join("complete")).ok()
    }

    /// Returns true if the prefix is complete.
    pub fn is_complete(&self) -> bool {
        self.stamp().is_some()
    }

    /// Marks the prefix as complete. Written last.
    pub fn write_stamp(&self, stamp: &str) -> Result<()> {
        self.write("complete", stamp)
    }

    /// Downloads and unpacks the wheel.
    pub fn fetch_mlx(&self, version: &str) -> Result<()> {
        let fetched = self.root.join("fetched");
        if fs::read_to_string(&fetched).is_ok_and(|found| found == version) {
            return Ok(());
        }
        eprintln!("fetching mlx-cpu {version}");
        let (venv, wheels) = (self.root.join("venv"), self.root.join("wheels"));
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        let python = venv.join("bin/python");
        let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check"];
        let mut download = Command::new(&python);
        download.args(pip).args(["--no-deps", "--only-binary", ":all:", "--dest"]).arg(&wheels);
        run(download.arg(format!("mlx-cpu=={version}")))?;
        let files = fs::read_dir(&wheels).context("listing the wheels")?;
        let paths = files.collect::<Result<Vec<_>, _>>()?.into_iter().map(|file| file.path());
        let start = format!("mlx_cpu-{version}-");
        let wheel = paths.into_iter().find(|path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|n| n.starts_with(&start))
        });
        let wheel = wheel.context("pip downloaded no wheel of mlx-cpu")?;
        run(Command::new(&python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&self.root))?;
        let library = self.library_dir().join("libmlx.so");
        ensure!(library.is_file(), "{} is not in the wheel", library.display());
        self.write("fetched", version)
    }

    /// Replaces the wheel's BLAS by Debian's OpenBLAS, if that is installed.
    pub fn take_openblas(&self) -> Result<()> {
        let Some(openblas) = tools::find_library(OPENBLAS) else {
            eprintln!(
                "without OpenBLAS MLX is slow; as root: apt-get install libopenblas0-pthread"
            );
            return Ok(());
        };
        let libs = self.root.join("mlx_cpu.libs");
        for file in fs::read_dir(&libs).with_context(|| format!("listing {}", libs.display()))? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with("libblas-") {
                fs::remove_file(file.path())?;
                fs::copy(&openblas, file.path()).context("copying OpenBLAS")?;
            }
        }
        Ok(())
    }

    /// Compiles the C interface to `libmlxc.a`.
    pub fn compile_mlx_c(&self, mlx_c: &Path) -> Result<()> {
        eprintln!("compiling mlx-c");
        let objects = self.root.join("objects");
        fs::create_dir_all(&objects)?;
        self.write("format_shim.h", FORMAT_SHIM)?;
        let files = fs::read_dir(mlx_c.join("mlx/c")).context("listing the sources of mlx-c")?;
        let paths = files.collect::<Result<Vec<_>, _>>()?.into_iter().map(|file| file.path());
        let sources: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|end| end == "cpp")).collect();
        let lanes = thread::available_parallelism().map_or(1, usize::from);
        let compile = |source: &PathBuf| self.compile(mlx_c, source, &objects);
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..lanes)
                .map(|lane| {
                    let mut sources = sources.iter().skip(lane).step_by(lanes);
                    scope.spawn(move || sources.try_for_each(compile))
                })
                .collect();
            lanes.into_iter().try_for_each(|lane| lane.join().expect("a compiling thread"))
        })?;
        let mut archive = Command::new("ar");
        archive.arg("crs").arg(self.root.join("libmlxc.a"));
        run(archive.args(sources.iter().map(|source| object(&objects, source))))
    }

    fn compile(&self, mlx_c: &Path, source: &Path, objects: &Path) -> Result<()> {
        let mut compiler = Command::new("g++");
        compiler.args(["-std=c++20", "-O2", "-DNDEBUG", "-fPIC", "-ffunction-sections", "-w"]);
        compiler.arg("-include").arg(self.root.join("format_shim.h"));
        compiler.arg("-I").arg(mlx_c).arg("-I").arg(self.root.join("mlx/include"));
        run(compiler.arg("-c").arg(source).arg("-o").arg(object(objects, source)))
    }

    /// Generates `bindings.rs`, with a separate program, so that other tasks do not build bindgen.
    pub fn write_bindings(&self, mlx_c: &Path) -> Result<()> {
        eprintln!("generating the bindings");
        let bindings = self.root.join("bindings.rs");
        let mut cargo = Command::new(crate::cargo());
        cargo.current_dir(workspace());
        // Optimising the program takes longer than it saves, since it runs once.
        cargo.args(["--config", "profile.dev.package.\"*\".opt-level=0"]);
        cargo.args(["run", "--quiet", "--locked", "--package", "xtask", "--features", "bindings"]);
        run(cargo.args(["--bin", "mlx-bindings", "--"]).arg(mlx_c).arg(&bindings))?;
        let text = fs::read_to_string(&bindings).context("reading the bindings")?;
        self.write("bindings.rs", &(text + BINDINGS_TAIL))
    }

    /// Writes the config file that overrides the links of `mlx-sys`.
    pub fn write_config(&self) -> Result<()> {
        self.write("cargo.toml", &config(&tools::host()?, &self.root))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.root.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }
}

fn object(objects: &Path, source: &Path) -> PathBuf {
    objects.join(source.file_name().unwrap_or_default()).with_extension("o")
}

/// Returns the cargo configuration that replaces the build script of `mlx-sys` for `triple`.
fn config(triple: &str, root: &Path) -> String {
    let library = root.join("mlx/lib");
    let (root, library) = (root.display(), library.display());
    format!(
        r#"[target.{triple}.mlx]
rustc-link-search = ["native={root}", "native={library}"]
rustc-link-lib = ["static=mlxc", "dylib=mlx", "dylib=stdc++"]
rustc-env = {{ OUT_DIR = "{root}" }}

[target.{triple}]
rustflags = ["-C", "link-arg=-Wl,-rpath,{library}"]
"#
    )
}
