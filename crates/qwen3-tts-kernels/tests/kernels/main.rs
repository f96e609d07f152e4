//! Every kernel, at every instruction set that this CPU has, against a plain float64 computation
//! of the formula in its documentation, on odd sizes.

mod affine;
mod affine_goldens;
mod attention;
mod conv;
mod elementwise;
mod linear;
mod rows;
mod statistics;

use qwen3_tts_kernels::{Context, Isa};

/// Returns the instruction sets that can be tested on this CPU.
fn levels() -> impl Iterator<Item = Isa> {
    Isa::available()
}

/// Returns a context of `threads` threads for each instruction set of this CPU.
fn contexts(threads: usize) -> impl Iterator<Item = Context> {
    levels().map(move |isa| Context::with_isa(threads, isa))
}

/// Returns contexts of 1, 2 and 3 threads, whose results must not differ.
fn thread_counts(isa: Isa) -> [Context; 3] {
    [1, 2, 3].map(|threads| Context::with_isa(threads, isa))
}

/// Returns `n` approximately normally distributed values, the same for the same seed.
fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut uniform = move || {
        // splitmix64
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    };
    (0..n).map(|_| (0..4).map(|_| uniform()).sum::<f32>() * 1.7 - 3.4).collect()
}

/// Asserts |got − want| ≤ tolerance everywhere.
#[track_caller]
fn assert_close(isa: Isa, got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - want).abs();
        assert!(error <= tolerance, "{isa:?}: [{i}] is {got}, not {want} (off by {error:e})");
    }
}

/// Returns the bits, which also compares NaN and the sign of 0.
fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}
