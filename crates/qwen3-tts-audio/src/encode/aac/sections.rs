//! The codebook of each band. Adjacent bands with the same one are a section.

use oxideav_core::bits::BitWriter;

use super::codebook::{BOOKS, N_BOOKS};

/// Number of bits of the number of a codebook.
const BOOK_BITS: u32 = 4;
/// Number of bits of a part of a section's length, and the part that another one follows.
const LENGTH_BITS: u32 = 5;
const MORE: usize = 31;
/// Number of bits with which a section begins.
const SECTION_BITS: usize = (BOOK_BITS + LENGTH_BITS) as usize;
/// Cost of a codebook that lacks values.
const IMPOSSIBLE: usize = usize::MAX / 2;

/// Returns the codebooks that take the fewest bits, up to the last band that is not silent.
pub fn choose<'a>(bands: impl Iterator<Item = &'a [i32]>) -> Vec<u8> {
    // The least number of bits of the bands so far, if the last one has this codebook.
    let mut totals = [0; N_BOOKS];
    // For each band and its codebook, the codebook before.
    let mut before = Vec::new();
    let mut n_bands = 0;
    for (band, values) in bands.enumerate() {
        let largest = values.iter().fold(0, |largest, value| largest.max(value.abs()));
        if largest > 0 {
            n_bands = band + 1;
        }
        let cheapest = cheapest(&totals);
        let next = totals[cheapest] + SECTION_BITS;
        let chosen: [usize; N_BOOKS] =
            std::array::from_fn(|book| if totals[book] <= next { book } else { cheapest });
        totals = std::array::from_fn(|book| {
            totals[book].min(next).saturating_add(cost(book, values, largest)).min(IMPOSSIBLE)
        });
        before.push((chosen, self::cheapest(&totals)));
    }
    before.truncate(n_bands);
    let mut book = before.last().map_or(0, |(_, cheapest)| *cheapest);
    let mut books: Vec<u8> = Vec::with_capacity(n_bands);
    for (chosen, _) in before.iter().rev() {
        books.push(book as u8);
        book = chosen[book];
    }
    books.reverse();
    books
}

fn cheapest(totals: &[usize; N_BOOKS]) -> usize {
    let all = totals.iter().enumerate();
    all.min_by_key(|(_, total)| **total).map_or(0, |(book, _)| book)
}

fn cost(book: usize, values: &[i32], largest: i32) -> usize {
    if !BOOKS[book].has(largest) {
        return IMPOSSIBLE;
    }
    // One bit for the scale factor, which silence does without.
    BOOKS[book].count(values) + usize::from(book > 0)
}

/// Writes the sections of these codebooks.
pub fn write(books: &[u8], writer: &mut BitWriter) {
    for section in books.chunk_by(|book, next| book == next) {
        writer.write_u32(section[0].into(), BOOK_BITS);
        let mut length = section.len();
        while length >= MORE {
            writer.write_u32(MORE as u32, LENGTH_BITS);
            length -= MORE;
        }
        writer.write_u32(length as u32, LENGTH_BITS);
    }
}
