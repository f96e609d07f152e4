//! The Huffman codebooks of quantised spectra.

use std::sync::LazyLock;

use oxideav_aac::spectral_codebook::{MAX_QUANT, TABLE_4_95};
use oxideav_aac::spectrum_huffman::{
    hcod1_encode, hcod2_encode, hcod3_encode, hcod4_encode, hcod5_encode, hcod6_encode,
    hcod7_encode, hcod8_encode, hcod9_encode, hcod10_encode, hcod11_encode,
};
use oxideav_core::bits::BitWriter;

/// Number of codebooks, with the one of silence, which is the first.
pub const N_BOOKS: usize = 12;
/// Largest magnitude of a quantised value.
pub const LARGEST: i32 = MAX_QUANT;
/// Length of the shortest escaped value in bits, which has no prefix.
const ESCAPE_BITS: u32 = 4;

/// The codebooks, by their numbers.
pub static BOOKS: LazyLock<[Codebook; N_BOOKS]> =
    LazyLock::new(|| std::array::from_fn(Codebook::number));

/// Codes of groups of values.
pub struct Codebook {
    /// Number of values of a group.
    pub dimension: usize,
    /// Largest magnitude without an escape.
    pub largest: i32,
    /// Signs follow the codes.
    has_signs: bool,
    /// The largest magnitude stands for itself and all above, which follow.
    has_escapes: bool,
    /// Lengths in bits and codes, in the order of the groups.
    codes: Vec<(u8, u16)>,
}

impl Codebook {
    fn number(number: usize) -> Self {
        let properties = TABLE_4_95[number];
        let code = |index| match number {
            1 => hcod1_encode(index),
            2 => hcod2_encode(index),
            3 => hcod3_encode(index),
            4 => hcod4_encode(index),
            5 => hcod5_encode(index),
            6 => hcod6_encode(index),
            7 => hcod7_encode(index),
            8 => hcod8_encode(index),
            9 => hcod9_encode(index),
            10 => hcod10_encode(index),
            _ => hcod11_encode(index),
        };
        let codes = match number {
            0 => Vec::new(),
            _ => (0..).map_while(|index| code(index).ok()).collect(),
        };
        Self {
            dimension: properties.dimension.map_or(1, |dimension| dimension as usize),
            largest: properties.lav.map_or(0, |largest| largest as i32),
            has_signs: properties.is_unsigned(),
            has_escapes: properties.has_esc(),
            codes,
        }
    }

    /// Returns true if the book has the values of a band.
    pub fn has(&self, largest: i32) -> bool {
        largest <= if self.has_escapes { LARGEST } else { self.largest }
    }

    /// Returns the number of bits of the values of a band, which the book has.
    pub fn count(&self, values: &[i32]) -> usize {
        if self.codes.is_empty() {
            return 0;
        }
        let groups = values.chunks_exact(self.dimension);
        groups.map(|group| self.count_group(group)).sum()
    }

    fn count_group(&self, group: &[i32]) -> usize {
        let mut n_bits = usize::from(self.codes[self.index(group)].0);
        if self.has_signs {
            n_bits += group.iter().filter(|value| **value != 0).count();
        }
        if self.has_escapes {
            let escaped = group.iter().filter(|value| value.abs() >= self.largest);
            n_bits += escaped.map(|value| 2 * prefix(*value) as usize + 5).sum::<usize>();
        }
        n_bits
    }

    /// Writes the values of a band, which the book has.
    pub fn write(&self, values: &[i32], writer: &mut BitWriter) {
        if self.codes.is_empty() {
            return;
        }
        for group in values.chunks_exact(self.dimension) {
            let (length, code) = self.codes[self.index(group)];
            writer.write_u32(code.into(), length.into());
            if self.has_signs {
                for value in group.iter().filter(|value| **value != 0) {
                    writer.write_bit(*value < 0);
                }
            }
            if self.has_escapes {
                for value in group.iter().filter(|value| value.abs() >= self.largest) {
                    write_escaped(*value, writer);
                }
            }
        }
    }

    /// Returns the position of the code of a group: its values as digits.
    fn index(&self, group: &[i32]) -> usize {
        let digit = |value: i32| match self.has_signs {
            true => value.abs().min(self.largest),
            false => value + self.largest,
        };
        let base = if self.has_signs { self.largest + 1 } else { 2 * self.largest + 1 };
        group.iter().fold(0, |index, value| index * base + digit(*value)) as usize
    }
}

/// Returns the length of the prefix of an escaped value: its bits above the shortest ones.
fn prefix(value: i32) -> u32 {
    value.unsigned_abs().ilog2() - ESCAPE_BITS
}

/// Writes a magnitude: a one for each bit of the prefix, a zero, and the bits below the highest one.
fn write_escaped(value: i32, writer: &mut BitWriter) {
    let prefix = prefix(value);
    writer.write_u32((1 << (prefix + 1)) - 2, prefix + 1);
    writer.write_u32(value.unsigned_abs(), prefix + ESCAPE_BITS);
}
