//! Weights that MLX quantised to 2, 3 and 5 bits are read, and written in full precision.

use std::fs;
use std::path::Path;

use qwen3_tts_convert::{ConvertOptions, Layout, convert};
use qwen3_tts_testkit::Golden;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

/// Writes a checkpoint of one layer `a`, as MLX packed it.
fn write_source(dir: &Path, golden: &Golden, (bits, group_size): (usize, usize), section: Value) {
    let part = |part: &str| format!("float32.{bits}.{group_size}.{part}");
    let (shape, words) = golden.u32(&part("packed"));
    let words: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    let mut tensors = vec![("a.weight", TensorView::new(Dtype::U32, shape, &words).unwrap())];
    let parts = ["scales", "biases"].map(|name| {
        let (shape, values) = golden.f32(&part(name));
        (name, shape, values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>())
    });
    for (name, shape, bytes) in &parts {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        tensors.push((if *name == "scales" { "a.scales" } else { "a.biases" }, view));
    }
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("model.safetensors"), safetensors::serialize(tensors, None).unwrap())
        .unwrap();
    let config = json!({ "model_type": "qwen3_tts", "quantization": section });
    fs::write(dir.join("config.json"), config.to_string()).unwrap();
}

#[test]
fn narrow_weights_have_the_values_that_mlx_gives_them() {
    let golden = Golden::load("operations/quantized_narrow");
    let options = ConvertOptions::default().layout(Layout::Pytorch);
    for bits in [2, 3, 5] {
        for group_size in [32, 64, 128] {
            let dir = tempfile::tempdir().unwrap();
            let (source, out) = (dir.path().join("source"), dir.path().join("out"));
            let section = json!({ "group_size": group_size, "bits": bits });
            write_source(&source, &golden, (bits, group_size), section);
            convert(&source, &out, &options, &mut |_| ()).unwrap();
            let bytes = fs::read(out.join("model.safetensors")).unwrap();
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let tensor = file.tensor("a.weight").unwrap();
            let (shape, expected) = golden.f32(&format!("float32.{bits}.{group_size}.dequantized"));
            assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F32, &shape[..]));
            let expected: Vec<u8> = expected.into_iter().flat_map(f32::to_le_bytes).collect();
            assert_eq!(tensor.data(), expected, "{bits} bits in groups of {group_size}");
            assert!(file.tensor("a.scales").is_err());
        }
    }
}

#[test]
fn a_shape_of_other_bits_than_the_configuration_says_is_refused() {
    let golden = Golden::load("operations/quantized_narrow");
    let dir = tempfile::tempdir().unwrap();
    let (source, out) = (dir.path().join("source"), dir.path().join("out"));
    // The shapes of 5 bits in groups of 64 are not those of 4 bits in any group size.
    write_source(&source, &golden, (5, 64), json!({ "group_size": 64, "bits": 4 }));
    let error = convert(&source, &out, &ConvertOptions::default(), &mut |_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("5 bits in groups of 64, but config.json says 4 bits"), "{text}");
}
