//! Convolutions over time.

use qwen3_tts_nn::{CausalConv1d, CausalConvTranspose1d, ConvConfig, SameConv1d};

use crate::{assert_formula, doubled, noise, on_every_device, tensor, weights};

#[test]
fn dense_convolutions_match_their_definition() {
    let (inputs, outputs) = (5, 7);
    for (taps, stride, dilation, time) in
        [(3, 1, 2, 11), (1, 1, 1, 4), (7, 1, 9, 20), (4, 2, 1, 8), (10, 5, 1, 15), (3, 3, 1, 6)]
    {
        let (weight, bias) = (noise(outputs * inputs * taps, 1), noise(outputs, 2));
        let x = noise(time * inputs, 3);
        let context = (taps - 1) * dilation + 1 - stride;
        let mut expected = Vec::new();
        for t in 0..time / stride {
            for o in 0..outputs {
                let mut sum = f64::from(bias[o]);
                for k in 0..taps * inputs {
                    let (tap, i) = (k / inputs, k % inputs);
                    let at = t * stride + tap * dilation;
                    if at >= context {
                        let w = weight[(o * inputs + i) * taps + tap];
                        sum += f64::from(w) * f64::from(x[(at - context) * inputs + i]);
                    }
                }
                expected.push(sum);
            }
        }
        let shape = [outputs, inputs, taps];
        let w = weights(&[("weight", &shape, &weight), ("bias", &[outputs], &bias)], false);
        let config = ConvConfig::new(inputs, outputs, taps).stride(stride).dilation(dilation);
        on_every_device(|device| {
            let conv = CausalConv1d::load(&w, config, device).unwrap();
            let y = conv.step(&tensor(&x, inputs, device), &mut conv.new_state());
            assert_formula(&y, expected.clone());
        });
    }
}

#[test]
fn a_depthwise_convolution_matches_its_definition() {
    let (channels, taps, time) = (6, 7, 9);
    let (weight, bias) = (noise(channels * taps, 1), noise(channels, 2));
    let x = noise(time * channels, 3);
    let mut expected = Vec::new();
    for (t, c) in (0..time).flat_map(|t| (0..channels).map(move |c| (t, c))) {
        let past = (0..taps).filter(|tap| t + tap + 1 >= taps);
        let product = |tap: usize| {
            let x = x[(t + tap + 1 - taps) * channels + c];
            f64::from(weight[c * taps + tap]) * f64::from(x)
        };
        expected.push(f64::from(bias[c]) + past.map(product).sum::<f64>());
    }
    let shape = [channels, 1, taps];
    let w = weights(&[("weight", &shape, &weight), ("bias", &[channels], &bias)], false);
    on_every_device(|device| {
        let conv = CausalConv1d::load_depthwise(&w, channels, taps, device).unwrap();
        let mut state = conv.new_state();
        let x = tensor(&x, channels, device);
        // In two steps, with a clone that must not disturb the state.
        let first = conv.step(&x.narrow(1, 0, 4), &mut state);
        conv.step(&x.narrow(1, 0, 2), &mut state.clone());
        let second = conv.step(&x.narrow(1, 4, 5), &mut state);
        assert_formula(&first, expected[..4 * channels].iter().copied());
        assert_formula(&second, expected[4 * channels..].iter().copied());
    });
}

#[test]
fn a_transposed_convolution_matches_its_definition_trimmed_on_the_right() {
    for (taps, stride) in [(2, 2), (16, 8), (10, 5), (7, 3), (3, 4), (1, 1)] {
        let (inputs, outputs, time) = (4, 3, 6);
        let (weight, bias) = (noise(inputs * outputs * taps, 1), [10.0, 20.0, 30.0]);
        let x = noise(time * inputs, 3);
        let mut expected = doubled(&bias.repeat(time * stride));
        for k in 0..time * inputs * outputs * taps {
            let (tap, o) = (k % taps, k / taps % outputs);
            let (i, t) = (k / taps / outputs % inputs, k / taps / outputs / inputs);
            if let Some(y) = expected.get_mut((t * stride + tap) * outputs + o) {
                let w = weight[(i * outputs + o) * taps + tap];
                *y += f64::from(x[t * inputs + i]) * f64::from(w);
            }
        }
        let shape = [inputs, outputs, taps];
        let w = weights(&[("weight", &shape, &weight), ("bias", &[outputs], &bias)], false);
        on_every_device(|device| {
            let conv = CausalConvTranspose1d::load(&w, inputs, outputs, taps, stride, device);
            let conv = conv.unwrap();
            let y = conv.step(&tensor(&x, inputs, device), &mut conv.new_state());
            assert_formula(&y, expected.clone());
        });
    }
}

#[test]
fn a_same_convolution_mirrors_both_ends() {
    let (inputs, outputs, taps, dilation, time) = (3, 4, 3, 4, 9);
    let (weight, bias) = (noise(outputs * inputs * taps, 1), noise(outputs, 2));
    let x = noise(time * inputs, 3);
    let mirrored = |at: isize| {
        let at = at.unsigned_abs();
        if at < time { at } else { 2 * (time - 1) - at }
    };
    let mut expected = Vec::new();
    for (t, o) in (0..time).flat_map(|t| (0..outputs).map(move |o| (t, o))) {
        let product = |k: usize| {
            let (tap, i) = (k / inputs, k % inputs);
            let at = mirrored(t as isize + (tap as isize - 1) * dilation as isize);
            let w = weight[(o * inputs + i) * taps + tap];
            f64::from(w) * f64::from(x[at * inputs + i])
        };
        expected.push(f64::from(bias[o]) + (0..taps * inputs).map(product).sum::<f64>());
    }
    let shape = [outputs, inputs, taps];
    let w = weights(&[("weight", &shape, &weight), ("bias", &[outputs], &bias)], false);
    on_every_device(|device| {
        let config = ConvConfig::new(inputs, outputs, taps).dilation(dilation);
        let conv = SameConv1d::load(&w, config, device).unwrap();
        assert_formula(&conv.forward(&tensor(&x, inputs, device)), expected.clone());
    });
}
