//! Activations and sums against their formulas.

use super::{assert_close, bits, levels, noise};
use proptest::prelude::*;
use qwen3_tts_kernels::{Isa, Pool, by_isa};

type Unary = fn(Isa, &Pool, &[f32], &mut [f32]);
type Formula = fn(f64) -> f64;

/// The activations with their formulas and the error allowed at x.
const ACTIVATIONS: [(Unary, Formula, Formula); 6] = [
    (by_isa::silu, |x| x / (1.0 + (-x).exp()), |x| 2e-7 + 2e-7 * x.abs()),
    (by_isa::gelu, |x| 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())), |x| 3e-7 + 1e-7 * x.abs()),
    (by_isa::elu, |x| if x > 0.0 { x } else { x.exp_m1() }, |x| 2e-7 * x.abs().min(1.0)),
    (by_isa::relu, |x| x.max(0.0), |_| 0.0),
    (by_isa::sigmoid, |x| 1.0 / (1.0 + (-x).exp()), |_| 2e-7),
    (by_isa::tanh, f64::tanh, |x| 3e-7 * x.abs().min(1.0)),
];

#[test]
fn activations_are_close_everywhere() {
    let grid = (-4000..=4000).map(|i| i as f32 / 128.0);
    let far = [1e-30, 1e-7, 50.0, 87.0, 88.5, 100.0, 1e4, 1e30, f32::MAX];
    let x: Vec<f32> = grid.chain(far.iter().flat_map(|&x| [x, -x])).chain([0.0, -0.0]).collect();
    for (function, formula, allowed) in ACTIVATIONS {
        for isa in levels() {
            let mut y = vec![f32::NAN; x.len()];
            function(isa, &Pool::new(2), &x, &mut y);
            for (&x, &y) in x.iter().zip(&y) {
                let (x, y) = (f64::from(x), f64::from(y));
                let error = (y - formula(x)).abs();
                assert!(error <= allowed(x), "{isa:?}: f({x}) is {y}, not {}", formula(x));
            }
        }
    }
}

#[test]
fn nan_stays_nan() {
    for (function, ..) in ACTIVATIONS {
        for isa in levels() {
            let mut y = [0.0];
            function(isa, &Pool::new(1), &[f32::NAN], &mut y);
            assert!(y[0].is_nan(), "{isa:?}: {}", y[0]);
        }
    }
}

#[test]
fn sine_of_snake_keeps_its_bound() {
    // So large that x hardly counts in the sum, and exact in the product.
    const SCALE: f32 = (1u64 << 40) as f32;
    let angles = noise(7, 60_000).into_iter().enumerate();
    let angles: Vec<f32> = angles.map(|(i, x)| x * [0.5, 30.0, 3e3][i % 3]).collect();
    for isa in levels() {
        let mut y = vec![f32::NAN; angles.len()];
        by_isa::snake_beta(isa, &Pool::new(2), &angles, &[1.0], &[SCALE], &mut y);
        for (&x, &y) in angles.iter().zip(&y) {
            let sine = f64::from(x).sin();
            let error = (f64::from(y) / f64::from(SCALE) - sine * sine).abs();
            // The bound, half a unit in the last place of y, and what x is of the sum.
            assert!(error <= 2e-7 + 6e-8 + 1e-8, "{isa:?}: sin²({x}) off by {error:e}");
        }
    }
}

#[test]
fn snake_is_sane_for_any_finite_input() {
    let x = [0.0, 1e4, 1e5, 1e8, 1e20, f32::MAX, f32::MIN_POSITIVE, 1e-40];
    let x: Vec<f32> = x.iter().flat_map(|&x| [x, -x]).collect();
    for isa in levels() {
        for alpha in [1e-3, 1.0, 1e10] {
            let mut y = vec![f32::NAN; x.len()];
            by_isa::snake_beta(isa, &Pool::new(1), &x, &[alpha], &[1.0], &mut y);
            for (&x, &y) in x.iter().zip(&y) {
                assert!(y.is_finite() && y >= x && y <= x + 1.0, "{isa:?}: snake({x}) = {y}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn pairs_and_channels_are_their_formulas(
        rows in 0usize..40, channels in 1usize..300, seed: u64,
    ) {
        let n = rows * channels;
        let (x, z) = (noise(seed, n), noise(seed ^ 1, n));
        let (alpha, beta) = (noise(seed ^ 2, channels), noise(seed ^ 3, channels));
        let pool = &Pool::new(2);
        let wide = |v: &[f32]| -> Vec<f64> { v.iter().map(|&v| f64::from(v)).collect() };
        let (fx, fz, fa, fb) = (wide(&x), wide(&z), wide(&alpha), wide(&beta));
        let each = |f: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..n).map(|i| f(i, i % channels)).collect()
        };
        for isa in levels() {
            let mut y = vec![f32::NAN; n];
            by_isa::add(isa, pool, &x, &z, &mut y);
            assert_close(isa, &y, &each(&|i, _| fx[i] + fz[i]), 1e-6);
            by_isa::mul(isa, pool, &x, &z, &mut y);
            assert_close(isa, &y, &each(&|i, _| fx[i] * fz[i]), 1e-6);
            by_isa::silu_mul(isa, pool, &x, &z, &mut y);
            assert_close(isa, &y, &each(&|i, _| fx[i] / (1.0 + (-fx[i]).exp()) * fz[i]), 4e-6);
            by_isa::scaled_add(isa, pool, &x, &z, &alpha, &mut y);
            assert_close(isa, &y, &each(&|i, c| fx[i] + fz[i] * fa[c]), 2e-6);
            by_isa::snake_beta(isa, pool, &x, &alpha, &beta, &mut y);
            let snake = |i: usize, c: usize| fx[i] + (fx[i] * fa[c]).sin().powi(2) * fb[c];
            assert_close(isa, &y, &each(&snake), 8e-6);
        }
    }

    #[test]
    fn an_element_is_the_same_wherever_it_stands(
        n in 1usize..100, from in 0.0..1.0, seed: u64,
    ) {
        let x = noise(seed, n);
        let from = (n as f64 * from) as usize;
        for (function, ..) in ACTIVATIONS {
            for isa in levels() {
                let (mut whole, mut part) = (vec![f32::NAN; n], vec![f32::NAN; n - from]);
                function(isa, &Pool::new(1), &x, &mut whole);
                function(isa, &Pool::new(1), &x[from..], &mut part);
                prop_assert_eq!(bits(&whole[from..]), bits(&part));
            }
        }
    }
}

#[test]
#[should_panic(expected = "not whole rows of 3 channels")]
fn broken_rows_are_refused() {
    by_isa::snake_beta(
        Isa::Portable,
        &Pool::new(1),
        &[0.0; 4],
        &[1.0; 3],
        &[1.0; 3],
        &mut [0.0; 4],
    );
}
