//! Attention against its definition.

use super::{assert_close, bits, levels, noise};
use proptest::prelude::*;
use qwen3_tts_kernels::{AttentionShape, Context, KeyValues, KvType, attention};

/// Sizes of keys, values and queries.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    kv_heads: usize,
    head_dim: usize,
    shape: AttentionShape,
}

const TYPES: [KvType; 2] = [KvType::F32, KvType::I16];

fn want(q: &[f32], keys: &[f32], values: &[f32], sizes: Sizes) -> Vec<f64> {
    let Sizes { kv_heads, head_dim, shape } = sizes;
    let AttentionShape { heads, scale, window } = shape;
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

/// A context and the type of the stored keys and values.
struct Run {
    context: Context,
    kv_type: KvType,
}

impl Run {
    /// Returns one for each instruction set and type.
    fn all() -> impl Iterator<Item = Run> {
        let of = |isa| TYPES.map(|kv_type| Run { context: Context::with_isa(2, isa), kv_type });
        levels().flat_map(of)
    }

    fn store(&self, keys: &[f32], values: &[f32], sizes: Sizes) -> KeyValues {
        let mut all = KeyValues::new(sizes.kv_heads, sizes.head_dim, self.kv_type);
        all.append(&self.context, keys, values);
        all
    }

    fn attend(&self, q: &[f32], key_values: &KeyValues, sizes: Sizes) -> Vec<f32> {
        let mut y = vec![f32::NAN; q.len()];
        attention(&self.context, q, key_values, sizes.shape, &mut y);
        y
    }

    fn run(&self, q: &[f32], keys: &[f32], values: &[f32], sizes: Sizes) -> Vec<f32> {
        self.attend(q, &self.store(keys, values, sizes), sizes)
    }
}

/// Whatever the others are, and even where a weight would be 0.
#[test]
fn a_score_that_is_not_finite_makes_its_query_nan() {
    let shape = AttentionShape { heads: 2, scale: 0.3, window: None };
    let sizes = Sizes { kv_heads: 1, head_dim: 8, shape };
    let keys_at = [0, 3, 31, 32, 40];
    for (bad, key) in keys_at
        .into_iter()
        .flat_map(|key| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38].map(|bad| (bad, key)))
    {
        let q: Vec<f32> = noise(5, 2 * 2 * 8).iter().map(|q| q.abs() + 1.0).collect();
        let (mut keys, values) = (noise(6, 41 * 8), noise(7, 41 * 8));
        keys[key * 8..][..8].fill(bad);
        for run in Run::all() {
            // Two queries: at the keys 39 and 40.
            let y = run.run(&q, &keys, &values, sizes);
            let case = format!("{:?} {:?}", run.context, run.kv_type);
            assert!(y[16..].iter().all(|y| y.is_nan()), "{bad} in key {key}, {case}: {y:?}");
            assert_eq!(y[..16].iter().all(|y| y.is_finite()), key == 40, "{case}");
        }
    }
}

/// One element that is not finite is enough, in a key or in a value.
#[test]
fn what_is_not_finite_is_never_stored_as_a_number() {
    let shape = AttentionShape { heads: 1, scale: 0.3, window: None };
    let sizes = Sizes { kv_heads: 1, head_dim: 19, shape };
    for (bad, at) in [(f32::NAN, 0), (f32::INFINITY, 18), (f32::NEG_INFINITY, 7)] {
        let (q, good) = (vec![1.0; 19], vec![0.5; 19]);
        let mut row = good.clone();
        row[at] = bad;
        for run in Run::all() {
            assert!(run.run(&q, &row, &good, sizes).iter().all(|y| y.is_nan()));
            assert!(!run.run(&q, &good, &row, sizes)[at].is_finite());
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
        let sizes = Sizes { kv_heads, head_dim, shape: AttentionShape { heads, scale, window } };
        let q = noise(seed, n_q * heads * head_dim);
        let keys = noise(seed ^ 1, (n_q + past) * kv_heads * head_dim);
        let values = noise(seed ^ 2, (n_q + past) * kv_heads * head_dim);
        let want = want(&q, &keys, &values, sizes);
        for run in Run::all() {
            // Keys off by up to 5e-5 each: the error of a score has a deviation of 3e-4 with 120
            // channels, and two scores five deviations apart move a mean of such values by 3e-3.
            let tolerance = if run.kv_type == KvType::F32 { 1e-4 } else { 4e-3 };
            assert_close(
                run.context.isa(), &run.run(&q, &keys, &values, sizes), &want, tolerance,
            );
        }
    }

    #[test]
    fn a_query_is_the_same_alone_and_among_others(
        n in 2usize..90, window in prop::option::of(1usize..80), seed: u64,
    ) {
        let shape = AttentionShape { heads: 4, scale: 0.2, window };
        let sizes = Sizes { kv_heads: 2, head_dim: 24, shape };
        let (q, kv) = (4 * 24, 2 * 24);
        let (x, keys, values) = (noise(seed, n * q), noise(!seed, n * kv), noise(seed ^ 9, n * kv));
        for run in Run::all() {
            let mut stored = run.store(&keys, &values, sizes);
            let all = run.attend(&x, &stored, sizes);
            let x = &x[(n - 1) * q..];
            let last = run.attend(x, &stored, sizes);
            prop_assert_eq!(bits(&all[(n - 1) * q..]), bits(&last));
            // Keys outside the window may be dropped.
            stored.drop_before(window.map_or(0, |window| n.saturating_sub(window)));
            prop_assert_eq!(bits(&last), bits(&run.attend(x, &stored, sizes)));
        }
    }

    #[test]
    fn keys_are_the_same_in_one_call_and_in_many(
        parts in prop::collection::vec(1usize..50, 1..6), seed: u64,
    ) {
        let shape = AttentionShape { heads: 3, scale: 0.2, window: None };
        let sizes = Sizes { kv_heads: 3, head_dim: 20, shape };
        let n: usize = parts.iter().sum();
        let (keys, values) = (noise(seed, n * 60), noise(!seed, n * 60));
        for run in Run::all() {
            let mut stored = KeyValues::new(3, 20, run.kv_type);
            let mut start = 0;
            for part in &parts {
                let range = start * 60..(start + part) * 60;
                stored.append(&run.context, &keys[range.clone()], &values[range]);
                start += part;
            }
            prop_assert_eq!(stored.len(), n);
            let want = run.run(&keys, &keys, &values, sizes);
            prop_assert_eq!(bits(&run.attend(&keys, &stored, sizes)), bits(&want));
        }
    }
}

#[test]
fn huge_scores_do_not_overflow() {
    let shape = AttentionShape { heads: 1, scale: 1.0, window: None };
    let sizes = Sizes { kv_heads: 1, head_dim: 2, shape };
    // First the first score dwarfs all others, then the last, in a later chunk.
    for place in [0, 150] {
        let mut keys = vec![-100.0; 151 * 2];
        keys[place * 2..place * 2 + 2].fill(100.0);
        let values: Vec<f32> = (0..151 * 2).map(|i| (i / 2) as f32).collect();
        for run in Run::all() {
            let y = run.run(&[50.0, 50.0], &keys, &values, sizes);
            assert_close(run.context.isa(), &y, &[place as f64; 2], 1e-6);
        }
    }
}

/// A row of any size keeps its precision, and zeros stay zeros.
#[test]
fn values_of_every_size_are_stored() {
    let shape = AttentionShape { heads: 1, scale: 1.0, window: None };
    let sizes = Sizes { kv_heads: 1, head_dim: 3, shape };
    for size in [0.0, 1e-25, 1.0, 1e30] {
        let value = [size, -0.3 * size, 0.01 * size];
        for run in Run::all() {
            let y = run.run(&[1.0; 3], &[1.0; 3], &value, sizes);
            for (y, want) in y.iter().zip(value) {
                assert!((y - want).abs() <= size / 65_000.0, "{y} for {want}, {:?}", run.kv_type);
            }
        }
    }
}

#[test]
fn a_position_costs_two_bytes_per_element_and_a_scale_per_head() {
    let context = Context::new(1);
    let bytes = |n: usize, kv_type| {
        let rows = vec![1.0; n * 8 * 128];
        let mut stored = KeyValues::new(8, 128, kv_type);
        stored.append(&context, &rows, &rows);
        stored.bytes()
    };
    assert_eq!(bytes(64, KvType::F32), 64 * 2 * 8 * 128 * 4);
    assert_eq!(bytes(64, KvType::I16), 64 * 2 * 8 * (128 * 2 + 4));
    // Room grows by 32 positions.
    assert_eq!(bytes(33, KvType::I16), bytes(64, KvType::I16));
}

#[test]
#[should_panic(expected = "2 queries have 1 keys")]
fn fewer_keys_than_queries_are_refused() {
    let shape = AttentionShape { heads: 1, scale: 1.0, window: None };
    let run = Run { context: Context::new(1), kv_type: KvType::F32 };
    run.run(&[1.0; 2], &[1.0], &[1.0], Sizes { kv_heads: 1, head_dim: 1, shape });
}

#[test]
#[should_panic(expected = "keys from 0 on were dropped")]
fn dropped_keys_are_not_read() {
    let shape = AttentionShape { heads: 1, scale: 1.0, window: None };
    let sizes = Sizes { kv_heads: 1, head_dim: 1, shape };
    let run = Run { context: Context::new(1), kv_type: KvType::F32 };
    let mut stored = run.store(&[1.0; 40], &[1.0; 40], sizes);
    stored.drop_before(35);
    run.attend(&[1.0], &stored, sizes);
}
