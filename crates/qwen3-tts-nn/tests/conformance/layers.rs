//! Matrices, tables, norms and codebooks.

use qwen3_tts_nn::{Codebook, Dtype, Embedding, Ids, LayerNorm, Linear, RmsNorm, Rope, Tensor};

use crate::{assert_formula, doubled, noise, noise_in_bf16, on_every_device, tensor, weights};

/// Computes `x·Wᵀ + b`.
fn linear(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let inputs = weight.len() / bias.len();
    let mut y = Vec::new();
    for x in x.chunks_exact(inputs) {
        for (row, bias) in weight.chunks_exact(inputs).zip(bias) {
            let products = row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x));
            y.push(products.sum::<f64>() + f64::from(*bias));
        }
    }
    y
}

#[test]
fn linear_layers_match_their_definition_in_both_types() {
    let (inputs, outputs) = (24, 10);
    let weight = noise_in_bf16(inputs * outputs, 1);
    let bias = noise_in_bf16(outputs, 2);
    on_every_device(|device| {
        for (bf16, dtype) in [(false, Dtype::F32), (true, Dtype::Bf16)] {
            let tensors: [(&str, &[usize], &[f32]); 2] =
                [("weight", &[outputs, inputs], &weight), ("bias", &[outputs], &bias)];
            let weights = weights(&tensors, bf16);
            let plain = Linear::load(&weights, inputs, outputs, device).unwrap();
            let biased = Linear::load_with_bias(&weights, inputs, outputs, device).unwrap();
            assert_eq!(plain.weight().dtype(), dtype);
            for time in [1, 7] {
                let x = noise(time * inputs, 3);
                let expected = linear(&x, &weight, &vec![0.0; outputs]);
                let expected_biased = linear(&x, &weight, &bias);
                let x = tensor(&x, inputs, device);
                assert_formula(&plain.forward(&x), expected.clone());
                assert_formula(&biased.forward(&x), expected_biased.clone());
                let [first, second] = Linear::forward_many([&plain, &biased], &x);
                assert_formula(&first, expected);
                assert_formula(&second, expected_biased);
            }
        }
    });
}

#[test]
fn an_embedding_gives_its_rows() {
    let table = noise_in_bf16(6 * 5, 1);
    let ids = [5, 0, 3, 3];
    on_every_device(|device| {
        for bf16 in [false, true] {
            let weights = weights(&[("weight", &[6, 5], &table)], bf16);
            let embedding = Embedding::load(&weights, 6, 5, device).unwrap();
            let rows = embedding.forward(&Ids::new(&ids, device));
            assert_eq!(rows.shape().dims(), [1, 4, 5]);
            let expected = ids.iter().flat_map(|id| &table[*id as usize * 5..][..5]);
            assert_eq!(rows.to_vec(), expected.copied().collect::<Vec<f32>>());
        }
        let outside = Embedding::from_vec(table.clone(), 6, 5, device);
        let look = std::panic::AssertUnwindSafe(|| outside.forward(&Ids::new(&[6], device)));
        assert!(std::panic::catch_unwind(look).is_err(), "an id outside the table");
    });
}

#[test]
fn norms_match_their_definitions() {
    let (channels, eps) = (12, 1e-3);
    let (x, weight, bias) = (noise(4 * channels, 1), noise(channels, 2), noise(channels, 3));
    let tensors: [(&str, &[usize], &[f32]); 2] =
        [("weight", &[channels], &weight), ("bias", &[channels], &bias)];
    let mean = |row: &[f64]| row.iter().sum::<f64>() / channels as f64;
    let (mut rms, mut layer) = (Vec::new(), Vec::new());
    for row in doubled(&x).chunks_exact(channels) {
        let squares: Vec<f64> = row.iter().map(|v| v * v).collect();
        let scale = 1.0 / (mean(&squares) + f64::from(eps)).sqrt();
        rms.extend(row.iter().zip(&weight).map(|(v, w)| v * scale * f64::from(*w)));
        let center = mean(row);
        let squares: Vec<f64> = row.iter().map(|v| (v - center).powi(2)).collect();
        let scale = 1.0 / (mean(&squares) + f64::from(eps)).sqrt();
        let scaled = row.iter().zip(&weight).map(|(v, w)| (v - center) * scale * f64::from(*w));
        layer.extend(scaled.zip(&bias).map(|(v, b)| v + f64::from(*b)));
    }
    on_every_device(|device| {
        let (weights, x) = (weights(&tensors, false), tensor(&x, channels, device));
        let norm = RmsNorm::load(&weights, channels, eps, device).unwrap();
        assert_formula(&norm.forward(&x), rms.clone());
        let norm = LayerNorm::load(&weights, channels, eps, device).unwrap();
        assert_formula(&norm.forward(&x), layer.clone());
    });
}

#[test]
fn rope_rotates_halves_by_position() {
    let (offset, time, heads, dim, theta) = (37, 5, 2, 8, 10_000f64);
    let x = noise(time * heads * dim, 1);
    let mut expected = doubled(&x);
    for (row, x) in x.chunks_exact(dim).enumerate() {
        let position = (offset + row / heads) as f64;
        for i in 0..dim / 2 {
            let angle = position * theta.powf(-2.0 * i as f64 / dim as f64);
            let (a, b) = (f64::from(x[i]), f64::from(x[i + dim / 2]));
            expected[row * dim + i] = a * angle.cos() - b * angle.sin();
            expected[row * dim + i + dim / 2] = b * angle.cos() + a * angle.sin();
        }
    }
    on_every_device(|device| {
        let x = Tensor::from_vec(x.clone(), &[1, time, heads, dim], device);
        let rope = Rope::new(dim, theta as f32);
        assert_formula(&rope.positions(offset, time).rotate(&x), expected.clone());
    });
}

#[test]
fn a_codebook_gives_the_first_of_the_nearest_entries() {
    let (entries, dim, rows) = (70, 6, 40);
    let mut sum = noise(entries * dim, 1);
    // Entry 60 repeats entry 20.
    sum.copy_within(20 * dim..21 * dim, 60 * dim);
    let usage = vec![1.0; entries];
    let mut x = noise(rows * dim, 2);
    x[..dim].copy_from_slice(&sum[60 * dim..61 * dim]);
    let distance = |x: &[f32], entry: &[f32]| -> f64 {
        x.iter().zip(entry).map(|(x, e)| (f64::from(*x) - f64::from(*e)).powi(2)).sum()
    };
    let nearest = |x: &[f32]| {
        let distances: Vec<f64> = sum.chunks_exact(dim).map(|entry| distance(x, entry)).collect();
        (0..entries).fold(0, |best, i| if distances[i] < distances[best] { i } else { best }) as u32
    };
    let expected: Vec<u32> = x.chunks_exact(dim).map(nearest).collect();
    assert_eq!(expected[0], 20);
    on_every_device(|device| {
        let tensors: [(&str, &[usize], &[f32]); 2] =
            [("cluster_usage", &[entries], &usage), ("embed_sum", &[entries, dim], &sum)];
        let weights = weights(&tensors, false);
        let codebook = Codebook::load(&weights, "embed_sum", entries, dim, device).unwrap();
        let codes = codebook.encode(&tensor(&x, dim, device));
        assert_eq!(Ids::read(std::slice::from_ref(&codes)).unwrap(), expected);
        let rows = expected.iter().flat_map(|id| &sum[*id as usize * dim..][..dim]);
        assert_eq!(codebook.decode(&codes).to_vec(), rows.copied().collect::<Vec<f32>>());
    });
}
