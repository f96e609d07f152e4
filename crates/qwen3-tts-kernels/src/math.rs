//! Elementary functions on vectors.
//!
//! The polynomials are minimax fits to the function named beside them, over the interval that the
//! range reduction leaves. Their own error is below 2e-8, so f32 rounding dominates.

use crate::vector::Vector;

/// Computes Σ coefficient\[i\]·xⁱ by Horner's rule.
#[inline(always)]
fn polynomial<V: Vector, const N: usize>(x: V, coefficients: [f32; N]) -> V {
    let mut sum = x.like(coefficients[N - 1]);
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, x.like(coefficients[i]));
    }
    sum
}

/// Returns (s, p) with eˣ = s·(1 + p), s a power of two and |p| < 0.42; x is clamped to
/// −87.3 ..= 88.37. If x is NaN, so is p.
#[inline(always)]
fn exp_parts<V: Vector>(x: V) -> (V, V) {
    // ln 2 in two parts; the first has 12 bits, so its products with n are exact.
    const LN2_HIGH: f32 = 0.693_115_23;
    const LN2_LOW: f32 = 3.194_618_5e-5;
    // In this order the clamp propagates NaN.
    let x = x.like(88.37).min(x.like(-87.3).max(x));
    let n = (x * x.like(std::f32::consts::LOG2_E)).round();
    let r = n.mul_add(n.like(-LN2_HIGH), x);
    let r = n.mul_add(n.like(-LN2_LOW), r);
    // (eʳ − 1 − r) / r² on |r| ≤ ln 2 / 2.
    let q = polynomial(r, [0.5, 0.166_665_18, 0.041_666_202, 0.008_368_97, 0.001_395_063]);
    (n.exp2_whole(), (r * r).mul_add(q, r))
}

/// Computes eˣ within 2 units in the last place; x is clamped to −87.3 ..= 88.37.
#[inline(always)]
pub(crate) fn exp<V: Vector>(x: V) -> V {
    let (s, p) = exp_parts(x);
    s.mul_add(p, s)
}

/// Computes eˣ − 1, also accurately near 0.
#[inline(always)]
pub(crate) fn exp_m1<V: Vector>(x: V) -> V {
    let (s, p) = exp_parts(x);
    s.mul_add(p, s - s.like(1.0))
}

/// Computes x / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn silu<V: Vector>(x: V) -> V {
    let one = x.like(1.0);
    x / (one + exp(x.like(0.0) - x))
}

/// Computes x·Φ(x) = max(x, 0) − ½·|x|·erfc(|x| / √2).
#[inline(always)]
pub(crate) fn gelu<V: Vector>(x: V) -> V {
    let size = x.abs();
    let z = size * x.like(std::f32::consts::FRAC_1_SQRT_2);
    let one = x.like(1.0);
    let t = one / z.mul_add(x.like(0.5), one);
    // erfc(z)·exp(z²) / t on t = 1 / (1 + z/2), 0 ≤ z ≤ 7.
    const ERFC: [f32; 7] = [
        0.278_706_55,
        0.308_344_24,
        0.174_863_49,
        0.231_025_4,
        0.196_580_57,
        -0.256_416_35,
        0.066_896_1,
    ];
    let erfc = t * polynomial(t, ERFC) * exp(x.like(0.0) - z * z);
    // At infinity the product would be 0 · ∞; beyond 20 the tail is 0 anyway.
    let tail = size.min(x.like(20.0)) * x.like(-0.5);
    tail.mul_add(erfc, x.like(0.0).max(x))
}

/// Computes x above 0, eˣ − 1 below.
#[inline(always)]
pub(crate) fn elu<V: Vector>(x: V) -> V {
    let zero = x.like(0.0);
    // In this order the maximum propagates NaN.
    zero.max(x) + exp_m1(x.min(zero))
}

/// Computes 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn sigmoid<V: Vector>(x: V) -> V {
    let one = x.like(1.0);
    one / (one + exp(x.like(0.0) - x))
}

/// Computes (e²ˣ − 1) / (e²ˣ + 1).
#[inline(always)]
pub(crate) fn tanh<V: Vector>(x: V) -> V {
    let p = exp_m1(x + x);
    p / (p + x.like(2.0))
}

/// Computes sin²(x) within 2e-7 for |x| ≤ 1e4; the result is in 0 ..= 1 for any x.
#[inline(always)]
pub(crate) fn sin_squared<V: Vector>(x: V) -> V {
    // π in parts of 8, 11 and 11 bits, whose products with n are exact, and a remainder.
    const PI: [f32; 4] = [3.140_625, 9.675_026e-4, 1.509_906_7e-7, 5.126_688e-12];
    const HALF_PI: f32 = std::f32::consts::FRAC_PI_2;
    // The square has period π; the sign of the sine does not matter.
    let n = (x * x.like(std::f32::consts::FRAC_1_PI)).round();
    let mut r = x;
    for part in PI {
        r = n.mul_add(n.like(-part), r);
    }
    let r = r.min(r.like(HALF_PI)).max(r.like(-HALF_PI));
    let square = r * r;
    // (sin r − r) / r³ in powers of r² on |r| ≤ π / 2.
    let s = polynomial(
        square,
        [-0.166_666_67, 0.008_333_33, -1.984_078_6e-4, 2.752_174_2e-6, -2.383_166e-8],
    );
    let sine = (r * square).mul_add(s, r);
    (sine * sine).min(x.like(1.0))
}
