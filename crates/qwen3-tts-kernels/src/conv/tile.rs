//! The tile: a few rows × 3 vectors of outputs in registers, over a stretch of taps × channels.

use super::weight::{ConvWeight, TILE_VECTORS};
use crate::dispatch::Kernel;
use crate::pool::SharedMut;
use crate::vector::{MAX_TILE_ROWS, Vector};

/// Weight rows (of one panel) between two visits to y: such a stretch of the panel stays in the
/// first cache while all rows of a block pass.
const STRETCH: usize = 192;

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
        let panel_width = TILE_VECTORS * V::LANES;
        // SAFETY: the window of every row lies within x, the stretch within the panel, and the
        // rows within y, where only this task writes.
        unsafe {
            let y = self.y.at(self.offset + row * self.pitch);
            let mut sums = [[V::splat(0.0); TILE_VECTORS]; R];
            let first = stretch.tap == 0 && stretch.channel == 0;
            for r in 0..R {
                match (first, self.bias) {
                    (false, _) => sums[r] = load(y.add(r * self.pitch), self.width),
                    (true, Some(bias)) => sums[r] = load(bias.as_ptr(), self.width),
                    (true, None) => {}
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
            for r in 0..R {
                store(sums[r], y.add(r * self.pitch), self.width);
            }
        }
    }
}

/// The first `width` lanes of a row of vectors, the others 0.
///
/// # Safety
/// `from` is good for reading `width` values.
#[inline(always)]
unsafe fn load<V: Vector>(from: *const f32, width: usize) -> [V; TILE_VECTORS] {
    // SAFETY: at most `width` values are read.
    unsafe {
        let mut row = [V::splat(0.0); TILE_VECTORS];
        for v in 0..TILE_VECTORS {
            let at = v * V::LANES;
            if at + V::LANES <= width {
                row[v] = V::load(from.add(at));
            } else if at < width {
                row[v] = V::load_part(from.add(at), width - at);
            }
        }
        row
    }
}

/// Writes the first `width` lanes.
///
/// # Safety
/// `to` is good for writing `width` values.
#[inline(always)]
unsafe fn store<V: Vector>(row: [V; TILE_VECTORS], to: *mut f32, width: usize) {
    for v in 0..TILE_VECTORS {
        let at = v * V::LANES;
        // SAFETY: at most `width` values are written.
        unsafe {
            if at + V::LANES <= width {
                row[v].store(to.add(at));
            } else if at < width {
                row[v].store_part(to.add(at), width - at);
            }
        }
    }
}
