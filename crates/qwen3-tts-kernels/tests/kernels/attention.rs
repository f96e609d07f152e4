//! Attention against its definition.

use super::{assert_close, bits, levels, noise};
use proptest::prelude::*;
use qwen3_tts_kernels::{AttentionShape, Context, Isa, attention};

fn want(q: &[f32], keys: &[f32], values: &[f32], shape: AttentionShape) -> Vec<f64> {
    let AttentionShape { heads, kv_heads, head_dim, scale, window } = shape;
    let (n_q, n_k) = (q.len() / (heads * head_dim), keys.len() / (kv_heads * head_dim));
    let mut y = Vec::new();
    for i in 0..n_q {
        for h in 0..heads {
            let at = n_k - n_q + i;
            let start = window.map_or(0, |window| (at + 1).saturating_sub(window));
            let row = |j: usize| (j * kv_heads + h / (heads / kv_heads)) * head_dim;
            let score = |j: usize| -> f64 {
                let product = |d: usize| {
                    f64::from(q[(i * heads + h) * head_dim + d]) * f64::from(keys[row(j) + d])
                };
                f64::from(scale) * (0..head_dim).map(product).sum::<f64>()
            };
            let scores: Vec<f64> = (start..=at).map(score).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - max).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for d in 0..head_dim {
                let value = |(j, w): (usize, &f64)| w * f64::from(values[row(start + j) + d]);
                y.push(weights.iter().enumerate().map(value).sum::<f64>() / sum);
            }
        }
    }
    y
}

fn run(isa: Isa, q: &[f32], keys: &[f32], values: &[f32], shape: AttentionShape) -> Vec<f32> {
    let mut y = vec![f32::NAN; q.len()];
    attention(&Context::with_isa(2, isa), q, keys, values, shape, &mut y);
    y
}

/// Whatever the others are, and even where a weight would be 0.
#[test]
fn a_score_that_is_not_finite_makes_its_query_nan() {
    let shape = AttentionShape { heads: 2, kv_heads: 1, head_dim: 8, scale: 0.3, window: None };
    let keys_at = [0, 3, 31, 32, 40];
    for (bad, key) in keys_at
        .into_iter()
        .flat_map(|key| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38].map(|bad| (bad, key)))
    {
        let q: Vec<f32> = noise(5, 2 * 2 * 8).iter().map(|q| q.abs() + 1.0).collect();
        let (mut keys, values) = (noise(6, 41 * 8), noise(7, 41 * 8));
        keys[key * 8..][..8].fill(bad);
        for isa in levels() {
            // Two queries: at the keys 39 and 40.
            let y = run(isa, &q, &keys, &values, shape);
            assert!(y[16..].iter().all(|y| y.is_nan()), "{bad} in key {key}, {isa:?}: {y:?}");
            assert_eq!(y[..16].iter().all(|y| y.is_finite()), key == 40, "{isa:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn attention_matches_its_formula(
        n_q in 1usize..6, past in 0usize..200, kv_heads in 1usize..4, group in 1usize..7,
        head_dim in 1usize..140, scale in 0.02f32..1.0,
        window in prop::option::of(1usize..90), seed: u64,
    ) {
        let heads = kv_heads * group;
        let shape = AttentionShape { heads, kv_heads, head_dim, scale, window };
        let q = noise(seed, n_q * heads * head_dim);
        let keys = noise(seed ^ 1, (n_q + past) * kv_heads * head_dim);
        let values = noise(seed ^ 2, (n_q + past) * kv_heads * head_dim);
        let want = want(&q, &keys, &values, shape);
        for isa in levels() {
            assert_close(isa, &run(isa, &q, &keys, &values, shape), &want, 1e-4);
        }
    }

    #[test]
    fn a_query_is_the_same_alone_and_among_others(
        n in 2usize..90, window in prop::option::of(1usize..80), seed: u64,
    ) {
        let shape = AttentionShape { heads: 4, kv_heads: 2, head_dim: 24, scale: 0.2, window };
        let (q, kv) = (4 * 24, 2 * 24);
        let (x, keys, values) = (noise(seed, n * q), noise(!seed, n * kv), noise(seed ^ 9, n * kv));
        for isa in levels() {
            let all = run(isa, &x, &keys, &values, shape);
            let last = run(isa, &x[(n - 1) * q..], &keys, &values, shape);
            prop_assert_eq!(bits(&all[(n - 1) * q..]), bits(&last));
            // Keys outside the window may be missing.
            let gone = window.map_or(0, |window| n.saturating_sub(window)) * kv;
            let rest = run(isa, &x[(n - 1) * q..], &keys[gone..], &values[gone..], shape);
            prop_assert_eq!(bits(&last), bits(&rest));
        }
    }
}

#[test]
fn huge_scores_do_not_overflow() {
    let shape = AttentionShape { heads: 1, kv_heads: 1, head_dim: 2, scale: 1.0, window: None };
    // First the first score dwarfs all others, then the last, in a later chunk.
    for place in [0, 150] {
        let mut keys = vec![-100.0; 151 * 2];
        keys[place * 2..place * 2 + 2].fill(100.0);
        let values: Vec<f32> = (0..151 * 2).map(|i| (i / 2) as f32).collect();
        for isa in levels() {
            let y = run(isa, &[50.0, 50.0], &keys, &values, shape);
            assert_close(isa, &y, &[place as f64; 2], 1e-30);
        }
    }
}

#[test]
#[should_panic(expected = "2 queries have 1 keys")]
fn fewer_keys_than_queries_are_refused() {
    let shape = AttentionShape { heads: 1, kv_heads: 1, head_dim: 1, scale: 1.0, window: None };
    run(Isa::Portable, &[1.0; 2], &[1.0], &[1.0], shape);
}
