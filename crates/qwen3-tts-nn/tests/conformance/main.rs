//! Every operation on every device that is compiled in, against plain formulas in float64.

mod attention;
mod choices;
mod convolutions;
mod layers;
mod operations;

use qwen3_tts_nn::{Device, Tensor, Weights};
use qwen3_tts_testkit::assert_close;
use safetensors::tensor::TensorView;

/// Tolerance of float32 arithmetic on values around 1.
const TOLERANCE: f32 = 2e-5;

/// Runs a check on every device, and prints its name.
fn on_every_device(check: impl Fn(&Device)) {
    for device in Device::all() {
        println!("on {}", device.name());
        check(&device);
    }
}

/// Returns reproducible pseudo-random values between −1 and 1.
fn noise(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// Returns [`noise`] rounded to bf16, so that both data types give the same tensor.
fn noise_in_bf16(n: usize, seed: u32) -> Vec<f32> {
    noise(n, seed).into_iter().map(|v| half::bf16::from_f32(v).to_f32()).collect()
}

/// Returns weights in float32, or in bf16.
fn weights(tensors: &[(&str, &[usize], &[f32])], bf16: bool) -> Weights {
    let bytes = |values: &[f32]| -> Vec<u8> {
        match bf16 {
            true => values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect(),
            false => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    };
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, _, values)| bytes(values)).collect();
    let dtype = if bf16 { safetensors::Dtype::BF16 } else { safetensors::Dtype::F32 };
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (*name, TensorView::new(dtype, shape.to_vec(), bytes).unwrap())
    });
    let file = safetensors::serialize(views, None).unwrap();
    Weights::from_static("test", file.leak()).unwrap()
}

/// Returns a tensor `[1, time, channels]`.
fn tensor(values: &[f32], channels: usize, device: &Device) -> Tensor {
    Tensor::from_vec(values.to_vec(), &[1, values.len() / channels, channels], device)
}

#[track_caller]
fn assert_formula(actual: &Tensor, expected: impl IntoIterator<Item = f64>) {
    let expected: Vec<f32> = expected.into_iter().map(|v| v as f32).collect();
    assert_close(&actual.to_vec(), &expected, TOLERANCE);
}

fn doubled(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn the_cpu_comes_first() {
    let names: Vec<&str> = Device::all().iter().map(Device::name).collect();
    assert_eq!(names[0], "cpu");
    match Device::mlx() {
        Ok(_) => assert_eq!(names, ["cpu", "mlx"]),
        Err(error) => {
            assert_eq!(names, ["cpu"]);
            assert!(error.to_string().contains("`mlx` is not available"), "{error}");
        }
    }
}
