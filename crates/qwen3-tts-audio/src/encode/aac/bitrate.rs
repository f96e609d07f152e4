//! The bits that a frame may take.

use super::spectrum::BLOCK;

/// Number of bits that a decoder's buffer holds for a channel, and so the largest frame.
const BUFFER: usize = 6144;
/// Part of the saved bits that a frame may take, as a divisor.
const SPENT: usize = 4;

/// Bits that the bit rate allows and that frames have not taken yet.
pub struct BitReservoir {
    bits_per_second: u64,
    sample_rate: u64,
    /// Bits of the next frame that are not a whole bit yet, times the sample rate.
    fraction: u64,
    /// Bits of the next frame by the bit rate.
    share: usize,
    /// Bits that earlier frames left.
    saved: usize,
}

impl BitReservoir {
    /// Returns an empty reservoir. The bit rate is in kbit/s.
    pub fn new(bitrate: u32, sample_rate: u32) -> Self {
        let (bits_per_second, sample_rate) = (1000 * u64::from(bitrate), u64::from(sample_rate));
        let mut reservoir = Self { bits_per_second, sample_rate, fraction: 0, share: 0, saved: 0 };
        reservoir.earn();
        reservoir
    }

    /// Returns the number of bits that the next frame may take: its share and a part of the saved ones.
    pub fn bits(&self) -> usize {
        (self.share + self.saved / SPENT).min(BUFFER)
    }

    /// Takes the bits of a frame, and adds the share of the next one.
    pub fn spend(&mut self, n_bits: usize) {
        self.saved = (self.share + self.saved).saturating_sub(n_bits);
        self.earn();
        self.saved = self.saved.min(BUFFER.saturating_sub(self.share));
    }

    fn earn(&mut self) {
        self.fraction += self.bits_per_second * BLOCK as u64;
        self.share = (self.fraction / self.sample_rate) as usize;
        self.fraction %= self.sample_rate;
    }
}
