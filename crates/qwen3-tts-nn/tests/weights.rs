//! Reading checkpoints, and the errors of damaged ones.

use std::fs;
use std::path::Path;

use qwen3_tts_nn::{Device, Dtype, Error, Weights};
use qwen3_tts_testkit::{Damage, TempCheckpoint, checkpoint};
use safetensors::tensor::TensorView;

fn write(path: &Path, tensors: &[(&str, safetensors::Dtype, &[usize], Vec<u8>)]) {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (*name, TensorView::new(*dtype, shape.to_vec(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn bf16s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect()
}

#[test]
fn tensors_are_read_in_their_own_dtype() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    write(
        &path,
        &[
            ("a.weight", safetensors::Dtype::BF16, &[2, 2], bf16s(&[1.0, 2.0, 3.0, -4.0])),
            ("a.bias", safetensors::Dtype::F32, &[2], f32s(&[0.1, 0.2])),
        ],
    );
    let device = Device::cpu(1);
    for weights in [Weights::open(&path).unwrap(), Weights::open(dir.path()).unwrap()] {
        let a = weights.under("a");
        assert_eq!(a.to_vec("weight", &[2, 2]).unwrap(), [1.0, 2.0, 3.0, -4.0]);
        assert_eq!(a.tensor("bias", &[2], &device).unwrap().to_vec(), [0.1, 0.2]);
        assert_eq!(a.table("weight", 2, 2, &device).unwrap().dtype(), Dtype::Bf16);
        weights.finish(&[]).unwrap();
    }
}

#[test]
fn shards_are_read_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let shard = |i, name: &str, value| {
        let file = dir.path().join(format!("model-{i}-of-2.safetensors"));
        write(&file, &[(name, safetensors::Dtype::F32, &[1], f32s(&[value]))]);
    };
    shard(1, "a", 1.0);
    shard(2, "b", 2.0);
    let index = dir.path().join("model.safetensors.index.json");
    let map =
        r#"{"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}"#;
    fs::write(&index, map).unwrap();
    let weights = Weights::open(dir.path()).unwrap();
    assert_eq!(weights.to_vec("a", &[1]).unwrap(), [1.0]);
    assert_eq!(weights.to_vec("b", &[1]).unwrap(), [2.0]);

    shard(2, "a", 2.0);
    let error = Weights::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("`a` is also in another shard"), "{error}");

    for (index_json, complaint) in [
        ("{", "index.json"),
        ("{}", "weight_map"),
        (r#"{"weight_map": {"a": 3}}"#, "not a string"),
        (r#"{"weight_map": {"a": "../secret"}}"#, "not a file name"),
        (r#"{"weight_map": {"a": "gone.safetensors"}}"#, "gone.safetensors"),
    ] {
        fs::write(&index, index_json).unwrap();
        let error = Weights::open(dir.path()).err().unwrap().to_string();
        assert!(error.contains(complaint), "{error}");
    }

    fs::write(&index, map).unwrap();
    fs::rename(
        dir.path().join("model-2-of-2.safetensors"),
        dir.path().join("model-2-of-2.safetensors.incomplete"),
    )
    .unwrap();
    let error = Weights::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("model-2-of-2.safetensors is missing: its download did not finish"));
}

#[test]
fn a_wrong_tensor_is_named_with_what_was_expected_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let f16 = vec![0; 4];
    write(
        &path,
        &[
            ("layer.shape", safetensors::Dtype::F32, &[2], f32s(&[1.0, 2.0])),
            ("layer.dtype", safetensors::Dtype::F16, &[2], f16),
        ],
    );
    let weights = Weights::open(&path).unwrap();
    let layer = weights.under("layer");
    let error = layer.to_vec("shape", &[3]).unwrap_err();
    assert!(
        matches!(&error, Error::TensorShape { expected, found, .. }
        if expected == &[3] && found == &[2]),
        "{error}"
    );
    let error = layer.to_vec("dtype", &[2]).unwrap_err();
    assert!(matches!(&error, Error::TensorDtype { found, .. } if found == "F16"), "{error}");
    let error = layer.to_vec("gone", &[2]).unwrap_err();
    assert!(matches!(&error, Error::MissingTensor { name, .. } if name == "layer.gone"), "{error}");
    layer.to_vec("shape", &[2]).unwrap();
    let error = weights.finish(&[]).unwrap_err();
    assert!(
        matches!(&error, Error::UnknownTensors { name, count: 1, .. } if name == "layer.dtype")
    );
    weights.finish(&["layer.d"]).unwrap();
    weights.under("layer").finish(&["d"]).unwrap();
    assert!(weights.under("layer").finish(&["layer.d"]).is_err());
    weights.under("head").finish(&[]).unwrap();
}

#[test]
fn buffers_that_follow_from_the_configuration_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let refused = |names: &[&str]| {
        let tensor = |name| (name, safetensors::Dtype::I64, &[1][..], vec![0; 8]);
        write(&path, &names.iter().copied().map(tensor).collect::<Vec<_>>());
        Weights::open(&path).unwrap().finish(&[]).err().map(|error| error.to_string())
    };
    let derived = [
        "talker.model.rotary_emb.inv_freq",
        "talker.code_predictor.model.rotary_emb.inv_freq",
        "talker.model.rotary_emb.original_inv_freq",
        "talker.model.layers.0.self_attn.rotary_emb.cos_cached",
        "encoder.embeddings.position_ids",
        "speaker_encoder.blocks.0.norm.num_batches_tracked",
    ];
    assert_eq!(refused(&derived), None);
    for unknown in [
        "talker.model.rotary_emb.freq",
        "talker.inv_freq.weight",
        "talker.my_position_ids",
        "lora_A.weight",
    ] {
        let names = [&derived[..], &[unknown]].concat();
        let error = refused(&names).unwrap();
        assert!(error.contains("1 tensors") && error.contains(unknown), "{error}");
    }
}

#[test]
fn other_files_are_refused() {
    for damage in [
        Damage::Missing,
        Damage::Empty,
        Damage::Truncated(7),
        Damage::Truncated(100),
        Damage::Halved,
        Damage::Zeroed,
        Damage::HeaderLength(u64::MAX),
        Damage::HeaderLength(1 << 40),
        Damage::HeaderLength(3),
    ] {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        copy.damage("model.safetensors", &damage);
        let error = Weights::open(copy.path()).err().unwrap().to_string();
        assert!(error.contains("model.safetensors") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_tensor_at_an_odd_address_is_read() {
    // The header's length is padded by hand to an odd number.
    let header = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let header = format!("{header}{}", " ".repeat(1 + header.len() % 2));
    assert_eq!(header.len() % 2, 1);
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(f32s(&[1.5, -2.5]));
    let weights = Weights::from_static("odd", bytes.leak()).unwrap();
    assert_eq!(weights.to_vec("a", &[2]).unwrap(), [1.5, -2.5]);
    assert_eq!(
        weights.table("a", 1, 2, &Device::cpu(1)).err().map(|e| e.to_string()).unwrap(),
        "odd: tensor `a` has shape [2], but config.json asks for [1, 2]; do the weights and config.json belong together?"
    );
}

#[test]
fn infos_list_every_tensor() {
    let weights = Weights::open(checkpoint("custom_voice_0b6")).unwrap();
    let infos: Vec<_> = weights.infos().collect();
    assert!(infos.iter().any(|t| t.name == "talker.codec_head.weight" && t.dtype == "BF16"));
    assert!(infos.len() > 50);
}

#[test]
fn values_that_are_not_finite_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let device = Device::cpu(1);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = vec![1.0; 5000];
        (values[4321], values[4999]) = (bad, f32::NAN);
        let tensors = [
            ("a.full", safetensors::Dtype::F32, &[5000][..], f32s(&values)),
            ("a.half", safetensors::Dtype::BF16, &[5000][..], bf16s(&values)),
        ];
        write(&path, &tensors);
        let weights = Weights::open(&path).unwrap().under("a");
        for name in ["full", "half"] {
            for error in [
                weights.tensor(name, &[5000], &device).err().unwrap(),
                weights.to_vec(name, &[5000]).unwrap_err(),
            ] {
                let message = error.to_string();
                let expected = format!("`a.{name}` has {bad} at index 4321");
                assert!(message.contains(&expected), "{message}");
                assert!(message.contains("model.safetensors"), "{message}");
            }
        }
    }
}
