//! The filters of a conversion: those of soxr's high quality, which together pass and stop within 2⁻²¹
//! of full scale.
//!
//! One sharp filter cuts at half the lower rate. Its hundreds of weights serve a small ratio only; any
//! other ratio takes a short filter with a wide transition before or after it. High rates are halved
//! first. The figures in this module describe soxr's filters; none of them can be chosen freely.

use super::kernel::Kernel;
use super::stage::Stage;

/// End of the pass band, as a share of half the lower rate. The stop band begins at 1.
const PASS: f64 = 0.913_743_653_3;

/// Returns the stages from rate `from` to rate `to`, which differ.
pub fn stages(from: u32, to: u32) -> Vec<Stage> {
    let n_halvings = (from / to).checked_ilog2().map_or(0, |octaves| octaves.saturating_sub(1));
    let (up, down) = reduced((to as usize) << n_halvings, from as usize);
    // Rate of the input to the lower one of the two.
    let excess = (down as f64 / up as f64).max(1.0);
    let is_small = up.max(down) <= 4 || up * down <= 5;
    let n_parts = f64::from((n_halvings + 1) * if is_small { 1 } else { 2 });
    let mut stages = vec![halving(n_parts); n_halvings as usize];
    if is_small {
        stages.push(sharp(up, down, excess, n_parts));
    } else if excess > 1.5 && excess < 2.0 {
        let band = Band { pass: PASS / excess, stop: 3.0 / excess };
        stages.push(converter(2 * up, down, band, 1));
        stages.push(sharp(1, 2, 2.0, n_parts));
    } else {
        let inner = if excess < 2.0 { 2 } else { 1 };
        let inner_excess = excess * inner as f64;
        // The sharp filter has stopped well enough 0.7 of the way from pass to stop.
        let image = (0.3 * PASS + 0.7) / inner_excess;
        let band = Band { pass: PASS / inner_excess, stop: 2.0 - image };
        stages.push(sharp(inner, 1, excess, n_parts));
        stages.push(converter(up, inner * down, band, if excess > 1.0 { 2 } else { 1 }));
    }
    stages
}

/// Returns the filter that halves a rate of which only the lower half of the band matters.
fn halving(n_parts: f64) -> Stage {
    let is_lenient = n_parts < 4.0;
    let (half_width, beta) =
        if is_lenient { (17.244_73, 13.271_45) } else { (19.430_55, 14.962_96) };
    Stage { up: 1, down: 2, kernel: Kernel { cutoff: 0.5, half_width, beta } }
}

/// Edges of a filter as shares of half its input's rate.
struct Band {
    pass: f64,
    stop: f64,
}

/// Returns the filter that cuts at half the lower rate. The input's rate is the lower one times
/// `excess`; the filter may make one of `n_parts` of the permitted error.
fn sharp(up: usize, down: usize, excess: f64, n_parts: f64) -> Stage {
    let octaves = n_parts.log2();
    let length = (192.504 + 9.91 * octaves) * excess * up as f64;
    let multiple = if up == 4 { 8 } else { 4 };
    let order = (length.ceil() as usize).next_multiple_of(multiple);
    let kernel = Kernel {
        cutoff: (PASS + 1.0) / 2.0 / excess,
        half_width: (order + 1) as f64 / 2.0 / up as f64,
        beta: 13.040_036 + (0.670_765 + 4.035e-4 * octaves) * octaves,
    };
    Stage { up, down, kernel }
}

/// Returns the filter that converts by any ratio and is 0.01 dB down at the end of its pass band. The
/// number of its weights is a multiple of `multiple`.
fn converter(up: usize, down: usize, band: Band, multiple: usize) -> Stage {
    let (up, down) = reduced(up, down);
    let half_transition = (1.143_886_2 * (band.stop - band.pass)).min(band.stop) / 2.0;
    let n_weights = ((8.950_69 / half_transition) as usize + 1).next_multiple_of(multiple);
    // The middle of an odd number of weights is a time of the output's grid.
    let n_phases = if n_weights % 2 == 1 && up % 2 == 1 { 2 * up } else { up };
    let kernel = Kernel {
        cutoff: band.stop - half_transition,
        half_width: n_weights as f64 / 2.0 - 0.25 / n_phases as f64,
        beta: 14.058_64,
    };
    Stage { up, down, kernel }
}

/// Returns a ratio without common divisors.
fn reduced(up: usize, down: usize) -> (usize, usize) {
    let (mut a, mut b) = (up, down);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (up / a, down / a)
}
