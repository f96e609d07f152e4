//! Files of `torch.save`: those that PyTorch itself wrote, whole checkpoints of them, damaged and
//! hostile ones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use qwen3_tts_convert::{ConvertOptions, Converted, Error, Layout};
use qwen3_tts_testkit::{Golden, checkpoint, fixtures_dir};
use safetensors::{Dtype, SafeTensors};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::{convert, converted, infos, quantized};

/// An archive as `torch.save` writes it.
fn archive(path: &Path, pickle: &[u8], storages: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut add = |name: String, bytes: &[u8]| {
        zip.start_file(format!("archive/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    };
    add("data.pkl".into(), pickle);
    add("byteorder".into(), b"little");
    storages.iter().for_each(|(key, bytes)| add(format!("data/{key}"), bytes));
    zip.finish().unwrap();
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn int(value: usize) -> Vec<u8> {
    [&[0x8a, 8], &value.to_le_bytes()[..]].concat()
}

fn tuple(items: &[usize]) -> Vec<u8> {
    [b"(", &items.iter().flat_map(|item| int(*item)).collect::<Vec<u8>>()[..], b"t"].concat()
}

/// A call of `_rebuild_tensor_v2`.
fn tensor(
    kind: &str,
    key: &str,
    len: usize,
    at: usize,
    shape: &[usize],
    strides: &[usize],
) -> Vec<u8> {
    let kind = format!("ctorch\n{kind}\n");
    let storage =
        [b"(", &text("storage")[..], kind.as_bytes(), &text(key), &text("cpu"), &int(len), b"tQ"];
    let rest = [&int(at)[..], &tuple(shape), &tuple(strides), b"\x89}tR"];
    [b"ctorch._utils\n_rebuild_tensor_v2\n(", &storage.concat()[..], &rest.concat()].concat()
}

fn state_dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> =
        entries.iter().flat_map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [b"\x80\x02}(", &entries[..], b"u."].concat()
}

fn row_major(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect()
}

/// A directory with config.json and one file of weights.
fn folder(name: &str, write: impl FnOnce(&Path)) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), r#"{"model_type": "qwen3_tts"}"#).unwrap();
    write(&dir.path().join(name));
    dir
}

fn in_pytorch_layout() -> ConvertOptions {
    ConvertOptions::default().layout(Layout::Pytorch)
}

/// Converts to a directory that is then removed.
fn attempt(dir: &TempDir) -> Result<Converted, Error> {
    let output = tempfile::tempdir().unwrap();
    convert(dir.path(), &output.path().join("out"), &in_pytorch_layout())
}

fn refusal(dir: &TempDir) -> Error {
    attempt(dir).expect_err("it is refused")
}

fn complaint(dir: &TempDir) -> String {
    refusal(dir).to_string()
}

/// Data type, shape and bytes of each tensor of a `model.safetensors`.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn tensors(dir: &Path) -> Tensors {
    let bytes = fs::read(dir.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
        (name.to_owned(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
    };
    file.iter().map(tensor).collect()
}

#[test]
fn what_pytorch_wrote_is_read() {
    let golden = Golden::load("pickle/state_dict");
    for file in ["state_dict.bin", "state_dict_4.bin"] {
        let from = fixtures_dir().join("goldens/pickle").join(file);
        let dir = folder("weights.pt", |path| _ = fs::copy(from, path).unwrap());
        let tensors = tensors(&converted(dir.path(), &in_pytorch_layout()).path);
        let names: Vec<&String> = tensors.keys().collect();
        assert_eq!(names, golden.names().iter().collect::<Vec<_>>(), "{file}");
        for (name, (dtype, shape, bytes)) in &tensors {
            let (expected_shape, expected) = golden.f32(name);
            // float16 is read, but never written.
            let (written, values): (_, Vec<u8>) = match &golden.request["dtypes"][name] {
                kind if kind == "float32" || kind == "float16" => {
                    (Dtype::F32, expected.iter().flat_map(|v| v.to_le_bytes()).collect())
                }
                kind if kind == "bfloat16" => {
                    let halves = expected.iter().map(|v| half::bf16::from_f32(*v));
                    assert!(halves.clone().map(f32::from).eq(expected.iter().copied()), "{name}");
                    (Dtype::BF16, halves.flat_map(half::bf16::to_le_bytes).collect())
                }
                kind => panic!("{name}: {kind}"),
            };
            assert_eq!((*dtype, shape), (written, &expected_shape), "{file}: {name}");
            assert!(*bytes == values, "{file}: {name}");
        }
    }
}

/// A checkpoint whose weights are in files of `torch.save`, as many as `shards`.
fn pickled(name: &str, shards: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let published = checkpoint(name);
    fs::create_dir(dir.path().join("speech_tokenizer")).unwrap();
    for part in ["", "speech_tokenizer"] {
        let (from, to) = (published.join(part), dir.path().join(part));
        fs::copy(from.join("config.json"), to.join("config.json")).unwrap();
        let tensors = tensors(&from);
        let shards = if part.is_empty() { shards } else { 1 };
        let all: Vec<_> = tensors.iter().collect();
        let mut map = serde_json::Map::new();
        for (number, some) in all.chunks(all.len().div_ceil(shards)).enumerate() {
            let (mut entries, mut storages) = (Vec::new(), Vec::new());
            let keys: Vec<String> = (0..some.len()).map(|key| key.to_string()).collect();
            for ((name, (dtype, shape, bytes)), key) in some.iter().zip(&keys) {
                let (kind, size) = match dtype {
                    Dtype::BF16 => ("BFloat16Storage", 2),
                    Dtype::F32 => ("FloatStorage", 4),
                    other => panic!("{name}: {other:?}"),
                };
                let len = bytes.len() / size;
                entries.push((name.as_str(), tensor(kind, key, len, 0, shape, &row_major(shape))));
                storages.push((key.as_str(), bytes.as_slice()));
            }
            let file = match shards {
                1 => "pytorch_model.bin".to_owned(),
                _ => format!("pytorch_model-{number}.bin"),
            };
            archive(&to.join(&file), &state_dict(&entries), &storages);
            map.extend(some.iter().map(|(name, _)| ((*name).clone(), file.as_str().into())));
        }
        if shards > 1 {
            let index = serde_json::json!({"weight_map": map}).to_string();
            fs::write(to.join("pytorch_model.bin.index.json"), index).unwrap();
        }
    }
    dir
}

#[test]
fn a_pickled_checkpoint_becomes_what_it_was_in_safetensors() {
    for shards in [1, 3] {
        let pickled = pickled("base_0b6", shards);
        for options in [in_pytorch_layout(), quantized(4, 32)] {
            let expected = converted(&checkpoint("base_0b6"), &options);
            let actual = converted(pickled.path(), &options);
            for part in ["", "speech_tokenizer"] {
                let (actual, expected) = (actual.path.join(part), expected.path.join(part));
                assert_eq!(infos(&actual), infos(&expected), "{shards} {options:?} {part}");
                let equal = tensors(&actual) == tensors(&expected);
                assert!(equal, "{shards} {options:?} {part}");
                let left = fs::read_dir(&actual).unwrap().map(|e| e.unwrap().file_name());
                let left: Vec<_> = left.collect();
                assert!(!left.iter().any(|n| n.to_string_lossy().contains(".bin")), "{left:?}");
            }
        }
    }
}

#[test]
fn code_is_refused_by_its_name_and_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let witness = dir.path().join("ran");
    let command = format!("touch {}", witness.display());
    let call = |function: &str| [function.as_bytes(), b"(", &text(&command), b"tR"].concat();
    for (pickle, name) in [
        (call("cposix\nsystem\n"), "posix.system"),
        (call("c__builtin__\neval\n"), "__builtin__.eval"),
        (call("ctorch._utils\n_rebuild_tensor\n"), "torch._utils._rebuild_tensor"),
        ([&text("os")[..], &text("system"), b"\x93"].concat(), "os.system"),
        // The opcodes by which older pickles call.
        ([b"(", &text(&command)[..], b"ios\nsystem\n"].concat(), "opcode 0x69"),
        (b"(cos\nsystem\no".to_vec(), "os.system"),
    ] {
        let pickle = state_dict(&[("a", pickle)]);
        let dir = folder("model.pt", |path| archive(path, &pickle, &[]));
        let complaint = complaint(&dir);
        assert!(complaint.contains(name) && !complaint.contains('\n'), "{complaint}");
        let is_foreign = matches!(refusal(&dir), Error::ForeignGlobal { name: n, .. } if n == name);
        assert!(is_foreign || name.starts_with("opcode"), "{complaint}");
    }
    assert!(!witness.exists());
}

#[test]
fn tensors_beyond_their_storage_are_refused_by_name() {
    let huge = usize::MAX / 2;
    // Length of the storage, offset, shape, strides; the complaint.
    type Case<'a> = (usize, usize, &'a [usize], &'a [usize], &'a str);
    let cases: [Case<'_>; 10] = [
        (4, 1, &[4], &[1], "is more than its 4 numbers"),
        (4, 0, &[2, 3], &[3, 1], "is more than its 4 numbers"),
        (4, 0, &[2], &[4], "is more than its 4 numbers"),
        (4, huge, &[1], &[1], "is more than its 4 numbers"),
        (4, 0, &[huge, huge], &[1, 1], "is more than its 4 numbers"),
        (4, 0, &[2], &[huge], "is more than its 4 numbers"),
        (4, 0, &[huge], &[0], "entries share numbers"),
        (4, 0, &[2, 2], &[1, 1], "entries share numbers"),
        (5, 0, &[5], &[1], "16 bytes, expected 5 numbers"),
        (4, 0, &[1; 9], &[1; 9], "at most 8"),
    ];
    for (len, at, shape, strides, expected) in cases {
        let pickle = state_dict(&[("odd", tensor("FloatStorage", "0", len, at, shape, strides))]);
        let dir = folder("model.bin", |path| archive(path, &pickle, &[("0", &[0; 16])]));
        let complaint = complaint(&dir);
        assert!(complaint.contains(expected) && complaint.contains("`odd`"), "{complaint}");
    }
    // Nothing is nothing, wherever it is said to lie.
    let nothing = tensor("FloatStorage", "0", 4, huge, &[0, huge, huge], &[1, 1, 1]);
    let pickle = state_dict(&[("nothing", nothing)]);
    let dir = folder("model.bin", |path| archive(path, &pickle, &[("0", &[0; 16])]));
    let (_, shape, bytes) = &tensors(&converted(dir.path(), &in_pytorch_layout()).path)["nothing"];
    assert_eq!((shape.as_slice(), bytes.len()), (&[0, huge, huge][..], 0));

    let tied = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| i.to_string()).collect();
        let whole = tensor("FloatStorage", "0", 10_000, 0, &[10_000], &[1]);
        let pickle =
            state_dict(&names.iter().map(|n| (n.as_str(), whole.clone())).collect::<Vec<_>>());
        folder("model.bin", |path| archive(path, &pickle, &[("0", &[0; 40_000])]))
    };
    assert_eq!(attempt(&tied(3)).unwrap().tensors, 3);
    assert!(complaint(&tied(20)).contains("many times as large as the file"));
}

#[test]
fn what_is_no_archive_of_a_state_dict_is_refused() {
    let good = state_dict(&[("a", tensor("FloatStorage", "0", 4, 0, &[4], &[1]))]);
    let whole = |pickle: &[u8], storages: &[(&str, &[u8])]| {
        folder("model.bin", |path| archive(path, pickle, storages))
    };
    let raw = |bytes: &[u8]| folder("model.bin", |path| fs::write(path, bytes).unwrap());
    let nested = |n: usize| [vec![b')'; 1], vec![0x85; n], b".".to_vec()].concat();
    let compressed = |name: &str| {
        folder("model.bin", |path| {
            archive(path, &good, &[("0", &[0; 16])]);
            // The method of every entry of the central directory.
            let mut bytes = fs::read(path).unwrap();
            let at: Vec<usize> = bytes
                .windows(4)
                .enumerate()
                .filter_map(|(at, window)| (window == b"PK\x01\x02").then_some(at))
                .collect();
            for at in at {
                if bytes[at + 46..].starts_with(name.as_bytes()) {
                    bytes[at + 10] = 8;
                }
            }
            fs::write(path, bytes).unwrap();
        })
    };
    for (dir, expected) in [
        (raw(b""), "no archive"),
        (raw(b"no pickle at all"), "no archive"),
        (raw(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."), "before 1.6"),
        (whole(&good, &[]), "data/0"),
        (whole(b"", &[]), "at byte 0: expected 1 more bytes, found 0"),
        (whole(b"\x80\x02}", &[]), "expected 1 more bytes, found 0"),
        (whole(b"X\xff\xff\xff\xffab", &[]), "expected 4294967295 more bytes, found 2"),
        (whole(b"N.", &[]), "holds no state dict"),
        (whole(b"].", &[]), "holds no state dict"),
        (whole(b"(s.", &[]), "the stack is empty"),
        (whole(b"}((t0.", &[]), "opcode 0x30"),
        (whole(b"}h\x07.", &[]), "no value 7"),
        (whole(b"}K\x01K\x02s.", &[]), "no text"),
        (whole(&state_dict(&[("optimizer", b"}".to_vec())]), &[]), "`optimizer` is no tensor"),
        (whole(&nested(1_000_000), &[]), "holds no state dict"),
        (whole(&[vec![b'('; 1_000_000], b"t.".to_vec()].concat(), &[]), "holds no state dict"),
        (whole(&[vec![b'N'; 1 << 21], b".".to_vec()].concat(), &[]), "more than 1048576 values"),
        (compressed("archive/data.pkl"), "is compressed"),
        (compressed("archive/data/0"), "is compressed"),
    ] {
        let complaint = complaint(&dir);
        assert!(complaint.contains(expected), "expected {expected}: {complaint}");
    }
    let two = folder("a.bin", |path| archive(path, &good, &[("0", &[0; 16])]));
    fs::copy(two.path().join("a.bin"), two.path().join("b.pt")).unwrap();
    assert!(complaint(&two).contains("2 files that end in .bin, .pt or .pth, expected one"));
}

proptest! {
    /// No file brings the reader down: cut, or with bytes of other values.
    #[test]
    fn damage_is_an_error_or_other_tensors(
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = fs::read(fixtures_dir().join("goldens/pickle/state_dict.bin")).unwrap();
        for (at, value) in &changes {
            *at.get_mut(&mut bytes) = *value;
        }
        if changes.is_empty() {
            bytes.truncate(cut.index(bytes.len()));
        }
        let dir = folder("model.bin", |path| fs::write(path, &bytes).unwrap());
        match attempt(&dir) {
            Ok(converted) => {
                prop_assert!(!changes.is_empty() && converted.bytes <= 4 * bytes.len() as u64);
            }
            Err(error) => {
                let error = error.to_string();
                prop_assert!(error.contains("model.bin") && !error.contains('\n'), "{error}");
            }
        }
    }
}
