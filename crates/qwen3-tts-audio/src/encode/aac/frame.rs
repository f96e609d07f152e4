//! Frames: spectra that are quantised as finely as their bits allow.

use oxideav_aac::scale_factor_data::hcod_sf_encode;
use oxideav_core::bits::BitWriter;

use super::bands::{FrequencyIndex, bands};
use super::codebook::{BOOKS, LARGEST};
use super::sections;
use super::spectrum::BLOCK;

/// Scale factor at which a step of the quantiser is 1.
const UNIT_GAIN: f32 = 100.0;
/// Rounding of powers of 3/4, where a step is not centred.
const ROUNDING: f32 = 0.4054;
/// Kinds of elements: a channel, and the end of the frame.
const CHANNEL: u32 = 0;
const END: u32 = 7;

/// A quantised spectrum.
pub struct Quantized {
    pub values: [i32; BLOCK],
    /// Scale factor of all bands.
    pub gain: u8,
    /// Codebooks of the bands up to the last one that is not silent.
    pub books: Vec<u8>,
}

/// Returns a frame, without its header, in the finest steps that `n_bits` can hold. Finer steps take
/// more bits, but for a few exceptions, which cost nothing but quality.
pub fn finest(lines: &[f32; BLOCK], index: FrequencyIndex, n_bits: usize) -> Vec<u8> {
    let powers = lines.map(|line| line.abs().powf(0.75));
    let largest = powers.iter().fold(0.0, |largest: f32, power| largest.max(*power));
    let with_gain = |gain: u8| {
        let scale = ((UNIT_GAIN - f32::from(gain)) * 0.1875).exp2();
        if largest * scale > (LARGEST - 1) as f32 {
            return None;
        }
        let values = std::array::from_fn(|line| {
            let value = (powers[line] * scale + ROUNDING) as i32;
            if lines[line] < 0.0 { -value } else { value }
        });
        let books = sections::choose(bands(&values, index));
        let frame = write(&Quantized { values, gain, books }, index);
        (8 * frame.len() <= n_bits).then_some(frame)
    };
    let (mut low, mut high) = (0, u8::MAX);
    let mut best = None;
    while low < high {
        let middle = low + (high - low) / 2;
        match with_gain(middle) {
            Some(frame) => {
                best = Some(frame);
                high = middle;
            }
            None => low = middle + 1,
        }
    }
    best.unwrap_or_else(|| write(&silence(), index))
}

fn silence() -> Quantized {
    Quantized { values: [0; BLOCK], gain: 0, books: Vec::new() }
}

/// Returns the bytes of a frame without its header.
pub fn write(quantized: &Quantized, index: FrequencyIndex) -> Vec<u8> {
    let mut writer = BitWriter::new();
    let books = &quantized.books;
    writer.write_u32(CHANNEL, 3);
    // The first channel.
    writer.write_u32(0, 4);
    writer.write_u32(quantized.gain.into(), 8);
    // A reserved bit, and a long block between long blocks with the sine window.
    writer.write_u32(0, 4);
    writer.write_u32(books.len() as u32, 6);
    // No prediction.
    writer.write_bit(false);
    sections::write(books, &mut writer);
    let (length, unchanged) = hcod_sf_encode(0).expect("a difference of 0");
    for _ in books.iter().filter(|book| **book > 0) {
        writer.write_u32(unchanged, length.into());
    }
    // No pulses, no temporal noise shaping, no gain control.
    writer.write_u32(0, 3);
    for (book, values) in books.iter().zip(bands(&quantized.values, index)) {
        BOOKS[usize::from(*book)].write(values, &mut writer);
    }
    writer.write_u32(END, 3);
    writer.finish()
}
