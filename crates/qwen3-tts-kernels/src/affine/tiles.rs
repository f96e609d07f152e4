//! Quantised matrices packed for products.

use super::{Affine, Bits, Floats};
use crate::context::Context;
use crate::dispatch::lanes;
use crate::integers::{BLOCK, store_row, words};
use crate::memory::WeightBytes;

/// A quantised matrix \[rows, cols\] as the products read it: one contiguous stream per task.
///
/// A tile has as many rows as a vector has lanes, so that a sum needs no addition across lanes. It
/// holds group after group: the scales of all rows, their biases, then their integers, the words of
/// all rows side by side. Rows that the matrix lacks in the last tile are 0.
#[derive(Debug)]
pub struct AffineTiles {
    bits: Bits,
    group_size: usize,
    rows: usize,
    cols: usize,
    /// Rows of a tile.
    lanes: usize,
    /// Bytes of a scale: 2 in bfloat16, 4 in float32.
    parameter: usize,
    bytes: WeightBytes,
}

impl AffineTiles {
    /// Packs a matrix for the instruction set of `context`, with all of its threads.
    ///
    /// # Panics
    /// Panics if a length does not fit the shape.
    #[track_caller]
    pub fn pack(context: &Context, matrix: Affine<'_>, rows: usize, cols: usize) -> Self {
        matrix.check(rows, cols);
        let parameter = match matrix.scales {
            Floats::F32(_) => size_of::<f32>(),
            Floats::Bf16(_) => size_of::<half::bf16>(),
        };
        let mut all = Self {
            bits: matrix.bits,
            group_size: matrix.group_size,
            rows,
            cols,
            lanes: lanes(context),
            parameter,
            bytes: context.weight_memory().zeros(0),
        };
        let tile = all.tile_bytes();
        let mut bytes = context.weight_memory().zeros(all.tiles() * tile);
        context.pool().pieces(bytes.of_mut(), tile, |offset, to| {
            all.pack_tile(matrix, offset / tile, to);
        });
        all.bytes = bytes;
        all
    }

    /// Returns the width of the integers.
    pub fn bits(&self) -> Bits {
        self.bits
    }

    /// Returns the number of weights that share a scale and a bias.
    pub fn group_size(&self) -> usize {
        self.group_size
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Returns the rows of a tile.
    pub(crate) fn lanes(&self) -> usize {
        self.lanes
    }

    /// Returns true if scales and biases are bfloat16.
    pub(super) fn half(&self) -> bool {
        self.parameter == size_of::<half::bf16>()
    }

    fn tiles(&self) -> usize {
        self.rows.div_ceil(self.lanes)
    }

    /// Returns the bytes of a group of all rows of a tile.
    pub(super) fn group_bytes(&self) -> usize {
        let row = 2 * self.parameter + self.group_size * self.bits.get() / 8;
        self.lanes * row
    }

    fn tile_bytes(&self) -> usize {
        self.cols / self.group_size * self.group_bytes()
    }

    /// Returns the groups of a tile.
    ///
    /// # Panics
    /// Panics if there is no such tile.
    pub(super) fn tile(&self, tile: usize) -> &[u8] {
        &self.bytes.of()[tile * self.tile_bytes()..][..self.tile_bytes()]
    }

    fn pack_tile(&self, matrix: Affine<'_>, tile: usize, to: &mut [u8]) {
        let first = tile * self.lanes;
        let rows = self.lanes.min(self.rows - first);
        let (scales, integers) = (self.lanes * self.parameter, 2 * self.lanes * self.parameter);
        for (group, to) in to.chunks_exact_mut(self.group_bytes()).enumerate() {
            for lane in 0..rows {
                let index = (first + lane) * (self.cols / self.group_size) + group;
                self.put(matrix.scales, index, &mut to[lane * self.parameter..]);
                self.put(matrix.biases, index, &mut to[scales + lane * self.parameter..]);
                let bytes = self.group_size * self.bits.get() / 8;
                let from = &matrix.packed[index * bytes..][..bytes];
                self.pack_row(from, lane, &mut to[integers..]);
            }
        }
    }

    /// Writes a scale or a bias.
    fn put(&self, values: Floats<'_>, index: usize, to: &mut [u8]) {
        match values {
            Floats::F32(values) => to[..4].copy_from_slice(&values[index].to_le_bytes()),
            Floats::Bf16(values) => to[..2].copy_from_slice(&values[index].to_le_bytes()),
        }
    }

    /// Writes the integers of a group of one row.
    fn pack_row(&self, from: &[u8], lane: usize, to: &mut [u8]) {
        let bits = self.bits.get();
        let row_bytes = BLOCK * bits / 8;
        let blocks = to.chunks_exact_mut(words(bits) * self.lanes * size_of::<u32>());
        for (from, to) in from.chunks_exact(row_bytes).zip(blocks) {
            store_row(bits, from, |i, word| {
                to[(i * self.lanes + lane) * 4..][..4].copy_from_slice(&word.to_ne_bytes());
            });
        }
    }
}
