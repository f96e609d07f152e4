//! Operations on rows against their formulas.

use super::{assert_close, bits, contexts, levels, noise};
use proptest::prelude::*;
use qwen3_tts_kernels::{Context, layer_norm, nearest, rms_norm, rope};

/// Returns (x − mean)/√(var + eps) of one row if `centred`, else x/√(mean(x²) + eps).
fn normalised(x: &[f32], eps: f64, centred: bool) -> Vec<f64> {
    let x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    let n = x.len() as f64;
    let mean = if centred { x.iter().sum::<f64>() / n } else { 0.0 };
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    x.iter().map(|x| (x - mean) / (variance + eps).sqrt()).collect()
}

/// A row so large that its squares overflow would be 0 otherwise.
#[test]
fn a_norm_whose_squares_overflow_is_nan() {
    for context in contexts(1) {
        for x in [[3e19, 1.0, -2.0, 0.5], [f32::INFINITY, 1.0, 1.0, 1.0], [f32::NAN, 0.0, 0.0, 0.0]]
        {
            let mut y = [0.0; 4];
            rms_norm(&context, &x, &[1.0; 4], 1e-6, &mut y);
            assert!(y.iter().all(|y| y.is_nan()), "{:?}: {y:?}", context.isa());
            layer_norm(&context, &x, &[1.0; 4], &[0.0; 4], 1e-6, &mut y);
            assert!(y.iter().all(|y| y.is_nan()), "{:?}: {y:?}", context.isa());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn norms_match_their_formulas(
        rows in 0usize..30, channels in 1usize..1100, offset in -3f32..3.0, seed: u64,
    ) {
        let x: Vec<f32> = noise(seed, rows * channels).iter().map(|x| x + offset).collect();
        let (w, b) = (noise(seed ^ 1, channels), noise(seed ^ 2, channels));
        let eps = 1e-5;
        let want = |centred: bool| -> Vec<f64> {
            let row = |x| normalised(x, f64::from(eps), centred);
            let bias = |c: usize| if centred { f64::from(b[c]) } else { 0.0 };
            x.chunks_exact(channels)
                .flat_map(row)
                .enumerate()
                .map(|(i, y)| y * f64::from(w[i % channels]) + bias(i % channels))
                .collect()
        };
        for threads in [1, 2] {
            for context in contexts(threads) {
                let isa = context.isa();
                let mut y = vec![f32::NAN; x.len()];
                rms_norm(&context, &x, &w, eps, &mut y);
                assert_close(isa, &y, &want(false), 2e-5);
                // A single channel equals its mean: only rounding is left, times a large factor.
                let tolerance = if channels < 4 { 4e-3 } else { 1e-4 };
                layer_norm(&context, &x, &w, &b, eps, &mut y);
                assert_close(isa, &y, &want(true), tolerance);
            }
        }
    }

    #[test]
    fn rope_rotates_the_halves(
        tokens in 0usize..6, heads in 1usize..5, half in 1usize..70, seed: u64,
    ) {
        let x = noise(seed, tokens * heads * 2 * half);
        let angles = noise(seed ^ 1, tokens * half);
        let cos: Vec<f32> = angles.iter().map(|a| a.cos()).collect();
        let sin: Vec<f32> = angles.iter().map(|a| a.sin()).collect();
        let mut want = vec![0.0; x.len()];
        for row in 0..tokens * heads {
            for i in 0..half {
                let (a, b) = (row * 2 * half + i, row * 2 * half + half + i);
                let at = row / heads * half + i;
                let (cos, sin) = (f64::from(cos[at]), f64::from(sin[at]));
                want[a] = f64::from(x[a]) * cos - f64::from(x[b]) * sin;
                want[b] = f64::from(x[b]) * cos + f64::from(x[a]) * sin;
            }
        }
        for context in contexts(1) {
            let mut y = x.clone();
            rope(&context, &mut y, heads, 2 * half, &cos, &sin);
            assert_close(context.isa(), &y, &want, 2e-6);
        }
    }

    #[test]
    fn the_nearest_code_is_found(
        rows in 0usize..10, codes in 1usize..50, dim in 1usize..80, seed: u64,
    ) {
        let codebook = noise(seed, codes * dim);
        // Rows so close to a code that rounding cannot decide.
        let chosen: Vec<u32> = (0..rows).map(|t| ((seed >> 8) as usize + 7 * t) as u32 % codes as u32).collect();
        let small = noise(seed ^ 1, rows * dim);
        let code = |t: usize, d: usize| codebook[chosen[t] as usize * dim + d];
        let x: Vec<f32> =
            (0..rows * dim).map(|i| code(i / dim, i % dim) + small[i] * 1e-6).collect();
        let distance = |t: usize, n: usize| -> f64 {
            let d = |d: usize| f64::from(x[t * dim + d]) - f64::from(codebook[n * dim + d]);
            (0..dim).map(|i| d(i).powi(2)).sum()
        };
        for context in contexts(2) {
            let mut indices = vec![u32::MAX; rows];
            nearest(&context, &x, &codebook, dim, &mut indices);
            for (t, &index) in indices.iter().enumerate() {
                let best = (0..codes).map(|n| distance(t, n)).fold(f64::INFINITY, f64::min);
                prop_assert!(distance(t, index as usize) <= best + 1e-9);
            }
        }
    }
}

#[test]
fn the_first_of_equal_codes_wins() {
    let codebook = [5.0, 5.0, 1.0, 2.0, 1.0, 2.0];
    for context in contexts(1) {
        let mut index = [9];
        nearest(&context, &[1.0, 2.0], &codebook, 2, &mut index);
        assert_eq!(index, [1]);
    }
}

#[test]
fn a_row_is_the_same_alone_and_among_others() {
    let (rows, channels) = (70, 513);
    let (x, w) = (noise(1, rows * channels), noise(2, channels));
    for isa in levels() {
        let (mut all, mut one) = (vec![0.0; x.len()], vec![0.0; channels]);
        rms_norm(&Context::with_isa(2, isa), &x, &w, 1e-6, &mut all);
        let last = (rows - 1) * channels;
        rms_norm(&Context::with_isa(1, isa), &x[last..], &w, 1e-6, &mut one);
        assert_eq!(bits(&all[last..]), bits(&one));
    }
}
