//! Quantised matrices in the layers: read as MLX reads them, refused by name if damaged.

use std::path::Path;

use qwen3_tts_nn::{
    Bits, Device, Dtype, Embedding, Error, Ids, Linear, Quantization, Rounding, Tensor, Weights,
};
use qwen3_tts_testkit::Golden;
use safetensors::Dtype as FileDtype;
use safetensors::tensor::TensorView;

struct Entry {
    name: String,
    dtype: FileDtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Entry {
    fn new(name: &str, dtype: FileDtype, shape: &[usize], bytes: Vec<u8>) -> Self {
        Self { name: name.to_owned(), dtype, shape: shape.to_vec(), bytes }
    }
}

fn write(path: &Path, entries: &[Entry]) -> Weights {
    let views = entries.iter().map(|entry| {
        let view = TensorView::new(entry.dtype, entry.shape.clone(), &entry.bytes).unwrap();
        (entry.name.as_str(), view)
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
    Weights::open(path).unwrap()
}

fn floats(values: &[f32], half: bool) -> (FileDtype, Vec<u8>) {
    match half {
        true => {
            let halves = values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes());
            (FileDtype::BF16, halves.collect())
        }
        false => (FileDtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
    }
}

/// Returns a layer `a` packed by MLX, and its weights dequantised by MLX.
fn layer(golden: &Golden, dtype: &str, bits: usize, group_size: usize) -> (Vec<Entry>, Vec<f32>) {
    let name = |part: &str| format!("{dtype}.{bits}.{group_size}.{part}");
    let (shape, words) = golden.u32(&name("packed"));
    let words = words.into_iter().flat_map(u32::to_le_bytes).collect();
    let mut entries = vec![Entry::new("a.weight", FileDtype::U32, &shape, words)];
    for part in ["scales", "biases"] {
        let (shape, values) = golden.f32(&name(part));
        let (dtype, bytes) = floats(&values, dtype == "bfloat16");
        entries.push(Entry::new(&format!("a.{part}"), dtype, &shape, bytes));
    }
    (entries, golden.f32(&name("dequantized")).1)
}

#[test]
fn layers_compute_with_the_weights_of_mlx() {
    Device::all().iter().for_each(assert_layers);
}

fn assert_layers(device: &Device) {
    println!("on {}", device.name());
    let kept = [(4, Dtype::Q4), (6, Dtype::Q6), (8, Dtype::Q8)];
    assert_layers_of(&Golden::load("operations/quantized"), &kept, device);
    let widened = [(2, Dtype::Q4), (3, Dtype::Q4), (5, Dtype::Q6)];
    assert_layers_of(&Golden::load("operations/quantized_narrow"), &widened, device);
}

fn assert_layers_of(golden: &Golden, widths: &[(usize, Dtype)], device: &Device) {
    let (rows, cols) = (golden.number("rows"), golden.number("cols"));
    let dir = tempfile::tempdir().unwrap();
    let x: Vec<f32> = (0..9 * cols).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
    let x = Tensor::from_vec(x, &[1, 9, cols], device);
    for &(bits, kept) in widths {
        for group_size in [32, 64, 128] {
            for dtype in ["float32", "bfloat16"] {
                let (entries, dequantized) = layer(golden, dtype, bits, group_size);
                let weights = write(&dir.path().join("quantized.safetensors"), &entries);
                let (a, place) = (weights.under("a"), format!("{bits} bits by {group_size}"));

                let table = Embedding::load(&a, rows, cols, device).unwrap();
                let ids = Ids::new(&[4, 0, 1, 2, 3, 4], device);
                let from = |row: usize| dequantized[row * cols..(row + 1) * cols].to_vec();
                let want: Vec<f32> = [4, 0, 1, 2, 3, 4].into_iter().flat_map(from).collect();
                assert_eq!(table.forward(&ids).to_vec(), want, "{place}");
                assert_eq!(table.weight().dtype(), kept);

                let linear = Linear::load(&a, cols, rows, device).unwrap();
                weights.finish(&[]).unwrap();
                let (dtype, bytes) = floats(&dequantized, false);
                let full = [Entry::new("weight", dtype, &[rows, cols], bytes)];
                let full = write(&dir.path().join("full.safetensors"), &full);
                let full = Linear::load(&full, cols, rows, device).unwrap();
                for tokens in [1, 2, 9] {
                    let x = x.narrow(1, 0, tokens);
                    let (got, want) = (linear.forward(&x).to_vec(), full.forward(&x).to_vec());
                    for (got, want) in got.iter().zip(&want) {
                        assert!((got - want).abs() < 1e-4, "{place}: {got} is not {want}");
                    }
                }
            }
        }
    }
}

/// Returns the error of loading the layer after `change`.
fn refusal(change: impl FnOnce(&mut Vec<Entry>)) -> Error {
    let golden = Golden::load("operations/quantized");
    let (mut entries, _) = layer(&golden, "bfloat16", 4, 64);
    change(&mut entries);
    let dir = tempfile::tempdir().unwrap();
    let weights = write(&dir.path().join("model.safetensors"), &entries);
    let error = Linear::load(&weights.under("a"), 256, 5, &Device::cpu(1)).err().unwrap();
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[test]
fn damaged_layers_are_refused_by_name() {
    for (index, name) in [(1, "a.scales"), (2, "a.biases")] {
        let error = refusal(|entries| {
            entries.remove(index);
        });
        assert!(
            matches!(&error, Error::MissingTensor { name: missing, .. } if missing == name),
            "{error}"
        );
        let error = refusal(|entries| entries[index].dtype = FileDtype::F16);
        assert!(
            matches!(&error, Error::TensorDtype { name: wrong, .. } if wrong == name),
            "{error}"
        );
    }
    // One and seven bits, and groups of 16, some of which MLX supports and this crate does not.
    for words in [8, 56] {
        let error = refusal(|entries| {
            let bytes = vec![0; 5 * words * 4];
            entries[0] = Entry::new("a.weight", FileDtype::U32, &[5, words], bytes);
        });
        let text = error.to_string();
        assert!(text.contains("`a.weight`") && text.contains(&format!("[5, {words}]")), "{text}");
        assert!(
            text.contains("[5, 40] or [5, 48] or [5, 64] for 2, 3, 4, 5, 6 or 8 bits"),
            "{text}"
        );
    }
    let error = refusal(|entries| {
        entries[1] = Entry::new("a.scales", FileDtype::BF16, &[5, 16], vec![0; 160]);
    });
    assert!(
        matches!(&error, Error::QuantizedShape { name, found, .. }
        if name == "a.scales" && found == &[5, 16]),
        "{error}"
    );
    let error = refusal(|entries| {
        entries[2] = Entry::new("a.biases", FileDtype::BF16, &[5, 8], vec![0; 80]);
    });
    assert!(matches!(&error, Error::TensorShape { name, .. } if name == "a.biases"), "{error}");
    let error = refusal(|entries| {
        entries[2] = Entry::new("a.biases", FileDtype::F32, &[5, 4], vec![0; 80]);
    });
    assert!(error.to_string().contains("`a.biases` has dtype F32, expected BF16 as"), "{error}");
    let error = refusal(|entries| entries[0].dtype = FileDtype::I32);
    assert!(error.to_string().contains("`a.weight` has dtype I32, expected U32"), "{error}");
}

#[test]
fn columns_that_are_not_whole_groups_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let entries = [
        Entry::new("weight", FileDtype::U32, &[2, 6], vec![0; 48]),
        Entry::new("scales", FileDtype::F32, &[2, 1], vec![0; 8]),
        Entry::new("biases", FileDtype::F32, &[2, 1], vec![0; 8]),
    ];
    let weights = write(&dir.path().join("model.safetensors"), &entries);
    let error = Linear::load(&weights, 48, 2, &Device::cpu(1)).err().unwrap();
    assert!(error.to_string().contains("`scales`"), "{error}");
}

#[test]
fn layers_quantised_at_load_equal_those_packed_by_mlx() {
    let golden = Golden::load("operations/quantized");
    let (rows, cols) = (golden.number("rows"), golden.number("cols"));
    let (dtype, bytes) = floats(&golden.f32("weights").1, true);
    let dir = tempfile::tempdir().unwrap();
    let full = [Entry::new("a.weight", dtype, &[rows, cols], bytes)];
    let full = write(&dir.path().join("full.safetensors"), &full);
    let x: Vec<f32> = (0..3 * cols).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
    for device in Device::all() {
        let x = Tensor::from_vec(x.clone(), &[1, 3, cols], &device);
        let y = |weights: &Weights| {
            let linear = Linear::load(&weights.under("a"), cols, rows, &device).unwrap();
            (linear.weight().dtype(), linear.forward(&x).to_vec())
        };
        for (bits, kept) in
            [(Bits::Four, Dtype::Q4), (Bits::Six, Dtype::Q6), (Bits::Eight, Dtype::Q8)]
        {
            let (entries, _) = layer(&golden, "bfloat16", bits.get(), 64);
            let packed = write(&dir.path().join("packed.safetensors"), &entries);
            let policy = Quantization::none().under("a.", Some(bits)).rounding(Rounding::Nearest);
            let read = full.clone().quantize(policy);
            assert_eq!(y(&read), y(&packed), "{bits:?} on {}", device.name());
            assert_eq!(y(&read).0, kept);
            // The file's pages were given back to the system, and can still be read.
            assert_eq!(y(&full).0, Dtype::Bf16);
            let table = Embedding::load(&read.under("a"), rows, cols, &device).unwrap();
            assert_eq!(table.weight().dtype(), Dtype::Bf16);
        }
    }
}

#[test]
fn the_prefix_given_last_decides() {
    let dir = tempfile::tempdir().unwrap();
    let entry = |name: &str, cols: usize| {
        let (dtype, bytes) = floats(&vec![0.5; 2 * cols], true);
        Entry::new(name, dtype, &[2, cols], bytes)
    };
    let entries = [
        entry("a.b.c.weight", 64),
        entry("a.d.weight", 64),
        entry("a.narrow.weight", 96),
        entry("e.weight", 64),
    ];
    let policy = Quantization::none()
        .under("a.", Some(Bits::Four))
        .under("a.b.", Some(Bits::Eight))
        .under("e.", Some(Bits::Four))
        .under("e.", None);
    let weights = write(&dir.path().join("model.safetensors"), &entries).quantize(policy);
    let dtype = |name: &str, cols| {
        let linear = Linear::load(&weights.under(name), cols, 2, &Device::cpu(1)).unwrap();
        linear.weight().dtype()
    };
    assert_eq!(dtype("a.b.c", 64), Dtype::Q8);
    assert_eq!(dtype("a.d", 64), Dtype::Q4);
    assert_eq!(dtype("a.narrow", 96), Dtype::Bf16, "groups of 64 don't divide it");
    assert_eq!(dtype("e", 64), Dtype::Bf16);
}

#[test]
fn quantised_layers_are_not_quantised_again() {
    let golden = Golden::load("operations/quantized");
    let (entries, _) = layer(&golden, "bfloat16", 8, 64);
    let dir = tempfile::tempdir().unwrap();
    let weights = write(&dir.path().join("model.safetensors"), &entries);
    let load = |bits| {
        let weights = weights.clone().quantize(Quantization::none().under("", Some(bits)));
        Linear::load(&weights.under("a"), 256, 5, &Device::cpu(1))
    };
    assert_eq!(load(Bits::Eight).unwrap().weight().dtype(), Dtype::Q8);
    let (entries, _) = layer(&Golden::load("operations/quantized_narrow"), "bfloat16", 3, 64);
    let narrow = write(&dir.path().join("narrow.safetensors"), &entries);
    let narrow = narrow.quantize(Quantization::none().under("", Some(Bits::Four)));
    let error = Linear::load(&narrow.under("a"), 256, 5, &Device::cpu(1)).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("`a.weight` is quantised to 3 bits already"), "{text}");
    let error = load(Bits::Four).err().unwrap().to_string();
    assert!(error.contains("`a.weight` is quantised to 8 bits already"), "{error}");
}

#[test]
fn scales_and_biases_that_are_not_finite_are_refused_by_name() {
    let golden = Golden::load("operations/quantized");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    for (part, name) in [(1, "a.scales"), (2, "a.biases")] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (mut entries, _) = layer(&golden, "bfloat16", 4, 64);
            entries[part].bytes[6..8].copy_from_slice(&half::bf16::from_f32(bad).to_le_bytes());
            let a = write(&path, &entries).under("a");
            for error in [
                Linear::load(&a, 256, 5, &Device::cpu(1)).err().unwrap(),
                Embedding::load(&a, 5, 256, &Device::cpu(1)).err().unwrap(),
            ] {
                let is_named =
                    matches!(&error, Error::NonFiniteTensor { name: n, index: 3, .. } if n == name);
                assert!(is_named && error.to_string().contains(name), "{error}");
            }
        }
    }
}

#[test]
fn weights_that_are_not_finite_are_not_quantised() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = vec![0.5; 2 * 128];
        values[200] = bad;
        let (dtype, bytes) = floats(&values, true);
        let weights = write(&path, &[Entry::new("a.weight", dtype, &[2, 128], bytes)]);
        let weights = weights.quantize(Quantization::none().under("", Some(Bits::Four)));
        let error = Linear::load(&weights.under("a"), 128, 2, &Device::cpu(1)).err().unwrap();
        assert!(matches!(error, Error::NonFiniteTensor { index: 200, .. }), "{error}");
    }
}

/// Scales that are finite numbers, of weights that are not.
#[test]
fn weights_that_overflow_make_outputs_that_are_not_finite() {
    let golden = Golden::load("operations/quantized");
    let dir = tempfile::tempdir().unwrap();
    for device in Device::all() {
        let (mut entries, _) = layer(&golden, "float32", 8, 64);
        for scale in entries[1].bytes.chunks_exact_mut(4) {
            scale.copy_from_slice(&f32::MAX.to_le_bytes());
        }
        let weights = write(&dir.path().join("model.safetensors"), &entries);
        let linear = Linear::load(&weights.under("a"), 256, 5, &device).unwrap();
        for tokens in [1, 9] {
            let x = Tensor::from_vec(vec![1.0; tokens * 256], &[1, tokens, 256], &device);
            let y = linear.forward(&x);
            assert!(matches!(y.to_finite_vec("y"), Err(Error::NonFinite { what: "y" })));
        }
    }
}
