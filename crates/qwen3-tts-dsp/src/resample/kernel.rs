//! Low-pass filters: a sinc under Kaiser's window.

use std::f64::consts::PI;

/// A filter of continuous time, with gain 1 in its pass band. Time is in samples of its input.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Frequency of half amplitude, as a share of half the input's rate.
    pub cutoff: f64,
    /// Time from the middle to the end.
    pub half_width: f64,
    /// Shape of the window: attenuation against steepness.
    pub beta: f64,
}

impl Kernel {
    /// Returns the number of samples on each side that can have a weight.
    pub fn reach(&self) -> usize {
        self.half_width as usize + 1
    }

    /// Returns the weights of the samples at −reach to reach for an output at `fraction`.
    pub fn weights(&self, fraction: f64) -> Vec<f64> {
        let reach = self.reach() as isize;
        (-reach..=reach).map(|sample| self.at(fraction - sample as f64)).collect()
    }

    fn at(&self, time: f64) -> f64 {
        let inside = 1.0 - (time / self.half_width).powi(2);
        if inside < 0.0 {
            return 0.0;
        }
        self.cutoff * sinc(self.cutoff * time) * bessel_i0(self.beta * inside.sqrt())
            / bessel_i0(self.beta)
    }
}

/// Computes sin(πx) / (πx).
fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Computes the modified Bessel function of the first kind and order 0 by its series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1.. {
        term *= quarter / f64::from(n * n);
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Abramowitz and Stegun, table 9.8, without its factor e⁻ˣ.
    #[test]
    fn the_bessel_function_is_the_tabulated_one() {
        for (x, value) in [(0.0, 1.0), (1.0, 1.266_065_877_75), (5.0, 27.239_871_823_6)] {
            assert!((bessel_i0(x) / value - 1.0).abs() < 1e-10, "{x}");
        }
    }

    #[test]
    fn the_weights_of_every_fraction_have_the_sum_of_one() {
        let kernel = Kernel { cutoff: 0.5, half_width: 30.3, beta: 13.0 };
        for fraction in [0.0, 0.1, 0.5, 0.999] {
            let sum: f64 = kernel.weights(fraction).iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{fraction}: {sum}");
        }
    }
}
