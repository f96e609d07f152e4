//! Paths of the fixtures, and typed access to goldens.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

/// Names of the tiny checkpoints in `fixtures/checkpoints/`.
pub const CHECKPOINTS: [&str; 5] =
    ["base_0b6", "base_1b7", "custom_voice_0b6", "custom_voice_1b7", "voice_design_1b7"];

/// Returns the directory `fixtures/` of the workspace.
pub fn fixtures_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// Returns the directory of a tiny checkpoint, such as `custom_voice_0b6`.
#[track_caller]
pub fn checkpoint(name: &str) -> PathBuf {
    let path = fixtures_dir().join("checkpoints").join(name);
    assert!(path.is_dir(), "no tiny checkpoint {name}: expected one of {CHECKPOINTS:?}");
    path
}

/// Returns the names of the goldens of requests with a preset voice, sorted, for [`Golden::load`].
pub fn speech_goldens() -> Vec<String> {
    goldens("speech")
}

/// Returns the names of the goldens of requests with a cloned voice, sorted, for [`Golden::load`].
pub fn cloning_goldens() -> Vec<String> {
    goldens("cloning")
}

fn goldens(kind: &str) -> Vec<String> {
    let folder = fixtures_dir().join("goldens").join(kind);
    let entries = std::fs::read_dir(&folder).expect("the folder of goldens can be listed");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("the folder of goldens can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| Some(format!("{kind}/{}", path.file_stem()?.to_str()?)))
        .collect();
    names.sort();
    names
}

/// A golden: a request in JSON, and the tensors that the official package computed, if any.
pub struct Golden {
    name: String,
    /// The request and its settings, as written by `cargo xtask fixtures`.
    pub request: Value,
    tensors: Option<Vec<u8>>,
}

impl Golden {
    /// Loads `fixtures/goldens/{name}.json` and the `.safetensors` beside it.
    #[track_caller]
    pub fn load(name: &str) -> Self {
        let base = fixtures_dir().join("goldens").join(name);
        let text = std::fs::read(base.with_extension("json"))
            .unwrap_or_else(|error| panic!("golden {name}: {error}"));
        let request = serde_json::from_slice(&text)
            .unwrap_or_else(|error| panic!("golden {name}: not JSON: {error}"));
        let tensors = std::fs::read(base.with_extension("safetensors")).ok();
        Self { name: name.to_owned(), request, tensors }
    }

    /// Returns the name it was loaded by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a string of the request.
    #[track_caller]
    pub fn string(&self, key: &str) -> &str {
        self.optional_string(key).unwrap_or_else(|| panic!("golden {}: no string {key}", self.name))
    }

    /// Returns a string of the request, or `None` if it is null.
    pub fn optional_string(&self, key: &str) -> Option<&str> {
        self.request[key].as_str()
    }

    /// Returns a non-negative integer of the request.
    #[track_caller]
    pub fn number(&self, key: &str) -> usize {
        let number = self.request[key].as_u64();
        number.unwrap_or_else(|| panic!("golden {}: no integer {key}", self.name)) as usize
    }

    /// Returns a boolean of the request.
    #[track_caller]
    pub fn flag(&self, key: &str) -> bool {
        let flag = self.request[key].as_bool();
        flag.unwrap_or_else(|| panic!("golden {}: no boolean {key}", self.name))
    }

    /// Returns the names of its tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let Some(bytes) = &self.tensors else { return Vec::new() };
        let file = SafeTensors::deserialize(bytes).expect("goldens are well-formed");
        let mut names: Vec<String> =
            file.names().into_iter().map(|name| name.to_string()).collect();
        names.sort();
        names
    }

    /// Returns true if it has a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.names().iter().any(|other| other == name)
    }

    /// Returns the shape and the values of a float32 tensor, row-major.
    #[track_caller]
    pub fn f32(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        self.values(name, Dtype::F32, f32::from_le_bytes)
    }

    /// Returns the shape and the values of an int64 tensor, row-major.
    #[track_caller]
    pub fn i64(&self, name: &str) -> (Vec<usize>, Vec<i64>) {
        self.values(name, Dtype::I64, i64::from_le_bytes)
    }

    /// Returns the shape and the values of an int64 tensor of ids or codes, row-major.
    #[track_caller]
    pub fn u32(&self, name: &str) -> (Vec<usize>, Vec<u32>) {
        let (shape, values) = self.i64(name);
        let narrow = |value| u32::try_from(value).unwrap_or_else(|_| panic!("{name}: {value}"));
        (shape, values.into_iter().map(narrow).collect())
    }

    #[track_caller]
    fn values<T, const N: usize>(
        &self,
        name: &str,
        dtype: Dtype,
        read: fn([u8; N]) -> T,
    ) -> (Vec<usize>, Vec<T>) {
        self.with_tensor(name, |view| {
            assert_eq!(view.dtype(), dtype, "golden {}: dtype of {name}", self.name);
            let chunks = view.data().chunks_exact(N);
            let values = chunks.map(|chunk| read(chunk.try_into().expect("chunks of N")));
            (view.shape().to_vec(), values.collect())
        })
    }

    #[track_caller]
    fn with_tensor<T>(&self, name: &str, use_it: impl FnOnce(TensorView<'_>) -> T) -> T {
        let Some(bytes) = &self.tensors else { panic!("golden {} has no tensors", self.name) };
        let file = SafeTensors::deserialize(bytes).expect("goldens are well-formed");
        match file.tensor(name) {
            Ok(view) => use_it(view),
            Err(_) => panic!("golden {}: no tensor {name}, it has {:?}", self.name, self.names()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_checkpoint_has_the_published_files() {
        for name in CHECKPOINTS {
            for file in crate::TempCheckpoint::FILES {
                assert!(checkpoint(name).join(file).is_file(), "{name}: {file}");
            }
        }
    }

    #[test]
    fn every_speech_golden_is_consistent() {
        for name in speech_goldens() {
            let golden = Golden::load(&name);
            let (shape, codes) = golden.u32("codes");
            assert_eq!(shape, [golden.number("frames"), 16], "{name}");
            assert!(codes.iter().all(|&code| code < 64), "{name}");
            let ended = golden.number("frames") < golden.number("max_frames");
            assert_eq!(golden.string("stop_reason") == "eos", ended, "{name}");
            checkpoint(golden.string("checkpoint"));
            for part in ["talker", "code_predictor"] {
                let margin = golden.request["smallest_margin"][part].as_f64();
                assert!(margin.is_some_and(|margin| margin > 1e-3), "{name}: {part} is a near tie");
            }
        }
    }

    #[test]
    fn one_speech_golden_ends_with_eos_and_one_is_long() {
        let goldens: Vec<Golden> = speech_goldens().iter().map(|name| Golden::load(name)).collect();
        assert!(goldens.iter().any(|golden| golden.string("stop_reason") == "eos"));
        assert!(goldens.iter().any(|golden| golden.number("frames") >= 100));
    }

    #[test]
    #[should_panic(expected = "no tensor nothing")]
    fn a_missing_tensor_is_named() {
        Golden::load("codec/stages").f32("nothing");
    }
}
