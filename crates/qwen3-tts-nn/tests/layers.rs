//! Layers against their definitions, and streams against whole sequences, on every device.

use proptest::prelude::*;
use qwen3_tts_nn::{
    Attention, AttentionConfig, CausalConv1d, CausalConvTranspose1d, ConvConfig, Device, KvCache,
    Padding, Rope, SameConv1d, Tensor, Weights,
};
use qwen3_tts_testkit::{assert_close, cuts};
use safetensors::tensor::TensorView;

/// Returns reproducible pseudo-random values between −1 and 1.
fn noise(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn weights(tensors: &[(&str, &[usize], &[f32])]) -> Weights {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (*name, TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes).unwrap())
    });
    let file = safetensors::serialize(views, None).unwrap();
    Weights::from_static("test", file.leak()).unwrap()
}

fn tensor(values: &[f32], channels: usize, device: &Device) -> Tensor {
    Tensor::from_vec(values.to_vec(), &[1, values.len() / channels, channels], device)
}

/// Runs `step` over chunks of `x` of these lengths and joins the results.
fn in_pieces(x: &Tensor, sizes: &[usize], mut step: impl FnMut(&Tensor) -> Tensor) -> Vec<f32> {
    let mut start = 0;
    let mut out = Vec::new();
    for &size in sizes {
        out.extend(step(&x.narrow(1, start, size)).to_vec());
        start += size;
    }
    assert_eq!(start, x.dim(1));
    out
}

#[test]
fn a_causal_convolution_matches_its_definition() {
    Device::all().iter().for_each(check_a_causal_convolution_matches_its_definition);
}

fn check_a_causal_convolution_matches_its_definition(device: &Device) {
    let (inputs, outputs, taps, dilation, time) = (5, 7, 3, 2, 11);
    let weight = noise(outputs * inputs * taps, 1);
    let bias = noise(outputs, 2);
    let w = weights(&[("weight", &[outputs, inputs, taps], &weight), ("bias", &[outputs], &bias)]);
    let conv =
        CausalConv1d::load(&w, ConvConfig::new(inputs, outputs, taps).dilation(dilation), device)
            .unwrap();
    let x = noise(time * inputs, 3);
    let y = conv.step(&tensor(&x, inputs, device), &mut conv.new_state());
    let mut expected = Vec::new();
    for t in 0..time {
        for o in 0..outputs {
            let mut sum = bias[o];
            for tap in 0..taps {
                let back = (taps - 1 - tap) * dilation;
                for i in (0..inputs).filter(|_| back <= t) {
                    sum += weight[(o * inputs + i) * taps + tap] * x[(t - back) * inputs + i];
                }
            }
            expected.push(sum);
        }
    }
    assert_close(&y.to_vec(), &expected, 1e-5);
}

/// The reference pads `taps − stride` inputs on the left, and on the right up to a multiple
/// of the stride.
#[test]
fn a_strided_convolution_matches_its_definition_with_either_padding() {
    Device::all()
        .iter()
        .for_each(check_a_strided_convolution_matches_its_definition_with_either_padding);
}

fn check_a_strided_convolution_matches_its_definition_with_either_padding(device: &Device) {
    let (inputs, outputs) = (3, 4);
    for (taps, stride, time) in [(4, 2, 9), (4, 2, 1), (16, 8, 20), (10, 5, 5), (3, 3, 7)] {
        let weight = noise(outputs * inputs * taps, 1);
        let w = weights(&[("weight", &[outputs, inputs, taps], &weight)]);
        let x = noise(time * inputs, 3);
        for padding in [Padding::Zero, Padding::Replicate] {
            let config = ConvConfig::new(inputs, outputs, taps).stride(stride);
            let config = config.without_bias().padding(padding);
            let conv = CausalConv1d::load(&w, config, device).unwrap();
            let y = conv.step(&tensor(&x, inputs, device), &mut conv.new_state());
            let input = |at: isize, i: usize| {
                let inside = at.clamp(0, time as isize - 1);
                let silent = padding == Padding::Zero && inside != at;
                if silent { 0.0 } else { x[inside as usize * inputs + i] }
            };
            let mut expected = Vec::new();
            for t in 0..time.div_ceil(stride) {
                for o in 0..outputs {
                    let products = (0..taps * inputs).map(|k| {
                        let (tap, i) = (k / inputs, k % inputs);
                        let at = (t * stride + tap) as isize - (taps - stride) as isize;
                        weight[(o * inputs + i) * taps + tap] * input(at, i)
                    });
                    expected.push(products.sum());
                }
            }
            assert_close(&y.to_vec(), &expected, 1e-5);
        }
    }
}

/// The reference mirrors `(taps − 1)·dilation` inputs in all, one more at the end if the number is
/// odd.
#[test]
fn a_same_convolution_matches_its_definition() {
    Device::all().iter().for_each(check_a_same_convolution_matches_its_definition);
}

fn check_a_same_convolution_matches_its_definition(device: &Device) {
    let (inputs, outputs) = (3, 4);
    for (taps, dilation, time) in [(1, 1, 1), (3, 1, 2), (3, 4, 5), (5, 2, 9), (2, 1, 3), (4, 3, 6)]
    {
        let weight = noise(outputs * inputs * taps, 1);
        let bias = noise(outputs, 2);
        let shape = [outputs, inputs, taps];
        let w = weights(&[("weight", &shape, &weight), ("bias", &[outputs], &bias)]);
        let config = ConvConfig::new(inputs, outputs, taps).dilation(dilation);
        let conv = SameConv1d::load(&w, config, device).unwrap();
        let x = noise(time * inputs, 3);
        let y = conv.forward(&tensor(&x, inputs, device));
        let first = -(((taps - 1) * dilation / 2) as isize);
        let mut expected = Vec::new();
        for t in 0..time {
            for o in 0..outputs {
                let mut sum = bias[o];
                for tap in 0..taps {
                    let at = (t as isize + first + (tap * dilation) as isize).unsigned_abs();
                    let at = if at < time { at } else { 2 * (time - 1) - at };
                    for i in 0..inputs {
                        sum += weight[(o * inputs + i) * taps + tap] * x[at * inputs + i];
                    }
                }
                expected.push(sum);
            }
        }
        assert_close(&y.to_vec(), &expected, 1e-5);
        let [first, second] = SameConv1d::load_split(&w, config, 1, device).unwrap();
        let x = tensor(&x, inputs, device);
        let sum = first.forward(&x.narrow(2, 0, 1)).add(&second.forward(&x.narrow(2, 1, 2)));
        assert_close(&sum.to_vec(), &expected, 1e-5);
        let context = (taps - 1) * dilation;
        assert_eq!(conv.min_time(), context - context / 2 + 1);
    }
}

#[test]
fn a_depthwise_convolution_matches_its_definition() {
    Device::all().iter().for_each(check_a_depthwise_convolution_matches_its_definition);
}

fn check_a_depthwise_convolution_matches_its_definition(device: &Device) {
    let (channels, taps, time) = (6, 7, 9);
    let weight = noise(channels * taps, 1);
    let bias = noise(channels, 2);
    let w = weights(&[("weight", &[channels, 1, taps], &weight), ("bias", &[channels], &bias)]);
    let conv = CausalConv1d::load_depthwise(&w, channels, taps, device).unwrap();
    let x = noise(time * channels, 3);
    let y = conv.step(&tensor(&x, channels, device), &mut conv.new_state());
    let mut expected = Vec::new();
    for t in 0..time {
        for c in 0..channels {
            let past = (0..taps).filter(|tap| taps - 1 - tap <= t);
            let products =
                past.map(|tap| weight[c * taps + tap] * x[(t + tap + 1 - taps) * channels + c]);
            expected.push(bias[c] + products.sum::<f32>());
        }
    }
    assert_close(&y.to_vec(), &expected, 1e-5);
}

/// The bias is large and the kernel longer than the stride, so that a bias added twice where
/// outputs overlap would show.
#[test]
fn a_transposed_convolution_matches_its_definition_trimmed_on_the_right() {
    Device::all()
        .iter()
        .for_each(check_a_transposed_convolution_matches_its_definition_trimmed_on_the_right);
}

fn check_a_transposed_convolution_matches_its_definition_trimmed_on_the_right(device: &Device) {
    for (taps, stride) in [(2, 2), (16, 8), (10, 5), (6, 3), (7, 3), (3, 4), (1, 1)] {
        let (inputs, outputs, time) = (4, 3, 6);
        let weight = noise(inputs * outputs * taps, 1);
        let bias = [10.0, 20.0, 30.0];
        let w =
            weights(&[("weight", &[inputs, outputs, taps], &weight), ("bias", &[outputs], &bias)]);
        let conv = CausalConvTranspose1d::load(&w, inputs, outputs, taps, stride, device).unwrap();
        let x = noise(time * inputs, 3);
        let y = conv.step(&tensor(&x, inputs, device), &mut conv.new_state());

        let mut expected = bias.repeat(time * stride);
        for (t, i, o, tap) in (0..time).flat_map(|t| {
            (0..inputs).flat_map(move |i| {
                (0..outputs).flat_map(move |o| (0..taps).map(move |tap| (t, i, o, tap)))
            })
        }) {
            let at = (t * stride + tap) * outputs + o;
            if let Some(y) = expected.get_mut(at) {
                *y += x[t * inputs + i] * weight[(i * outputs + o) * taps + tap];
            }
        }
        assert_close(&y.to_vec(), &expected, 1e-5);
    }
}

fn attention(window: Option<usize>, device: &Device) -> (Attention, AttentionConfig) {
    let (hidden, heads, kv_heads, head_dim) = (12, 4, 2, 8);
    let mut config = AttentionConfig::new(hidden, heads, head_dim);
    config.num_key_value_heads = kv_heads;
    config.sliding_window = window;
    config.qk_norm = Some(1e-6);
    let (q, kv) = (heads * head_dim, kv_heads * head_dim);
    let w = weights(&[
        ("q_proj.weight", &[q, hidden], &noise(q * hidden, 1)),
        ("k_proj.weight", &[kv, hidden], &noise(kv * hidden, 2)),
        ("v_proj.weight", &[kv, hidden], &noise(kv * hidden, 3)),
        ("o_proj.weight", &[hidden, q], &noise(hidden * q, 4)),
        ("q_norm.weight", &[head_dim], &noise(head_dim, 5)),
        ("k_norm.weight", &[head_dim], &noise(head_dim, 6)),
    ]);
    (Attention::load(&w, &config, device).unwrap(), config)
}

/// Runs a sequence through attention in chunks.
fn attend(
    window: Option<usize>,
    x: &Tensor,
    sizes: &[usize],
    device: &Device,
) -> (Vec<f32>, KvCache) {
    let (attention, config) = attention(window, device);
    let rope = Rope::new(config.head_dim, 10_000.0);
    let mut cache = KvCache::new(&config, device);
    let y = in_pieces(x, sizes, |x| {
        attention.step(x, &rope.positions(cache.len(), x.dim(1)), &mut cache)
    });
    (y, cache)
}

#[test]
fn a_window_changes_only_what_lies_beyond_it() {
    Device::all().iter().for_each(check_a_window_changes_only_what_lies_beyond_it);
}

fn check_a_window_changes_only_what_lies_beyond_it(device: &Device) {
    let x = tensor(&noise(40 * 12, 9), 12, device);
    let (full, _) = attend(None, &x, &[40], device);
    let (windowed, _) = attend(Some(10), &x, &[40], device);
    assert_close(&full[..10 * 12], &windowed[..10 * 12], 1e-6);
    let beyond = full[10 * 12..].iter().zip(&windowed[10 * 12..]);
    assert!(beyond.filter(|(a, b)| (*a - *b).abs() > 1e-3).count() > 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn attention_in_pieces_is_the_whole(
        sizes in cuts(50), window in prop::option::of(1usize..60)
    ) {
        for device in &Device::all() {
            let x = tensor(&noise(50 * 12, 9), 12, device);
            let (whole, _) = attend(window, &x, &[50], device);
            let (pieces, cache) = attend(window, &x, &sizes, device);
            prop_assert_eq!(cache.len(), 50);
            assert_close(&pieces, &whole, 1e-5);
        }
    }

    #[test]
    fn convolutions_in_pieces_are_the_whole(
        sizes in cuts(30), taps in 1usize..8, dilation in 1usize..10, stride in 1usize..6,
    ) {
        for device in &Device::all() {
            check_a_convolution_in_pieces(&sizes, taps, dilation, device);
            check_a_transposed_convolution_in_pieces(&sizes, taps, stride, device);
        }
    }
}

fn check_a_convolution_in_pieces(sizes: &[usize], taps: usize, dilation: usize, device: &Device) {
    let (inputs, outputs) = (3, 5);
    let w = weights(&[
        ("weight", &[outputs, inputs, taps], &noise(outputs * inputs * taps, 1)),
        ("bias", &[outputs], &noise(outputs, 2)),
    ]);
    let x = tensor(&noise(30 * inputs, 3), inputs, device);
    let config = ConvConfig::new(inputs, outputs, taps).dilation(dilation);
    let conv = CausalConv1d::load(&w, config, device).unwrap();
    let whole = conv.step(&x, &mut conv.new_state()).to_vec();
    let mut state = conv.new_state();
    assert_close(&in_pieces(&x, sizes, |x| conv.step(x, &mut state)), &whole, 1e-5);
}

fn check_a_transposed_convolution_in_pieces(
    sizes: &[usize],
    taps: usize,
    stride: usize,
    device: &Device,
) {
    let (inputs, outputs) = (5, 3);
    let w = weights(&[
        ("weight", &[inputs, outputs, taps], &noise(inputs * outputs * taps, 1)),
        ("bias", &[outputs], &noise(outputs, 2)),
    ]);
    let x = tensor(&noise(30 * inputs, 3), inputs, device);
    let conv = CausalConvTranspose1d::load(&w, inputs, outputs, taps, stride, device).unwrap();
    let whole = conv.step(&x, &mut conv.new_state()).to_vec();
    let mut state = conv.new_state();
    assert_close(&in_pieces(&x, sizes, |x| conv.step(x, &mut state)), &whole, 1e-5);
}

#[test]
fn a_strided_convolution_in_chunks_equals_the_whole() {
    Device::all().iter().for_each(check_a_strided_convolution_in_chunks_equals_the_whole);
}

fn check_a_strided_convolution_in_chunks_equals_the_whole(device: &Device) {
    let (inputs, outputs, taps, stride) = (3, 5, 10, 5);
    let weight = noise(outputs * inputs * taps, 1);
    let w = weights(&[("weight", &[outputs, inputs, taps], &weight)]);
    let x = tensor(&noise(33 * inputs, 3), inputs, device);
    for padding in [Padding::Zero, Padding::Replicate] {
        let config = ConvConfig::new(inputs, outputs, taps).stride(stride);
        let config = config.without_bias().padding(padding);
        let conv = CausalConv1d::load(&w, config, device).unwrap();
        let whole = conv.step(&x, &mut conv.new_state()).to_vec();
        for sizes in [vec![5, 10, 15, 3], vec![25, 8], vec![5, 5, 5, 5, 5, 5, 3]] {
            let mut state = conv.new_state();
            assert_close(&in_pieces(&x, &sizes, |x| conv.step(x, &mut state)), &whole, 1e-5);
        }
    }
}

/// Uses far more positions than any configuration allows: the cache grows without a limit.
#[test]
fn a_cache_has_no_cap() {
    Device::all().iter().for_each(check_a_cache_has_no_cap);
}

fn check_a_cache_has_no_cap(device: &Device) {
    let (attention, config) = attention(None, device);
    let rope = Rope::new(config.head_dim, 10_000.0);
    let mut cache = KvCache::new(&config, device);
    let x = tensor(&noise(500 * 12, 9), 12, device);
    for _ in 0..20 {
        attention.step(&x, &rope.positions(cache.len(), 500), &mut cache);
    }
    assert_eq!(cache.len(), 10_000);
}
