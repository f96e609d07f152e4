//! Matrix products against their definition.

use super::{assert_close, bits, contexts, levels, noise, thread_counts};
use proptest::prelude::*;
use qwen3_tts_kernels::{Context, Matrix, MatrixData, Projection, bf16, linear};

fn want(x: &[f32], tokens: usize, w: &[f32], bias: Option<&[f32]>, rows: usize) -> Vec<f64> {
    let cols = w.len() / rows;
    let mut y = Vec::new();
    for t in 0..tokens {
        for n in 0..rows {
            let products =
                (0..cols).map(|k| f64::from(x[t * cols + k]) * f64::from(w[n * cols + k]));
            y.push(products.sum::<f64>() + bias.map_or(0.0, |bias| f64::from(bias[n])));
        }
    }
    y
}

fn run(context: &Context, x: &[f32], tokens: usize, weight: Matrix<'_>) -> Vec<f32> {
    let mut y = vec![f32::NAN; tokens * weight.rows];
    let projection = Projection { weight, bias: None, y: &mut y };
    linear(context, x, tokens, &mut [projection]);
    y
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn projections_of_both_types_are_the_products(
        tokens in 0usize..20, rows in 1usize..70, cols in 1usize..150, seed: u64,
    ) {
        let x = noise(seed, tokens * cols);
        let wide = noise(seed ^ 1, rows * cols);
        let half: Vec<bf16> = wide.iter().map(|&w| bf16::from_f32(w)).collect();
        let widened: Vec<f32> = half.iter().map(|w| w.to_f32()).collect();
        let bias = noise(seed ^ 2, rows);
        let (wide_want, half_want) =
            (want(&x, tokens, &wide, None, rows), want(&x, tokens, &widened, Some(&bias), rows));
        for isa in levels() {
            for context in &thread_counts(isa) {
                let (mut y, mut z) =
                    (vec![f32::NAN; tokens * rows], vec![f32::NAN; tokens * rows]);
                let f32s = Matrix { data: MatrixData::F32(&wide), rows, cols };
                let bf16s = Matrix { data: MatrixData::Bf16(&half), rows, cols };
                linear(context, &x, tokens, &mut [
                    Projection { weight: f32s, bias: None, y: &mut y },
                    Projection { weight: bf16s, bias: Some(&bias), y: &mut z },
                ]);
                assert_close(isa, &y, &wide_want, 1e-4);
                assert_close(isa, &z, &half_want, 1e-4);
            }
        }
    }

    #[test]
    fn a_token_is_the_same_alone_and_among_others(
        tokens in 1usize..30, rows in 1usize..40, cols in 1usize..200, seed: u64,
    ) {
        let x = noise(seed, tokens * cols);
        let w: Vec<bf16> = noise(!seed, rows * cols).into_iter().map(bf16::from_f32).collect();
        let weight = Matrix { data: MatrixData::Bf16(&w), rows, cols };
        for isa in levels() {
            let together = run(&Context::with_isa(2, isa), &x, tokens, weight);
            let context = Context::with_isa(1, isa);
            let alone: Vec<f32> =
                x.chunks_exact(cols).flat_map(|x| run(&context, x, 1, weight)).collect();
            prop_assert_eq!(bits(&together), bits(&alone));
        }
    }
}

/// Rows of several cuts in panels, more tokens than have room for incomplete sums, and rests of
/// every kind.
#[test]
fn a_long_product_is_the_same_among_many_tokens() {
    let (tokens, rows, cols) = (90, 29, 2 * 1024 + 37);
    let x = noise(5, tokens * cols);
    let wide = noise(6, rows * cols);
    let half: Vec<bf16> = wide.iter().map(|&w| bf16::from_f32(w)).collect();
    for data in [MatrixData::F32(&wide), MatrixData::Bf16(&half)] {
        let weight = Matrix { data, rows, cols };
        for isa in levels() {
            let context = Context::with_isa(1, isa);
            let alone: Vec<f32> =
                x.chunks_exact(cols).flat_map(|x| run(&context, x, 1, weight)).collect();
            for tokens in [7, 9, 31, 90] {
                let together = run(&context, &x[..tokens * cols], tokens, weight);
                assert_eq!(bits(&together), bits(&alone[..tokens * rows]), "{isa:?}, {tokens}");
            }
        }
    }
}

#[test]
fn a_large_matrix_is_the_same_on_any_number_of_threads() {
    let (rows, cols) = (3072, 1024);
    let x = noise(1, cols);
    let w: Vec<bf16> = noise(2, rows * cols).into_iter().map(bf16::from_f32).collect();
    let weight = Matrix { data: MatrixData::Bf16(&w), rows, cols };
    for isa in levels() {
        let [one, two, three] = thread_counts(isa).map(|context| run(&context, &x, 1, weight));
        assert_eq!(bits(&one), bits(&two));
        assert_eq!(bits(&one), bits(&three));
    }
}

#[test]
fn unaligned_weights_are_read() {
    let (rows, cols) = (9, 67);
    let w: Vec<bf16> = noise(3, rows * cols + 1).into_iter().map(bf16::from_f32).collect();
    let x = noise(4, cols);
    for offset in [0, 1] {
        let w = &w[offset..offset + rows * cols];
        let widened: Vec<f32> = w.iter().map(|w| w.to_f32()).collect();
        let weight = Matrix { data: MatrixData::Bf16(w), rows, cols };
        for context in contexts(1) {
            let y = run(&context, &x, 1, weight);
            assert_close(context.isa(), &y, &want(&x, 1, &widened, None, rows), 1e-4);
        }
    }
}

#[test]
#[should_panic(expected = "length of x")]
fn a_wrong_length_is_refused() {
    let weight = Matrix { data: MatrixData::F32(&[0.0; 6]), rows: 2, cols: 3 };
    run(&Context::new(1), &[0.0; 4], 1, weight);
}
