//! The register tile: a few rows × 3 vectors of outputs, summed over a stretch of taps × channels.

use super::weight::{ConvWeight, TILE_VECTORS};
use crate::dispatch::Kernel;
use crate::pool::SharedMut;
use crate::vector::{MAX_TILE_ROWS, Vector};
use std::mem::MaybeUninit;

/// Number of weight rows of a panel per pass over y; such a stretch of the panel stays in L1 while
/// all rows of a block pass.
const STRETCH: usize = 192;

/// Maximum number of lanes of any vector.
const MAX_LANES: usize = 16;

/// Width of the buffer through which sums pass if a panel is not full. Each sum is loaded and
/// stored in one way only, so that compilers keep it in a register in between.
const EDGE: usize = TILE_VECTORS * MAX_LANES;
static NOTHING: [f32; EDGE] = [0.0; EDGE];

/// Mapping from rows of y to their windows in x.
pub(super) struct Window<'a> {
    pub(super) x: &'a [f32],
    /// Distance in x between the windows of neighbouring rows.
    pub(super) pitch: usize,
    pub(super) taps: usize,
    /// Distance in x between neighbouring taps.
    pub(super) tap_pitch: usize,
    /// Number of contiguous elements of a tap.
    pub(super) depth: usize,
}

impl<'a> Window<'a> {
    pub(super) fn new(
        x: &'a [f32],
        weight: &ConvWeight,
        stride: usize,
        dilation: usize,
    ) -> Window<'a> {
        let inputs = weight.in_channels();
        let (taps, depth) = match dilation {
            // Taps are contiguous in x, as in the weight, and count as one long tap.
            1 => (1, weight.taps() * inputs),
            _ => (weight.taps(), inputs),
        };
        Window { x, pitch: stride * inputs, taps, tap_pitch: dilation * inputs, depth }
    }

    /// Returns the number of elements of x under `rows` neighbouring rows of y.
    pub(super) fn len(&self, rows: usize) -> usize {
        rows.saturating_sub(1) * self.pitch + (self.taps - 1) * self.tap_pitch + self.depth
    }
}

/// `rows` rows of y, `width` outputs wide.
pub(super) struct Block<'a> {
    pub(super) window: &'a Window<'a>,
    pub(super) row: usize,
    pub(super) rows: usize,
    /// \[taps · depth, panel width\].
    pub(super) panel: &'a [f32],
    /// At least `width` elements.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) y: SharedMut,
    /// Offset of the block in y.
    pub(super) offset: usize,
    /// Distance between its rows in y.
    pub(super) pitch: usize,
    pub(super) width: usize,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Window { taps, depth, .. } = *self.window;
        // A stretch is several whole taps if they are short, and a part of a tap if it is long.
        let taps_at_once = (STRETCH / depth).max(1);
        let piece = depth.div_ceil(depth.div_ceil(STRETCH));
        let mut tap = 0;
        while tap < taps {
            let end = (tap + taps_at_once).min(taps);
            let mut channel = 0;
            while channel < depth {
                let stretch = Stretch { tap, end, channel, len: piece.min(depth - channel) };
                // SAFETY: the stretch lies within taps and depth.
                unsafe { self.pass::<V>(stretch) };
                channel += piece;
            }
            tap = end;
        }
    }
}

/// Channels channel .. channel + len of taps tap .. end.
#[derive(Clone, Copy)]
struct Stretch {
    tap: usize,
    end: usize,
    channel: usize,
    len: usize,
}

impl Stretch {
    fn is_first(self) -> bool {
        self.tap == 0 && self.channel == 0
    }
}

impl Block<'_> {
    /// Adds one stretch to all rows of the block.
    ///
    /// # Safety
    /// As [`Kernel::run`]; the stretch lies within taps and depth.
    #[inline(always)]
    unsafe fn pass<V: Vector>(&self, stretch: Stretch) {
        let tiles = self.rows.div_ceil(V::TILE_ROWS);
        let mut row = 0;
        for tile in 0..tiles {
            // Tiles of about equal height, since a low tile costs as much as a high one.
            let end = (tile + 1) * self.rows / tiles;
            // SAFETY: the rows exist.
            unsafe { self.tile_of::<V>(row, end - row, stretch) };
            row = end;
        }
    }

    /// # Safety
    /// As [`Block::pass`]; the rows exist and are at most `V::TILE_ROWS`.
    #[inline(always)]
    unsafe fn tile_of<V: Vector>(&self, row: usize, rows: usize, stretch: Stretch) {
        const { assert!(V::TILE_ROWS >= 2 && V::TILE_ROWS <= MAX_TILE_ROWS && MAX_TILE_ROWS == 9) };
        // SAFETY: upheld by the caller.
        unsafe {
            match rows {
                1 => self.tile::<V, 1>(row, stretch),
                2 => self.tile::<V, 2>(row, stretch),
                3 if V::TILE_ROWS >= 3 => self.tile::<V, 3>(row, stretch),
                4 if V::TILE_ROWS >= 4 => self.tile::<V, 4>(row, stretch),
                5 if V::TILE_ROWS >= 5 => self.tile::<V, 5>(row, stretch),
                6 if V::TILE_ROWS >= 6 => self.tile::<V, 6>(row, stretch),
                7 if V::TILE_ROWS >= 7 => self.tile::<V, 7>(row, stretch),
                8 if V::TILE_ROWS >= 8 => self.tile::<V, 8>(row, stretch),
                _ if V::TILE_ROWS >= 9 => self.tile::<V, 9>(row, stretch),
                _ => unreachable!("higher than the tile"),
            }
        }
    }

    /// # Safety
    /// As [`Block::pass`]; rows row .. row + R exist.
    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize>(&self, row: usize, stretch: Stretch) {
        let Window { x, pitch, tap_pitch, depth, .. } = *self.window;
        const { assert!(V::LANES <= MAX_LANES) };
        let panel_width = TILE_VECTORS * V::LANES;
        // Filled only where it is used; always filling it would take 2.5 % of the total time.
        let mut edge = MaybeUninit::<[[f32; EDGE]; R]>::uninit();
        // SAFETY: the window of every row lies within x, the stretch within the panel, and the
        // rows within y, where only this task writes.
        unsafe {
            let y = self.y.at(self.offset + row * self.pitch);
            let (mut from, mut from_pitch) = match (stretch.is_first(), self.bias) {
                (false, _) => (y.cast_const(), self.pitch),
                (true, Some(bias)) => (bias.as_ptr(), 0),
                (true, None) => (NOTHING.as_ptr(), 0),
            };
            if self.width < panel_width {
                edge.write([[0.0; EDGE]; R]);
                copy_rows(from, from_pitch, edge.as_mut_ptr().cast(), EDGE, R, self.width);
                (from, from_pitch) = (edge.as_ptr().cast(), EDGE);
            }
            let mut sums = [[V::splat(0.0); TILE_VECTORS]; R];
            for r in 0..R {
                for v in 0..TILE_VECTORS {
                    sums[r][v] = V::load(from.add(r * from_pitch + v * V::LANES));
                }
            }
            let x = x.as_ptr().add((self.row + row) * pitch + stretch.channel);
            for tap in stretch.tap..stretch.end {
                let x = x.add(tap * tap_pitch);
                let w = self.panel.as_ptr().add((tap * depth + stretch.channel) * panel_width);
                for c in 0..stretch.len {
                    let w = w.add(c * panel_width);
                    let weights =
                        [V::load(w), V::load(w.add(V::LANES)), V::load(w.add(2 * V::LANES))];
                    for r in 0..R {
                        let x = V::splat(*x.add(r * pitch + c));
                        for v in 0..TILE_VECTORS {
                            sums[r][v] = weights[v].mul_add(x, sums[r][v]);
                        }
                    }
                }
            }
            let whole = self.width == panel_width;
            let (to, to_pitch) =
                if whole { (y, self.pitch) } else { (edge.as_mut_ptr().cast(), EDGE) };
            for r in 0..R {
                for v in 0..TILE_VECTORS {
                    sums[r][v].store(to.add(r * to_pitch + v * V::LANES));
                }
            }
            if !whole {
                copy_rows(to, EDGE, y, self.pitch, R, self.width);
            }
        }
    }
}

/// # Safety
/// `from` is valid for reading and `to` for writing `rows` rows of `width` values, and they do not
/// overlap.
unsafe fn copy_rows(
    from: *const f32,
    from_pitch: usize,
    to: *mut f32,
    to_pitch: usize,
    rows: usize,
    width: usize,
) {
    for r in 0..rows {
        // SAFETY: upheld by the caller.
        unsafe {
            let (from, to) = (from.add(r * from_pitch), to.add(r * to_pitch));
            std::ptr::copy_nonoverlapping(from, to, width);
        }
    }
}
