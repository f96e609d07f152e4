//! Quantised matrices packed for products.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::quantize::{AffineGroups, NonFiniteScale, Rounding, quantize};
use super::{Affine, Bits, Floats, Parameter};
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
        let tiles = Self::zeros(context, &matrix, rows, cols);
        tiles.fill(context, |tiles, rows, to| tiles.pack_tile(matrix.rows(rows, cols), to))
    }

    /// Quantises a matrix of this shape, rows and columns, and packs it, with scales and biases of
    /// type `P`: the same tiles as those of [`quantize`], without its groups in between.
    ///
    /// # Errors
    /// Returns [`NonFiniteScale`] if a group has a NaN or an infinite weight, or overflows.
    ///
    /// # Panics
    /// Panics if the length does not fit the shape, or as [`quantize`] does.
    #[track_caller]
    pub fn quantize<P: Parameter>(
        context: &Context,
        weights: Floats<'_>,
        [rows, cols]: [usize; 2],
        bits: Bits,
        group_size: usize,
        rounding: Rounding,
    ) -> Result<Self, NonFiniteScale> {
        assert_eq!(weights.len(), rows * cols, "length of the weight");
        let empty = AffineGroups::<P> { packed: vec![], scales: vec![], biases: vec![] };
        let tiles = Self::zeros(context, &empty.view(bits, group_size), rows, cols);
        let bad = Mutex::new(None::<NonFiniteScale>);
        let tiles = tiles.fill(context, |tiles, rows, to| {
            let weights = weights.part(rows.start * cols..rows.end * cols);
            let groups = quantize::<P>(context, weights, bits, group_size, rounding);
            if let Err(found) = groups.check_finite() {
                let group = found.group + rows.start * cols / group_size;
                let found = NonFiniteScale { group, ..found };
                let mut bad = bad.lock().unwrap_or_else(PoisonError::into_inner);
                *bad = bad.filter(|bad| bad.group < found.group).or(Some(found));
            }
            tiles.pack_tile(groups.view(bits, group_size), to);
        });
        match bad.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(bad) => Err(bad),
            None => Ok(tiles),
        }
    }

    /// Returns tiles of zeros for a matrix of this shape with the type of `like`.
    fn zeros(context: &Context, like: &Affine<'_>, rows: usize, cols: usize) -> Self {
        let parameter = match like.scales {
            Floats::F32(_) => size_of::<f32>(),
            Floats::Bf16(_) => size_of::<half::bf16>(),
        };
        let mut all = Self {
            bits: like.bits,
            group_size: like.group_size,
            rows,
            cols,
            lanes: lanes(context),
            parameter,
            bytes: context.weight_memory().zeros(0),
        };
        all.bytes = context.weight_memory().zeros(all.tiles() * all.tile_bytes());
        all
    }

    /// Fills each tile with `fill`, which is given the rows of the tile.
    fn fill(
        mut self,
        context: &Context,
        fill: impl Fn(&Self, Range<usize>, &mut [u8]) + Sync,
    ) -> Self {
        let mut bytes = std::mem::replace(&mut self.bytes, context.weight_memory().zeros(0));
        let tile = self.tile_bytes();
        context.pool().pieces(bytes.of_mut(), tile, |offset, to| {
            let first = offset / tile * self.lanes;
            fill(&self, first..self.rows.min(first + self.lanes), to);
        });
        self.bytes = bytes;
        self
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

    /// Packs the rows of one tile.
    fn pack_tile(&self, rows: Affine<'_>, to: &mut [u8]) {
        let groups = self.cols / self.group_size;
        let (scales, integers) = (self.lanes * self.parameter, 2 * self.lanes * self.parameter);
        for (group, to) in to.chunks_exact_mut(self.group_bytes()).enumerate() {
            for lane in 0..rows.scales.len() / groups {
                let index = lane * groups + group;
                self.put(rows.scales, index, &mut to[lane * self.parameter..]);
                self.put(rows.biases, index, &mut to[scales + lane * self.parameter..]);
                let bytes = self.group_size * self.bits.get() / 8;
                let from = &rows.packed[index * bytes..][..bytes];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::affine::GROUP_SIZES;
    use half::bf16;

    fn weights(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.4).collect()
    }

    fn assert_same_as_packed<P: Parameter>(context: &Context, rows: usize, cols: usize) {
        let weights = weights(rows * cols);
        for bits in [Bits::Four, Bits::Six, Bits::Eight] {
            for rounding in [Rounding::Nearest, Rounding::LeastSquares] {
                for size in GROUP_SIZES {
                    let weights = Floats::F32(&weights);
                    let groups = quantize::<P>(context, weights, bits, size, rounding);
                    let packed = AffineTiles::pack(context, groups.view(bits, size), rows, cols);
                    let shape = [rows, cols];
                    let made =
                        AffineTiles::quantize::<P>(context, weights, shape, bits, size, rounding);
                    let (made, packed) = (made.unwrap().bytes, packed.bytes);
                    assert_eq!(made.of::<u8>(), packed.of::<u8>(), "{bits:?} {rounding:?} {size}");
                }
            }
        }
    }

    #[test]
    fn tiles_that_are_quantised_are_those_of_packed_groups() {
        for threads in [1, 2] {
            let context = Context::new(threads);
            assert_same_as_packed::<bf16>(&context, 37, 256);
            assert_same_as_packed::<f32>(&context, 16, 128);
            assert_same_as_packed::<f32>(&context, 0, 128);
        }
    }

    #[test]
    fn the_first_scale_that_is_not_finite_is_named() {
        let context = Context::new(2);
        for (bad, group) in [([130, 4000], 2), ([4000, 130], 2), ([4000, 4001], 62)] {
            let mut weights = weights(70 * 128);
            for i in bad {
                weights[i] = f32::INFINITY;
            }
            let weights = Floats::F32(&weights);
            let error = AffineTiles::quantize::<bf16>(
                &context,
                weights,
                [70, 128],
                Bits::Eight,
                64,
                Rounding::Nearest,
            );
            let error = error.unwrap_err();
            assert!(error.group == group && !error.scale.is_finite(), "{error:?}");
        }
    }
}
