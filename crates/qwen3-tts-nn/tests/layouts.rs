//! Convolutions read from PyTorch's layout and from MLX's are the same.

use std::collections::HashMap;
use std::path::Path;

use qwen3_tts_nn::{
    CausalConv1d, CausalConvTranspose1d, ConvConfig, Device, Error, Linear, Tensor, Weights,
};
use safetensors::tensor::{Dtype, TensorView};

fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 211) as f32 / 100.0 - 1.0).collect()
}

/// Writes a file of `weight` and a bias of zeros, with or without MLX's `format`.
fn write(path: &Path, weight: &[f32], shape: [usize; 3], biases: usize, mlx: bool) -> Weights {
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let (weight, bias) = (bytes(weight), bytes(&vec![0.0; biases]));
    let views = [
        ("weight", TensorView::new(Dtype::F32, shape.to_vec(), &weight).unwrap()),
        ("bias", TensorView::new(Dtype::F32, vec![biases], &bias).unwrap()),
    ];
    let format = if mlx { "mlx" } else { "pt" };
    let facts = HashMap::from([("format".to_owned(), format.to_owned())]);
    std::fs::write(path, safetensors::serialize(views, Some(facts)).unwrap()).unwrap();
    Weights::open(path).unwrap()
}

/// Permutes the axes of `[a, b, c]`.
fn permute(x: &[f32], shape: [usize; 3], order: [usize; 3]) -> Vec<f32> {
    let strides = [shape[1] * shape[2], shape[2], 1];
    let [a, b, c] = order.map(|axis| shape[axis]);
    let at = |i: usize, j: usize, k: usize| {
        x[i * strides[order[0]] + j * strides[order[1]] + k * strides[order[2]]]
    };
    let mut y = Vec::new();
    for i in 0..a {
        for j in 0..b {
            y.extend((0..c).map(|k| at(i, j, k)));
        }
    }
    y
}

#[test]
fn a_convolution_is_the_same_from_both_layouts() {
    let (dir, device) = (tempfile::tempdir().unwrap(), Device::cpu(1));
    // The last one has as many taps as inputs: only the file's `format` tells its axes apart.
    for (out, input, taps) in [(6, 4, 3), (5, 1, 7), (5, 7, 1), (3, 5, 5)] {
        let published = values(out * input * taps);
        let mlx = permute(&published, [out, input, taps], [0, 2, 1]);
        let x = Tensor::from_vec(values(9 * input), &[1, 9, input], &device);
        let run = |weights: &Weights| {
            let conv =
                CausalConv1d::load(weights, ConvConfig::new(input, out, taps), &device).unwrap();
            weights.finish(&[]).unwrap();
            conv.step(&x, &mut conv.new_state()).to_vec()
        };
        let path = dir.path().join("model.safetensors");
        let want = run(&write(&path, &published, [out, input, taps], out, false));
        assert_eq!(run(&write(&path, &mlx, [out, taps, input], out, true)), want);
        if input != taps {
            // A shape that fits only one layout decides, whatever the file's `format`.
            assert_eq!(run(&write(&path, &mlx, [out, taps, input], out, false)), want);
            assert_eq!(run(&write(&path, &published, [out, input, taps], out, true)), want);
        } else {
            assert_ne!(run(&write(&path, &mlx, [out, taps, input], out, false)), want);
        }
    }
}

#[test]
fn a_transposed_convolution_is_the_same_from_both_layouts() {
    let (dir, device) = (tempfile::tempdir().unwrap(), Device::cpu(1));
    // In the second one the axes of both layouts have the same lengths.
    for (input, out, taps, stride) in [(4, 3, 6, 2), (4, 4, 4, 2)] {
        let published = values(input * out * taps);
        let mlx = permute(&published, [input, out, taps], [1, 2, 0]);
        let x = Tensor::from_vec(values(5 * input), &[1, 5, input], &device);
        let run = |weights: &Weights| {
            let conv =
                CausalConvTranspose1d::load(weights, input, out, taps, stride, &device).unwrap();
            conv.step(&x, &mut conv.new_state()).to_vec()
        };
        let path = dir.path().join("model.safetensors");
        let want = run(&write(&path, &published, [input, out, taps], out, false));
        assert_eq!(run(&write(&path, &mlx, [out, taps, input], out, true)), want);
    }
}

#[test]
fn one_tap_is_a_matrix_in_both_layouts() {
    let (dir, device) = (tempfile::tempdir().unwrap(), Device::cpu(1));
    let (weight, x) = (values(15), Tensor::from_vec(values(10), &[1, 2, 5], &device));
    let path = dir.path().join("model.safetensors");
    let run = |weights: &Weights| {
        Linear::load_pointwise(weights, 5, 3, &device).unwrap().forward(&x).to_vec()
    };
    let want = run(&write(&path, &weight, [3, 5, 1], 3, false));
    assert_eq!(run(&write(&path, &weight, [3, 1, 5], 3, true)), want);
}

#[test]
fn a_shape_of_neither_layout_is_refused_in_the_layout_of_the_file() {
    let (dir, device) = (tempfile::tempdir().unwrap(), Device::cpu(1));
    let path = dir.path().join("model.safetensors");
    for (mlx, asked) in [(false, [6, 4, 3]), (true, [6, 3, 4])] {
        let weights = write(&path, &values(60), [6, 5, 2], 6, mlx);
        let error = CausalConv1d::load(&weights, ConvConfig::new(4, 6, 3), &device).err().unwrap();
        assert!(
            matches!(&error, Error::TensorShape { expected, found, .. }
            if expected == &asked && found == &[6, 5, 2]),
            "{error}"
        );
    }
}
