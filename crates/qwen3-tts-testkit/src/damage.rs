//! Copies of tiny checkpoints, and ways to damage their files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::checkpoint;

/// A writable copy of a tiny checkpoint, deleted when dropped.
pub struct TempCheckpoint {
    folder: tempfile::TempDir,
}

/// A way to damage one file.
#[derive(Clone, Debug)]
pub enum Damage {
    /// The file is missing.
    Missing,
    /// The file is empty.
    Empty,
    /// The file ends after this many bytes.
    Truncated(usize),
    /// The file is cut in half.
    Halved,
    /// All bytes of the file are zero.
    Zeroed,
    /// The file is replaced by these bytes.
    Replaced(Vec<u8>),
    /// The first eight bytes of a safetensors file claim a header of this length.
    HeaderLength(u64),
    /// A safetensors file lacks this tensor; its bytes remain, under the name `unused`.
    DropTensor(String),
    /// A safetensors file gives this tensor another shape; its bytes remain.
    Shape(String, Vec<usize>),
    /// A safetensors file gives this tensor another dtype, and a shape with the same size in bytes.
    Dtype(String, String),
    /// A JSON file lacks the field at this pointer (`/talker_config/hidden_size`).
    DropField(String),
    /// A JSON file has this value at this pointer.
    Field(String, Value),
}

impl TempCheckpoint {
    /// Names of all files of a checkpoint.
    pub const FILES: [&str; 10] = [
        "config.json",
        "generation_config.json",
        "preprocessor_config.json",
        "tokenizer_config.json",
        "vocab.json",
        "merges.txt",
        "model.safetensors",
        "speech_tokenizer/config.json",
        "speech_tokenizer/preprocessor_config.json",
        "speech_tokenizer/model.safetensors",
    ];

    /// Copies the tiny checkpoint `name`.
    #[track_caller]
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        copy(&checkpoint(name), folder.path());
        Self { folder }
    }

    /// Returns the directory of the copy.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Damages one of its files.
    #[track_caller]
    pub fn damage(&self, file: &str, damage: &Damage) {
        let path = self.file(file);
        if matches!(damage, Damage::Missing) {
            return fs::remove_file(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        fs::write(&path, damaged(bytes, damage)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).expect("the fixtures can be listed") {
        let entry = entry.expect("the fixtures can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

#[track_caller]
fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    match damage {
        Damage::Missing | Damage::Empty => Vec::new(),
        Damage::Truncated(length) => {
            bytes.truncate(*length);
            bytes
        }
        Damage::Halved => {
            bytes.truncate(bytes.len() / 2);
            bytes
        }
        Damage::Zeroed => vec![0; bytes.len()],
        Damage::Replaced(other) => other.clone(),
        Damage::HeaderLength(length) => {
            bytes[..8].copy_from_slice(&length.to_le_bytes());
            bytes
        }
        Damage::DropTensor(name) => edit_header(&bytes, |header| {
            let entry = header.remove(name).unwrap_or_else(|| panic!("no tensor {name}"));
            header.insert("unused".to_owned(), entry);
        }),
        Damage::Shape(name, shape) => {
            edit_header(&bytes, |header| tensor(header, name)["shape"] = json!(shape))
        }
        Damage::Dtype(name, dtype) => edit_header(&bytes, |header| redtype(header, name, dtype)),
        Damage::DropField(pointer) => edit_json(&bytes, |root| {
            let (parent, field) = pointer.rsplit_once('/').expect("a JSON pointer");
            let parent = root.pointer_mut(parent).and_then(Value::as_object_mut);
            let removed = parent.and_then(|parent| parent.remove(field));
            assert!(removed.is_some(), "no field {pointer}");
        }),
        Damage::Field(pointer, value) => edit_json(&bytes, |root| {
            let field = root.pointer_mut(pointer);
            *field.unwrap_or_else(|| panic!("no field {pointer}")) = value.clone();
        }),
    }
}

#[track_caller]
fn tensor<'a>(header: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    header.get_mut(name).unwrap_or_else(|| panic!("no tensor {name}"))
}

/// Changes the dtype of a tensor, and its last dimension, so that the file stays well-formed.
#[track_caller]
fn redtype(header: &mut Map<String, Value>, name: &str, dtype: &str) {
    let entry = tensor(header, name);
    let size = |dtype: &str| match dtype {
        "I64" | "F64" => 8,
        "F32" | "I32" | "U32" => 4,
        "BF16" | "F16" => 2,
        _ => 1,
    };
    let old = size(entry["dtype"].as_str().expect("a tensor has a dtype"));
    let shape = entry["shape"].as_array_mut().expect("a tensor has a shape");
    let last = shape.last_mut().expect("a tensor with a dimension");
    let bytes = last.as_u64().expect("sizes are integers") * old;
    assert_eq!(bytes % size(dtype), 0, "{name} cannot be read as {dtype}");
    *last = json!(bytes / size(dtype));
    entry["dtype"] = json!(dtype);
}

#[track_caller]
fn edit_header(bytes: &[u8], edit: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let mut header: Map<String, Value> =
        serde_json::from_slice(&bytes[8..8 + length]).expect("a safetensors header");
    edit(&mut header);
    let mut text = serde_json::to_vec(&header).expect("a header can be written");
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend(text);
    out.extend_from_slice(&bytes[8 + length..]);
    out
}

#[track_caller]
fn edit_json(bytes: &[u8], edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut root = serde_json::from_slice(bytes).expect("a JSON file");
    edit(&mut root);
    serde_json::to_vec_pretty(&root).expect("JSON can be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::{Dtype, SafeTensors};

    const MODEL: &str = "model.safetensors";
    const NORM: &str = "talker.model.norm.weight";

    fn after(damage: Damage) -> Vec<u8> {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        copy.damage(MODEL, &damage);
        fs::read(copy.file(MODEL)).expect("a file")
    }

    #[test]
    fn a_copy_is_equal_and_is_deleted_on_drop() {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        let path = copy.path().to_owned();
        for file in TempCheckpoint::FILES {
            let original = fs::read(checkpoint("custom_voice_0b6").join(file)).expect("a file");
            assert_eq!(fs::read(copy.file(file)).expect("a file"), original, "{file}");
        }
        drop(copy);
        assert!(!path.exists());
    }

    #[test]
    fn tensors_can_be_dropped_reshaped_and_retyped() {
        let bytes = after(Damage::DropTensor(NORM.to_owned()));
        let file = SafeTensors::deserialize(&bytes).expect("well-formed");
        assert!(file.tensor(NORM).is_err() && file.tensor("unused").is_ok());

        let bytes = after(Damage::Shape(NORM.to_owned(), vec![8, 8]));
        let file = SafeTensors::deserialize(&bytes).expect("well-formed");
        assert_eq!(file.tensor(NORM).expect("there").shape(), [8, 8]);

        let bytes = after(Damage::Dtype(NORM.to_owned(), "F32".to_owned()));
        let file = SafeTensors::deserialize(&bytes).expect("well-formed");
        let view = file.tensor(NORM).expect("there");
        assert_eq!((view.dtype(), view.shape()), (Dtype::F32, &[32][..]));
    }

    #[test]
    fn files_can_be_cut_emptied_and_lie_about_their_header() {
        let whole = fs::read(checkpoint("custom_voice_0b6").join(MODEL)).expect("a file").len();
        assert_eq!(after(Damage::Empty).len(), 0);
        assert_eq!(after(Damage::Truncated(5)).len(), 5);
        assert_eq!(after(Damage::Halved).len(), whole / 2);
        assert!(after(Damage::Zeroed).iter().all(|&byte| byte == 0));
        let lying = after(Damage::HeaderLength(u64::MAX));
        assert_eq!(lying[..8], [255; 8]);
        assert!(SafeTensors::deserialize(&lying).is_err());
    }

    #[test]
    fn fields_can_be_dropped_and_changed() {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        copy.damage("config.json", &Damage::DropField("/talker_config/hidden_size".into()));
        copy.damage("config.json", &Damage::Field("/tts_model_type".into(), json!("singing")));
        let text = fs::read(copy.file("config.json")).expect("a file");
        let root: Value = serde_json::from_slice(&text).expect("JSON");
        assert!(root["talker_config"].get("hidden_size").is_none());
        assert_eq!(root["tts_model_type"], "singing");
    }
}
