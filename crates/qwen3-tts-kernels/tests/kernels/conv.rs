//! Convolutions against their definition.

use super::{assert_close, bits, contexts, levels, noise, thread_counts};
use proptest::prelude::*;
use qwen3_tts_kernels::{
    Context, Conv1d, ConvWeight, DepthwiseConv1d, Isa, conv1d, depthwise_conv1d,
};

/// Shape of a convolution.
#[derive(Clone, Copy, Debug)]
struct Shape {
    rows: usize,
    out: usize,
    taps: usize,
    input: usize,
    stride: usize,
    dilation: usize,
}

impl Shape {
    /// Returns the length of the shortest input that gives `rows` rows.
    fn len(self) -> usize {
        (self.rows - 1) * self.stride + (self.taps - 1) * self.dilation + 1
    }

    fn weight(self, context: &Context, w: &[f32]) -> ConvWeight {
        ConvWeight::pack(context, w, self.out, self.taps, self.input)
    }

    fn want(self, x: &[f32], w: &[f32], bias: Option<&[f32]>) -> Vec<f64> {
        let mut y = Vec::new();
        for t in 0..self.rows {
            for o in 0..self.out {
                let mut sum = bias.map_or(0.0, |bias| f64::from(bias[o]));
                for j in 0..self.taps {
                    for c in 0..self.input {
                        let row = t * self.stride + j * self.dilation;
                        let w = w[(o * self.taps + j) * self.input + c];
                        sum += f64::from(w) * f64::from(x[row * self.input + c]);
                    }
                }
                y.push(sum);
            }
        }
        y
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    (1usize..60, 1usize..110, 1usize..8, 1usize..40, 1usize..4, 1usize..10).prop_map(
        |(rows, out, taps, input, stride, dilation)| Shape {
            rows,
            out,
            taps,
            input,
            stride,
            dilation,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_convolution_matches_its_formula(shape in shapes(), spare in 0usize..3, seed: u64) {
        // With a stride, x may have rows that no window reaches.
        let len = shape.len() + spare.min(shape.stride - 1);
        let x = noise(seed, len * shape.input);
        let w = noise(!seed, shape.out * shape.taps * shape.input);
        let bias = noise(seed ^ 5, shape.out);
        let mut y = vec![f32::NAN; shape.rows * shape.out];
        for isa in levels() {
            let weight = &shape.weight(&Context::with_isa(2, isa), &w);
            for bias in [None, Some(&bias[..])] {
                let want = shape.want(&x, &w, bias);
                let Shape { stride, dilation, .. } = shape;
                for context in &thread_counts(isa) {
                    conv1d(context, &x, Conv1d { weight, bias, stride, dilation }, &mut y);
                    assert_close(isa, &y, &want, 2e-4);
                }
            }
        }
    }

    #[test]
    fn rows_do_not_depend_on_chunking(
        mut shape in shapes(), cut in 0.0..1.0, seed: u64,
    ) {
        shape.stride = 1;
        shape.rows += 1;
        let x = noise(seed, shape.len() * shape.input);
        let w = noise(!seed, shape.out * shape.taps * shape.input);
        let head = 1 + ((shape.rows - 1) as f64 * cut) as usize;
        let head_x = &x[..Shape { rows: head, ..shape }.len() * shape.input];
        let tail_x = &x[head * shape.input..];
        for context in contexts(2) {
            let weight = &shape.weight(&context, &w);
            let conv = Conv1d { weight, bias: None, stride: 1, dilation: shape.dilation };
            let run = |x: &[f32], rows: usize| {
                let mut y = vec![f32::NAN; rows * shape.out];
                conv1d(&context, x, conv, &mut y);
                y
            };
            let whole = run(&x, shape.rows);
            let mut parts = run(head_x, head);
            if head < shape.rows {
                parts.extend(run(tail_x, shape.rows - head));
            }
            prop_assert_eq!(bits(&whole), bits(&parts));
        }
    }

    #[test]
    fn a_depthwise_convolution_matches_its_formula(
        rows in 1usize..40, taps in 1usize..8, channels in 1usize..70, dilation in 1usize..4,
        seed: u64,
    ) {
        let x = noise(seed, (rows + (taps - 1) * dilation) * channels);
        let w = noise(!seed, taps * channels);
        let bias = noise(seed ^ 5, channels);
        for bias in [None, Some(&bias[..])] {
            let mut want = Vec::new();
            for t in 0..rows {
                for c in 0..channels {
                    let tap = |j: usize| {
                        f64::from(w[j * channels + c])
                            * f64::from(x[(t + j * dilation) * channels + c])
                    };
                    let bias = bias.map_or(0.0, |bias| f64::from(bias[c]));
                    want.push((0..taps).map(tap).sum::<f64>() + bias);
                }
            }
            let mut y = vec![f32::NAN; rows * channels];
            let conv = DepthwiseConv1d { weight: &w, taps, channels, bias, dilation };
            for context in contexts(2) {
                depthwise_conv1d(&context, &x, conv, &mut y);
                assert_close(context.isa(), &y, &want, 1e-4);
            }
        }
    }
}

#[test]
fn long_stretches_and_many_panels_add_up() {
    // More channels than one pass over y covers, contiguous and dilated; more rows than one task.
    for (taps, dilation, rows) in [(7, 1, 40), (3, 9, 300), (1, 1, 13)] {
        let shape = Shape { rows, out: 160, taps, input: 450, stride: 1, dilation };
        let x = noise(1, shape.len() * shape.input);
        let w = noise(2, shape.out * shape.taps * shape.input);
        let want = shape.want(&x, &w, None);
        for context in contexts(2) {
            let mut y = vec![f32::NAN; rows * shape.out];
            let weight = &shape.weight(&context, &w);
            conv1d(&context, &x, Conv1d { weight, bias: None, stride: 1, dilation }, &mut y);
            assert_close(context.isa(), &y, &want, 2e-3);
        }
    }
}

/// Returns a convolution without bias, stride or dilation.
fn plain(weight: &ConvWeight) -> Conv1d<'_> {
    Conv1d { weight, bias: None, stride: 1, dilation: 1 }
}

#[test]
fn an_input_shorter_than_the_window_gives_nothing() {
    let context = Context::new(1);
    let weight = ConvWeight::pack(&context, &[1.0; 14], 2, 7, 1);
    conv1d(&context, &[1.0; 6], plain(&weight), &mut []);
}

#[test]
#[should_panic(expected = "length of y")]
fn a_wrong_length_is_refused() {
    let context = Context::new(1);
    let weight = ConvWeight::pack(&context, &[1.0; 6], 2, 3, 1);
    conv1d(&context, &[1.0; 6], plain(&weight), &mut [0.0; 9]);
}

#[test]
fn a_weight_of_another_instruction_set_is_refused() {
    let portable = Context::with_isa(1, Isa::Portable);
    let weight = ConvWeight::pack(&portable, &[1.0; 6], 2, 3, 1);
    for context in contexts(1) {
        let run = || conv1d(&context, &[1.0; 6], plain(&weight), &mut [0.0; 8]);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        assert_eq!(outcome.is_ok(), context.isa() == Isa::Portable);
    }
}
