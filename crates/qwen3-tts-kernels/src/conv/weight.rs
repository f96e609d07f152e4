//! Convolution weights in the order in which the tile reads them.

use crate::context::Context;
use crate::dispatch::{self, Lanes};
use crate::isa::Isa;
use crate::memory::WeightBytes;

/// Width of a tile in vectors.
pub(super) const TILE_VECTORS: usize = 3;

/// Output channels at or below which the narrow kernel is used.
const NARROW: usize = 4;

/// Weight of a convolution, packed once for [`conv1d`](crate::conv1d).
pub struct ConvWeight {
    isa: Isa,
    out: usize,
    taps: usize,
    input: usize,
    panel_width: usize,
    /// \[panels, taps, input, panel_width\], the last panel padded with zeros.
    panels: WeightBytes,
    /// The unpacked weight \[out, taps, input\], if there are few outputs.
    narrow: Option<Vec<f32>>,
}

impl ConvWeight {
    /// Packs `weight` \[out, taps, input\].
    ///
    /// # Panics
    /// Panics if a dimension is 0 or the length is not their product.
    #[track_caller]
    pub fn pack(
        context: &Context,
        weight: &[f32],
        out: usize,
        taps: usize,
        input: usize,
    ) -> ConvWeight {
        assert!(out > 0 && taps > 0 && input > 0, "an empty weight [{out}, {taps}, {input}]");
        assert_eq!(weight.len(), out * taps * input, "length of weight [{out}, {taps}, {input}]");
        let panel_width = TILE_VECTORS * dispatch::run(context, Lanes);
        let depth = taps * input;
        let panel_len = depth * panel_width;
        let len = out.div_ceil(panel_width) * panel_len;
        let mut panels = context.weight_memory().zeros(len * size_of::<f32>());
        context.pool().pieces(panels.of_mut(), panel_len, |offset, panel| {
            let first = offset / panel_len * panel_width;
            let rows = &weight[first * depth..weight.len().min((first + panel_width) * depth)];
            fill_panel(rows, depth, panel, panel_width);
        });
        let narrow = (out <= NARROW).then(|| weight.to_vec());
        ConvWeight { isa: context.isa(), out, taps, input, panel_width, panels, narrow }
    }

    /// Returns the number of output channels.
    pub fn out_channels(&self) -> usize {
        self.out
    }

    /// Returns the number of taps: the kernel size.
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// Returns the number of input channels.
    pub fn in_channels(&self) -> usize {
        self.input
    }

    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    pub(super) fn panels(&self) -> usize {
        self.out.div_ceil(self.panel_width)
    }

    pub(super) fn panel_width(&self) -> usize {
        self.panel_width
    }

    /// Returns a panel \[taps · input, panel_width\]: the weights of the outputs from
    /// panel · panel_width on.
    pub(super) fn panel(&self, panel: usize) -> &[f32] {
        let len = self.taps * self.input * self.panel_width;
        &self.panels.of()[panel * len..(panel + 1) * len]
    }

    pub(super) fn narrow(&self) -> Option<&[f32]> {
        self.narrow.as_deref()
    }
}

/// Copies rows of `depth` values to the columns of a panel.
fn fill_panel(rows: &[f32], depth: usize, panel: &mut [f32], panel_width: usize) {
    /// Number of values copied from each row in turn, so that their part of the panel stays in L1.
    const STRETCH: usize = 64;
    for start in (0..depth).step_by(STRETCH) {
        for (o, row) in rows.chunks_exact(depth).enumerate() {
            let stretch = &row[start..depth.min(start + STRETCH)];
            let column = panel[start * panel_width + o..].iter_mut().step_by(panel_width);
            column.zip(stretch).for_each(|(to, value)| *to = *value);
        }
    }
}
