//! Seeded pseudo-random numbers, fast enough for two billion weights.

/// A generator of approximately normal numbers, with a separate SplitMix64 stream for each tensor.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    /// Creates the stream of `name` for `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut state = seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in name.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(state)
    }

    /// Returns the next 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number with mean 0 and variance 1, as the sum of four uniform 16-bit numbers.
    pub fn normal(&mut self) -> f32 {
        let bits = self.next();
        let pairs = (bits & 0x0000_ffff_0000_ffff) + ((bits >> 16) & 0x0000_ffff_0000_ffff);
        let sum = (pairs & 0xffff_ffff) + (pairs >> 32);
        // A uniform 16-bit number has variance 2^32 / 12, so the sum has 2^32 / 3.
        const SCALE: f32 = 1.732_050_8 / 65_536.0;
        (sum as f32 - 131_070.0) * SCALE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_standard_normal_in_their_first_moments() {
        let mut random = Random::new(1, "tensor");
        let numbers: Vec<f64> = (0..200_000).map(|_| f64::from(random.normal())).collect();
        let count = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / count;
        let variance = numbers.iter().map(|number| number * number).sum::<f64>() / count;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.01, "{variance}");
    }

    #[test]
    fn streams_depend_on_seed_and_name_only() {
        let first = |seed, name| Random::new(seed, name).normal();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }
}
