//! Quantised weights of a width that no kernel reads, in the next wider one.

use super::Bits;

impl Bits {
    /// Widths in bits of the weights that MLX writes and [`widen`] takes.
    pub const STORED: [usize; 6] = [2, 3, 4, 5, 6, 8];

    /// Returns the smallest width that holds weights of `stored` bits, one of [`Bits::STORED`].
    pub fn holding(stored: usize) -> Option<Self> {
        match stored {
            2..=4 => Some(Self::Four),
            5 | 6 => Some(Self::Six),
            8 => Some(Self::Eight),
            _ => None,
        }
    }
}

/// Number of weights that fill whole bytes at every width.
const TOGETHER: usize = 8;

/// Repacks numbers of `stored` bits, from the lowest bit of the first byte on, with the width
/// `bits`. The numbers stay the same, so that their scales and biases apply as they are.
///
/// # Panics
/// Panics if `bits` are fewer than `stored`, or if the numbers are not a multiple of eight.
pub fn widen(packed: &[u8], stored: usize, bits: Bits) -> Vec<u8> {
    assert!((1..=bits.get()).contains(&stored), "{stored} bits do not fit {bits:?}");
    assert!(packed.len().is_multiple_of(stored), "a part of eight numbers");
    let mask = (1u64 << stored) - 1;
    let mut wide = Vec::with_capacity(packed.len() / stored * bits.get());
    for bytes in packed.chunks_exact(stored) {
        let mut word = [0; size_of::<u64>()];
        word[..stored].copy_from_slice(bytes);
        let word = u64::from_le_bytes(word);
        let numbers = (0..TOGETHER).map(|i| word >> (i * stored) & mask);
        let word = numbers.rev().fold(0, |word, number| word << bits.get() | number);
        wide.extend_from_slice(&word.to_le_bytes()[..bits.get()]);
    }
    wide
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 to 7, written out by hand.
    #[test]
    fn the_numbers_stay_the_same() {
        // 111 110 101 100 011 010 001 000, from the highest bit down.
        let three = [0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(widen(&three, 3, Bits::Four), [0x10, 0x32, 0x54, 0x76]);
        // 11 10 01 00, twice.
        assert_eq!(widen(&[0b1110_0100; 2], 2, Bits::Four), [0x10, 0x32, 0x10, 0x32]);
        // 00111 00110 00101 00100 00011 00010 00001 00000.
        let five = [0b0010_0000, 0b1000_1000, 0b0100_0001, 0b1000_1010, 0b0011_1001];
        // 000111 000110 000101 000100 and 000011 000010 000001 000000.
        let six = [0b0100_0000, 0b0010_0000, 0b0000_1100];
        let six = [&six[..], &[0b0100_0100, 0b0110_0001, 0b0001_1100]].concat();
        assert_eq!(widen(&five, 5, Bits::Six), six);
        assert_eq!(widen(&three, 3, Bits::Eight), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(widen(&[], 3, Bits::Four).is_empty());
    }

    #[test]
    fn each_stored_width_has_one_that_holds_it() {
        for stored in Bits::STORED {
            let bits = Bits::holding(stored).unwrap();
            assert!(bits.get() >= stored && Bits::new(stored).is_none_or(|same| same == bits));
        }
        assert_eq!([0, 1, 7, 9, 64].map(Bits::holding), [None; 5]);
    }
}
