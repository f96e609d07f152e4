//! Attention with its cache: grouped heads, norms, rope, windows, steps and clones.

use qwen3_tts_nn::{Attention, AttentionConfig, Device, KvCache, Rope, Tensor};

use crate::{assert_formula, doubled, noise, on_every_device, tensor, weights};

const HIDDEN: usize = 12;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const DIM: usize = 8;
const EPS: f64 = 1e-6;
const THETA: f64 = 10_000.0;

fn config(window: Option<usize>) -> AttentionConfig {
    let mut config = AttentionConfig::new(HIDDEN, HEADS, DIM);
    config.num_key_value_heads = KV_HEADS;
    config.sliding_window = window;
    config.qk_norm = Some(EPS as f32);
    config
}

/// Returns the name, shape and values of each weight.
fn parts() -> [(&'static str, Vec<usize>, Vec<f32>); 6] {
    let part =
        |name, shape: &[usize], seed| (name, shape.to_vec(), noise(shape.iter().product(), seed));
    [
        part("q_proj.weight", &[HEADS * DIM, HIDDEN], 1),
        part("k_proj.weight", &[KV_HEADS * DIM, HIDDEN], 2),
        part("v_proj.weight", &[KV_HEADS * DIM, HIDDEN], 3),
        part("o_proj.weight", &[HIDDEN, HEADS * DIM], 4),
        part("q_norm.weight", &[DIM], 5),
        part("k_norm.weight", &[DIM], 6),
    ]
}

fn load(window: Option<usize>, device: &Device) -> Attention {
    let parts = parts();
    let views: Vec<(&str, &[usize], &[f32])> =
        parts.iter().map(|(name, shape, values)| (*name, &shape[..], &values[..])).collect();
    Attention::load(&weights(&views, false), &config(window), device).unwrap()
}

fn project(x: &[f64], weight: &[f32]) -> Vec<f64> {
    let rows = weight.chunks_exact(x.len());
    rows.map(|row| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum()).collect()
}

/// Applies norm and rope to one head, in place.
fn prepare(head: &mut [f64], weight: &[f32], position: usize) {
    let mean = head.iter().map(|v| v * v).sum::<f64>() / DIM as f64;
    for (v, w) in head.iter_mut().zip(weight) {
        *v *= f64::from(*w) / (mean + EPS).sqrt();
    }
    for i in 0..DIM / 2 {
        let angle = position as f64 * THETA.powf(-2.0 * i as f64 / DIM as f64);
        let (a, b) = (head[i], head[i + DIM / 2]);
        head[i] = a * angle.cos() - b * angle.sin();
        head[i + DIM / 2] = b * angle.cos() + a * angle.sin();
    }
}

/// Computes the definition, position by position.
fn formula(x: &[f32], window: Option<usize>) -> Vec<f64> {
    let parts = parts();
    let weight = |i: usize| parts[i].2.as_slice();
    let (mut keys, mut values, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for (t, x) in doubled(x).chunks_exact(HIDDEN).enumerate() {
        let (mut q, mut k) = (project(x, weight(0)), project(x, weight(1)));
        q.chunks_exact_mut(DIM).for_each(|head| prepare(head, weight(4), t));
        k.chunks_exact_mut(DIM).for_each(|head| prepare(head, weight(5), t));
        keys.push(k);
        values.push(project(x, weight(2)));
        let first = window.map_or(0, |window| (t + 1).saturating_sub(window));
        let mut merged = Vec::new();
        for (head, q) in q.chunks_exact(DIM).enumerate() {
            let at = head / (HEADS / KV_HEADS) * DIM;
            let score = |key: &Vec<f64>| -> f64 {
                q.iter().zip(&key[at..at + DIM]).map(|(q, k)| q * k).sum::<f64>()
                    / (DIM as f64).sqrt()
            };
            let exp: Vec<f64> = keys[first..].iter().map(|key| score(key).exp()).collect();
            let sum: f64 = exp.iter().sum();
            merged.extend((at..at + DIM).map(|c| {
                let weighted = exp.iter().zip(&values[first..]).map(|(e, value)| e * value[c]);
                weighted.sum::<f64>() / sum
            }));
        }
        out.extend(project(&merged, weight(3)));
    }
    out
}

/// Runs the layer over chunks of these lengths.
fn attend(attention: &Attention, x: &Tensor, sizes: &[usize], cache: &mut KvCache) -> Tensor {
    let rope = Rope::new(DIM, THETA as f32);
    let mut start = 0;
    let step = |size: &usize| {
        let positions = rope.positions(cache.len(), *size);
        start += size;
        attention.step(&x.narrow(1, start - size, *size), &positions, cache)
    };
    let ys: Vec<Tensor> = sizes.iter().map(step).collect();
    Tensor::cat(&ys.iter().collect::<Vec<_>>(), 1)
}

#[test]
fn attention_matches_its_definition_in_any_chunks() {
    let time = 40;
    let x = noise(time * HIDDEN, 9);
    for window in [None, Some(1), Some(7), Some(64)] {
        let expected = formula(&x, window);
        on_every_device(|device| {
            let attention = load(window, device);
            let x = tensor(&x, HIDDEN, device);
            for sizes in [vec![40], vec![1; 40], vec![20, 1, 1, 15, 3]] {
                let mut cache = KvCache::new(&config(window), device);
                let y = attend(&attention, &x, &sizes, &mut cache);
                assert_formula(&y, expected.clone());
                assert_eq!(cache.len(), time);
            }
        });
    }
}

/// Uses sequences longer than a backend's growth of buffers and than a block of queries.
#[test]
fn long_sequences_keep_their_beginning() {
    let x = noise(1100 * HIDDEN, 9);
    for window in [None, Some(72)] {
        let expected = formula(&x, window);
        on_every_device(|device| {
            let attention = load(window, device);
            let mut cache = KvCache::new(&config(window), device);
            let sizes = [&[1, 200][..], &[1; 60], &[839]].concat();
            let x = tensor(&x, HIDDEN, device);
            assert_formula(&attend(&attention, &x, &sizes, &mut cache), expected.clone());
        });
    }
}

#[test]
fn a_cloned_cache_continues_on_its_own() {
    let x = noise(30 * HIDDEN, 9);
    for window in [None, Some(7)] {
        let expected = formula(&x, window);
        on_every_device(|device| {
            let attention = load(window, device);
            let mut cache = KvCache::new(&config(window), device);
            let x = tensor(&x, HIDDEN, device);
            attend(&attention, &x, &[20], &mut cache);
            let mut clone = cache.clone();
            let other = tensor(&noise(10 * HIDDEN, 10), HIDDEN, device);
            attend(&attention, &other, &[4, 6], &mut clone);
            let y = attend(&attention, &x.narrow(1, 20, 10), &[4, 6], &mut cache);
            assert_formula(&y, expected[20 * HIDDEN..].iter().copied());
        });
    }
}
