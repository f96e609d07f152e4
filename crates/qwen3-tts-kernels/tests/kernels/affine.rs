//! Quantised matrices against their definition.

use super::{assert_close, bits, contexts, levels, noise, thread_counts};
use proptest::prelude::*;
use proptest::sample::select;
use qwen3_tts_kernels::{
    Affine, AffineGroups, AffineTiles, Bits, Context, Floats, GROUP_SIZES, Isa, Matrix, MatrixData,
    Projection, Rounding, bf16, linear, quantize,
};

const WIDTHS: [Bits; 3] = [Bits::Four, Bits::Six, Bits::Eight];
const ROUNDINGS: [Rounding; 2] = [Rounding::Nearest, Rounding::LeastSquares];

/// A weight of arbitrary integers, scales and biases, as [`quantize`] need not have written it.
struct Random {
    groups: AffineGroups,
    width: Bits,
    group_size: usize,
}

impl Random {
    fn new(seed: u64, weights: usize, width: Bits, group_size: usize) -> Self {
        let bytes = noise(seed, weights * width.get() / 8);
        let bf16s = |seed| {
            let values = noise(seed, weights / group_size).into_iter();
            values.map(|v| bf16::from_f32(v / 64.0).to_f32()).collect()
        };
        let groups = AffineGroups {
            packed: bytes.iter().map(|v| (v.to_bits() >> 7) as u8).collect(),
            scales: bf16s(seed ^ 1),
            biases: bf16s(seed ^ 2),
        };
        Self { groups, width, group_size }
    }

    /// Quantises ordinary weights with [`quantize`]; scales and biases are rounded.
    fn made(seed: u64, weights: usize, width: Bits, group_size: usize) -> Self {
        let weights = noise(seed, weights);
        let mut groups: AffineGroups = quantize(
            &Context::new(1),
            Floats::F32(&weights),
            width,
            group_size,
            Rounding::default(),
        );
        let round = |values: &mut Vec<f32>| {
            values.iter_mut().for_each(|v| *v = bf16::from_f32(*v).to_f32());
        };
        round(&mut groups.scales);
        round(&mut groups.biases);
        Self { groups, width, group_size }
    }

    fn affine(&self) -> Affine<'_> {
        Affine {
            bits: self.width,
            group_size: self.group_size,
            packed: &self.groups.packed,
            scales: Floats::F32(&self.groups.scales),
            biases: Floats::F32(&self.groups.biases),
        }
    }

    /// Dequantises by the definition, one bit at a time.
    fn weights(&self) -> Vec<f64> {
        let width = self.width.get();
        let bit = |i: usize| u32::from(self.groups.packed[i / 8] >> (i % 8) & 1);
        let weight = |i: usize| {
            let q: u32 = (0..width).map(|b| bit(i * width + b) << b).sum();
            let group = i / self.group_size;
            f64::from(self.groups.scales[group]) * f64::from(q)
                + f64::from(self.groups.biases[group])
        };
        (0..self.groups.scales.len() * self.group_size).map(weight).collect()
    }
}

/// Multiplies `x` \[tokens, cols\] by `data` \[rows, cols\], packed for the context.
fn run(
    context: &Context,
    x: &[f32],
    tokens: usize,
    data: Affine<'_>,
    (rows, cols): (usize, usize),
) -> Vec<f32> {
    let tiles = AffineTiles::pack(context, data, rows, cols);
    let weight = Matrix { data: MatrixData::Affine(&tiles), rows, cols };
    let mut y = vec![f32::NAN; tokens * rows];
    linear(context, x, tokens, &mut [Projection { weight, bias: None, y: &mut y }]);
    y
}

/// Returns activations of a kind: ordinary, with outliers, all of one size, huge, tiny, subnormal,
/// all rounded in one direction, and 0.
fn activations(kind: usize, seed: u64, n: usize) -> Vec<f32> {
    let noise = noise(seed, n);
    let change = |(i, x): (usize, &f32)| match kind {
        0 => *x,
        1 if i % 37 == 5 => x * 1e4,
        1 => *x,
        2 => x.signum(),
        3 => x * 1e30,
        4 => x * 1e-30,
        5 => x * 1e-40,
        6 if i % 32 == 0 => 1.0,
        6 => 1234.4 / 32639.0,
        _ => 0.0,
    };
    noise.iter().enumerate().map(change).collect()
}
const KINDS: usize = 8;

/// Returns Σ x·w over one row, and the error bound of a product.
///
/// The error of an activation is at most half a step s of its group, which is 1/32639 of the
/// group's largest (at least 2⁻¹⁰⁰); the step and its inverse are rounded (0.01). Each term of a
/// float sum, s·scale·Σqξ per lane and s·bias·Σξ, is rounded once for each term that follows.
fn product(random: &Random, weights: &[f64], row: usize, x: &[f32]) -> (f64, f64) {
    let (size, groups) = (random.group_size, x.len() / random.group_size);
    let (mut sum, mut moved, mut terms) = (0.0, 0.0, 0.0);
    for g in 0..groups {
        let group = row * groups + g;
        let scale = f64::from(random.groups.scales[group]).abs();
        let bias = f64::from(random.groups.biases[group]).abs();
        let x = &x[g * size..][..size];
        let largest = x.iter().fold(0.0, |most: f64, x| most.max(f64::from(x.abs())));
        let step = largest.max(0.5f64.powi(100)) / 32639.0;
        for (x, w) in x.iter().zip(&weights[row * groups * size + g * size..]) {
            let size = f64::from(x.abs()) + step;
            sum += f64::from(*x) * w;
            moved += 0.51 * step * w.abs();
            // q·scale is w − bias.
            terms += size * ((w.abs() + bias).max(scale) + bias);
        }
    }
    let additions = (2 * groups + 4) as f64;
    (sum, moved + additions * 0.5f64.powi(24) * terms)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn projections_are_the_products_with_dequantised_weights(
        tokens in 0usize..12,
        rows in 1usize..30,
        groups in 1usize..20,
        width in select(&WIDTHS[..]),
        group_size in select(&GROUP_SIZES[..]),
        kind in 0..KINDS,
        made: bool,
        seed: u64,
    ) {
        let cols = groups * group_size;
        let random = match made {
            true => Random::made(seed, rows * cols, width, group_size),
            false => Random::new(seed, rows * cols, width, group_size),
        };
        let x = activations(kind, seed ^ 3, tokens * cols);
        let weights = random.weights();
        let halves = |values: &[f32]| values.iter().map(|&v| bf16::from_f32(v)).collect::<Vec<_>>();
        let (scales, biases) = (halves(&random.groups.scales), halves(&random.groups.biases));
        let half = Affine {
            scales: Floats::Bf16(&scales),
            biases: Floats::Bf16(&biases),
            ..random.affine()
        };
        for isa in levels() {
            let mut first: Option<Vec<f32>> = None;
            for data in [random.affine(), half] {
                for context in &thread_counts(isa) {
                    let y = run(context, &x, tokens, data, (rows, cols));
                    prop_assert_eq!(bits(first.get_or_insert_with(|| y.clone())), bits(&y));
                }
            }
            for (i, &y) in first.unwrap_or_default().iter().enumerate() {
                let x = &x[i / rows * cols..][..cols];
                let (want, bound) = product(&random, &weights, i % rows, x);
                let error = (f64::from(y) - want).abs();
                prop_assert!(error <= bound, "{isa:?}: {y}, not {want} within {bound:e}");
            }
        }
    }

    #[test]
    fn integers_are_exact(
        groups in 1usize..3,
        width in select(&WIDTHS[..]),
        group_size in select(&GROUP_SIZES[..]),
        seed: u64,
    ) {
        let (rows, cols) = (5, groups * group_size);
        let mut random = Random::new(seed, rows * cols, width, group_size);
        random.groups.scales.fill(1.0);
        random.groups.biases.fill(0.0);
        // One activation of each group makes the step 1; all sums stay below 2²⁴, exact in f32.
        let mut x: Vec<f32> = noise(!seed, cols).iter().map(|x| x.round()).collect();
        x.chunks_mut(group_size).zip(0..).for_each(|(x, g)| x[g % group_size] = -32639.0);
        let weights = random.weights();
        let want = |n: usize| -> f64 {
            x.iter().zip(&weights[n * cols..]).map(|(x, w)| f64::from(*x) * w).sum()
        };
        for context in contexts(1) {
            let y = run(&context, &x, 1, random.affine(), (rows, cols));
            for n in 0..rows {
                prop_assert_eq!(f64::from(y[n]), want(n), "{:?}", context.isa());
            }
        }
    }

    #[test]
    fn a_token_is_the_same_alone_and_among_others(
        tokens in prop_oneof![1usize..12, 60usize..140],
        rows in 1usize..40,
        width in select(&WIDTHS[..]),
        group_size in select(&GROUP_SIZES[..]),
        seed: u64,
    ) {
        let cols = 2 * group_size;
        let random = Random::new(seed, rows * cols, width, group_size);
        let x = noise(!seed, tokens * cols);
        for isa in levels() {
            let run = |context: &Context, x: &[f32], tokens| {
                run(context, x, tokens, random.affine(), (rows, cols))
            };
            let together = run(&Context::with_isa(2, isa), &x, tokens);
            let context = Context::with_isa(1, isa);
            let alone: Vec<f32> =
                x.chunks_exact(cols).flat_map(|x| run(&context, x, 1)).collect();
            prop_assert_eq!(bits(&together), bits(&alone));
        }
    }

    #[test]
    fn quantised_weights_are_within_a_step(
        groups in 1usize..5,
        width in select(&WIDTHS[..]),
        group_size in select(&GROUP_SIZES[..]),
        seed: u64,
    ) {
        let weights = noise(seed, groups * group_size);
        let context = Context::new(1);
        let quantised =
            quantize(&context, Floats::F32(&weights), width, group_size, Rounding::Nearest);
        let random = Random { groups: quantised, width, group_size };
        let mut back = vec![0.0; weights.len()];
        random.affine().dequantize(0, &mut back);
        for (group, (was, is)) in
            weights.chunks(group_size).zip(back.chunks(group_size)).enumerate()
        {
            // The scale is fitted to one edge, so the other may lie up to a step outside.
            let step = random.groups.scales[group].abs();
            for (was, is) in was.iter().zip(is) {
                prop_assert!((was - is).abs() <= 1.001 * step, "{} became {}", was, is);
            }
        }
        let definition = random.weights();
        assert_close(Isa::Portable, &back, &definition, 1e-5);
    }
}

#[test]
fn a_single_row_can_be_dequantised() {
    let random = Random::new(5, 3 * 64, Bits::Six, 32);
    let want = random.weights();
    let mut row = vec![0.0; 64];
    random.affine().dequantize(64, &mut row);
    assert_close(Isa::Portable, &row, &want[64..128], 1e-5);
}

#[test]
fn groups_are_the_same_on_any_cpu_and_any_number_of_threads() {
    let weights: Vec<bf16> = noise(6, 5003 * 32).into_iter().map(bf16::from_f32).collect();
    for (width, rounding) in WIDTHS.into_iter().flat_map(|width| ROUNDINGS.map(|r| (width, r))) {
        let made = |context: &Context| -> AffineGroups<bf16> {
            quantize(context, Floats::Bf16(&weights), width, 32, rounding)
        };
        let first = made(&Context::with_isa(1, Isa::Portable));
        for isa in levels() {
            for context in &thread_counts(isa) {
                assert_eq!(made(context), first, "{isa:?}, {width:?}, {rounding:?}");
            }
        }
    }
}

/// Returns the mean squared error of weights quantised with scales and biases in bf16.
fn mean_squared_error(weights: &[bf16], width: Bits, size: usize, rounding: Rounding) -> f64 {
    let groups: AffineGroups<bf16> =
        quantize(&Context::new(2), Floats::Bf16(weights), width, size, rounding);
    let affine = Affine {
        bits: width,
        group_size: size,
        packed: &groups.packed,
        scales: Floats::Bf16(&groups.scales),
        biases: Floats::Bf16(&groups.biases),
    };
    let mut back = vec![0.0; weights.len()];
    affine.dequantize(0, &mut back);
    let errors = back.iter().zip(weights).map(|(back, w)| f64::from(back - w.to_f32()).powi(2));
    errors.sum::<f64>() / weights.len() as f64
}

#[test]
fn least_squares_leave_smaller_errors() {
    // Sums of four are nearly normal.
    let uniform = noise(10, 4 * 3000 * 128);
    let weights: Vec<bf16> =
        uniform.chunks_exact(4).map(|four| bf16::from_f32(four.iter().sum())).collect();
    for (width, bound) in [(Bits::Four, 0.86), (Bits::Six, 0.88), (Bits::Eight, 0.68)] {
        for size in GROUP_SIZES {
            let [nearest, least] =
                ROUNDINGS.map(|rounding| mean_squared_error(&weights, width, size, rounding));
            let ratio = least / nearest;
            assert!(ratio < bound, "{width:?} by {size}: {ratio} of MLX's error");
        }
    }
}

#[test]
fn groups_of_one_value_or_two_are_kept() {
    for values in [[0.0, 0.0], [1.0, 1.0], [-3.0, -3.0], [0.0, 1.5], [-0.25, 0.75]] {
        let weights: Vec<bf16> = (0..128).map(|i| bf16::from_f32(values[i % 2])).collect();
        for width in WIDTHS {
            let error = mean_squared_error(&weights, width, 64, Rounding::LeastSquares).sqrt();
            let bound = f64::from(values[1] - values[0]) / 200.0;
            assert!(error <= bound, "{values:?}, {width:?}: {error}");
        }
    }
}

#[test]
fn a_weight_that_is_not_finite_makes_the_scale_not_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut weights = noise(7, 128);
        weights[100] = bad;
        for (width, rounding) in WIDTHS.into_iter().flat_map(|width| ROUNDINGS.map(|r| (width, r)))
        {
            for context in contexts(1) {
                let made: AffineGroups =
                    quantize(&context, Floats::F32(&weights), width, 64, rounding);
                let place = format!("{:?}, {width:?}, {rounding:?}", context.isa());
                assert!(made.scales[0].is_finite() && !made.scales[1].is_finite(), "{place}");
            }
        }
    }
}

#[test]
fn activations_that_are_not_finite_make_outputs_not_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for width in WIDTHS {
            let random = Random::new(8, 3 * 128, width, 32);
            let mut x = noise(9, 2 * 128);
            x[128 + 77] = bad;
            for context in contexts(1) {
                let isa = context.isa();
                let y = run(&context, &x, 2, random.affine(), (3, 128));
                assert!(y[..3].iter().all(|y| y.is_finite()), "{isa:?}");
                assert!(y[3..].iter().all(|y| !y.is_finite()), "{isa:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "length of the scales")]
fn a_missing_scale_is_refused() {
    let random = Random::new(1, 64, Bits::Four, 32);
    let short = Affine { scales: Floats::F32(&[1.0]), ..random.affine() };
    AffineTiles::pack(&Context::new(1), short, 1, 64);
}
