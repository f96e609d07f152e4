//! Activation functions and sums against their formulas.

use super::{assert_close, bits, contexts, noise};
use proptest::prelude::*;
use qwen3_tts_kernels::{
    Context, add, elu, gelu, mul, relu, scaled_add, sigmoid, silu, silu_mul, snake_beta, tanh,
};

type Unary = fn(&Context, &[f32], &mut [f32]);
type Formula = fn(f64) -> f64;

/// Activation functions, with their formulas and the error allowed at x.
const ACTIVATIONS: [(Unary, Formula, Formula); 6] = [
    (silu, |x| x / (1.0 + (-x).exp()), |x| 2e-7 + 2e-7 * x.abs()),
    (gelu, |x| 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())), |x| 3e-7 + 1e-7 * x.abs()),
    (elu, |x| if x > 0.0 { x } else { x.exp_m1() }, |x| 2e-7 * x.abs().min(1.0)),
    (relu, |x| x.max(0.0), |_| 0.0),
    (sigmoid, |x| 1.0 / (1.0 + (-x).exp()), |_| 2e-7),
    (tanh, f64::tanh, |x| 3e-7 * x.abs().min(1.0)),
];

#[test]
fn activations_are_close_everywhere() {
    let grid = (-4000..=4000).map(|i| i as f32 / 128.0);
    let far = [1e-30, 1e-7, 50.0, 87.0, 88.5, 100.0, 1e4, 1e30, f32::MAX];
    let x: Vec<f32> = grid.chain(far.iter().flat_map(|&x| [x, -x])).chain([0.0, -0.0]).collect();
    for (function, formula, allowed) in ACTIVATIONS {
        for context in contexts(2) {
            let isa = context.isa();
            let mut y = vec![f32::NAN; x.len()];
            function(&context, &x, &mut y);
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
        for context in contexts(1) {
            let mut y = [0.0];
            function(&context, &[f32::NAN], &mut y);
            assert!(y[0].is_nan(), "{:?}: {}", context.isa(), y[0]);
        }
    }
}

#[test]
fn sine_of_snake_keeps_its_bound() {
    // So large that x is negligible in the sum, and exact in the product.
    const SCALE: f32 = (1u64 << 40) as f32;
    let angles = noise(7, 60_000).into_iter().enumerate();
    let angles: Vec<f32> = angles.map(|(i, x)| x * [0.5, 30.0, 3e3][i % 3]).collect();
    for context in contexts(2) {
        let isa = context.isa();
        let mut y = vec![f32::NAN; angles.len()];
        snake_beta(&context, &angles, &[1.0], &[SCALE], &mut y);
        for (&x, &y) in angles.iter().zip(&y) {
            let sine = f64::from(x).sin();
            let error = (f64::from(y) / f64::from(SCALE) - sine * sine).abs();
            // The bound, half a unit in the last place of y, and the share of x in the sum.
            assert!(error <= 2e-7 + 6e-8 + 1e-8, "{isa:?}: sin²({x}) off by {error:e}");
        }
    }
}

#[test]
fn snake_is_bounded_for_any_finite_input() {
    let x = [0.0, 1e4, 1e5, 1e8, 1e20, f32::MAX, f32::MIN_POSITIVE, 1e-40];
    let x: Vec<f32> = x.iter().flat_map(|&x| [x, -x]).collect();
    for context in contexts(1) {
        let isa = context.isa();
        for alpha in [1e-3, 1.0, 1e10] {
            let mut y = vec![f32::NAN; x.len()];
            snake_beta(&context, &x, &[alpha], &[1.0], &mut y);
            for (&x, &y) in x.iter().zip(&y) {
                assert!(y.is_finite() && y >= x && y <= x + 1.0, "{isa:?}: snake({x}) = {y}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn pairs_and_channels_match_their_formulas(
        rows in 0usize..40, channels in 1usize..300, seed: u64,
    ) {
        let n = rows * channels;
        let (x, z) = (noise(seed, n), noise(seed ^ 1, n));
        let (alpha, beta) = (noise(seed ^ 2, channels), noise(seed ^ 3, channels));
        let wide = |v: &[f32]| -> Vec<f64> { v.iter().map(|&v| f64::from(v)).collect() };
        let (fx, fz, fa, fb) = (wide(&x), wide(&z), wide(&alpha), wide(&beta));
        let each = |f: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..n).map(|i| f(i, i % channels)).collect()
        };
        for context in contexts(2) {
            let isa = context.isa();
            let mut y = vec![f32::NAN; n];
            add(&context, &x, &z, &mut y);
            assert_close(isa, &y, &each(&|i, _| fx[i] + fz[i]), 1e-6);
            mul(&context, &x, &z, &mut y);
            assert_close(isa, &y, &each(&|i, _| fx[i] * fz[i]), 1e-6);
            silu_mul(&context, &x, &z, &mut y);
            assert_close(isa, &y, &each(&|i, _| fx[i] / (1.0 + (-fx[i]).exp()) * fz[i]), 4e-6);
            scaled_add(&context, &x, &z, &alpha, &mut y);
            assert_close(isa, &y, &each(&|i, c| fx[i] + fz[i] * fa[c]), 2e-6);
            snake_beta(&context, &x, &alpha, &beta, &mut y);
            let snake = |i: usize, c: usize| fx[i] + (fx[i] * fa[c]).sin().powi(2) * fb[c];
            assert_close(isa, &y, &each(&snake), 8e-6);
        }
    }

    #[test]
    fn an_element_does_not_depend_on_its_position(
        n in 1usize..100, from in 0.0..1.0, seed: u64,
    ) {
        let x = noise(seed, n);
        let from = (n as f64 * from) as usize;
        for (function, ..) in ACTIVATIONS {
            for context in contexts(1) {
                let (mut whole, mut part) = (vec![f32::NAN; n], vec![f32::NAN; n - from]);
                function(&context, &x, &mut whole);
                function(&context, &x[from..], &mut part);
                prop_assert_eq!(bits(&whole[from..]), bits(&part));
            }
        }
    }
}

#[test]
#[should_panic(expected = "not whole rows of 3 channels")]
fn incomplete_rows_are_refused() {
    snake_beta(&Context::new(1), &[0.0; 4], &[1.0; 3], &[1.0; 3], &mut [0.0; 4]);
}
