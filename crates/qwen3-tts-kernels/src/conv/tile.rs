//! The tile: a few rows × 3 vectors of outputs in registers, over a stretch of taps × channels.

use super::weight::{ConvWeight, TILE_VECTORS};
use crate::dispatch::Kernel;
use crate::pool::SharedMut;
use crate::vector::{MAX_TILE_ROWS, Vector};
use std::mem::MaybeUninit;

/// Weight rows (of one panel) between two visits to y: such a stretch of the panel stays in the
/// first cache while all rows of a block pass.
const STRETCH: usize = 192;

/// The most lanes of any vector.
const MAX_LANES: usize = 16;

/// The width of a tile in memory, through which the sums pass where a panel is not full: each sum
/// is loaded and stored in one way only, so that compilers keep it in a register between.
const EDGE: usize = TILE_VECTORS * MAX_LANES;
static NOTHING: [f32; EDGE] = [0.0; EDGE];

/// How the rows of y look into x.
pub(super) struct Window<'a> {
    pub(super) x: &'a [f32],
    /// Elements of x between the windows of neighbouring rows.
    pub(super) pitch: usize,
    pub(super) taps: usize,
    /// Elements of x between neighbouring taps.
    pub(super) tap_pitch: usize,
    /// Contiguous elements of a tap.
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
            // Taps lie side by side in x just as in the weight: they are one long tap.
            1 => (1, weight.taps() * inputs),
            _ => (weight.taps(), inputs),
        };
        Window { x, pitch: stride * inputs, taps, tap_pitch: dilation * inputs, depth }
    }

    /// Elements of x under `rows` neighbouring rows of y.
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
    /// Where the block begins in y, and the distance between its rows.
    pub(super) offset: usize,
    pub(super) pitch: usize,
    pub(super) width: usize,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Window { taps, depth, .. } = *self.window;
        // Whole taps while they are short, pieces of a tap where it is long.
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

/// Taps tap .. end, of each the channels channel .. channel + len.
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
            // Tiles of about equal height: a low one costs as much as a high one.
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
        // SAFETY: the caller's promise.
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
        // Filled where it is used: to fill it each time would cost a fortieth of the whole.
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
/// `from` is good for reading and `to` for writing `rows` rows of `width` values, and they are
/// apart.
unsafe fn copy_rows(
    from: *const f32,
    from_pitch: usize,
    to: *mut f32,
    to_pitch: usize,
    rows: usize,
    width: usize,
) {
    for r in 0..rows {
        // SAFETY: the caller's promise.
        unsafe {
            let (from, to) = (from.add(r * from_pitch), to.add(r * to_pitch));
            std::ptr::copy_nonoverlapping(from, to, width);
        }
    }
}
