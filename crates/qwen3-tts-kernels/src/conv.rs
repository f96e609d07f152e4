//! Causal convolutions over channels-last rows, as an implicit matrix product.

mod depthwise;
mod tile;
mod weight;

pub use depthwise::{by_isa as depthwise_by_isa, depthwise_conv1d};
pub use weight::ConvWeight;

use self::tile::{Block, Window};
use crate::dispatch::{self, Kernel};
use crate::dot::Dots;
use crate::pool::{Pool, SharedMut};
use crate::vector::Vector;

/// Rows of y in one task where there are many: the rows of x under them and one block of weights
/// share the second cache.
const TASK_ROWS: usize = 128;

/// y\[t, o\] = bias\[o\] + Σⱼ Σ_c w\[o, j, c\]·x\[t·stride + j·dilation, c\]: `torch.nn.Conv1d`
/// with groups 1 and no padding, on channels-last rows.
///
/// x is \[len, inputs\] and already holds its left context; y is \[n, outputs\] with
/// n = (len − (taps − 1)·dilation − 1) / stride + 1, or none where len is too short.
/// Each y\[t, o\] depends on the rows under it alone, bit for bit: not on the number of threads,
/// nor on how a stream was cut.
///
/// # Panics
/// If stride or dilation is 0, or a length does not fit the shapes.
#[track_caller]
pub fn conv1d(
    pool: &Pool,
    x: &[f32],
    weight: &ConvWeight,
    bias: Option<&[f32]>,
    stride: usize,
    dilation: usize,
    y: &mut [f32],
) {
    let (outputs, inputs) = (weight.out_channels(), weight.in_channels());
    assert_eq!(x.len() % inputs, 0, "x is not whole rows of {inputs} channels");
    let rows = output_rows(x.len() / inputs, weight.taps(), stride, dilation);
    assert_eq!(y.len(), rows * outputs, "length of y for {rows} rows of {outputs} channels");
    if let Some(bias) = bias {
        assert_eq!(bias.len(), outputs, "length of the bias");
    }
    let window = Window::new(x, weight, stride, dilation);
    let y = SharedMut(y.as_mut_ptr());
    match weight.narrow() {
        Some(w) if window.taps == 1 => narrow(pool, weight, w, &window, bias, rows, y),
        _ => wide(pool, weight, &window, bias, rows, y),
    }
}

/// How many rows a convolution gives from `len` rows.
#[track_caller]
pub(crate) fn output_rows(len: usize, taps: usize, stride: usize, dilation: usize) -> usize {
    assert!(stride > 0 && dilation > 0, "stride {stride} and dilation {dilation} must be positive");
    let span = (taps - 1) * dilation + 1;
    if len < span { 0 } else { (len - span) / stride + 1 }
}

/// Splits y into blocks of rows × panels of outputs.
fn wide(
    pool: &Pool,
    weight: &ConvWeight,
    window: &Window<'_>,
    bias: Option<&[f32]>,
    rows: usize,
    y: SharedMut,
) {
    let outputs = weight.out_channels();
    let panels = weight.panels();
    let task_rows = task_rows(rows, panels, pool.threads());
    let blocks = rows.div_ceil(task_rows);
    // Neighbouring tasks share the larger of a panel of weights and the rows of x under a block.
    let panels_outside = weight.panel(0).len() > window.len(task_rows);
    pool.run(blocks * panels, |task| {
        let (panel, block) = match panels_outside {
            true => (task / blocks, task % blocks),
            false => (task % panels, task / panels),
        };
        let row = block * task_rows;
        let first = panel * weight.panel_width();
        let block = Block {
            window,
            row,
            rows: task_rows.min(rows - row),
            panel: weight.panel(panel),
            bias: bias.map(|bias| &bias[first..]),
            y,
            offset: row * outputs + first,
            pitch: outputs,
            width: weight.panel_width().min(outputs - first),
        };
        dispatch::run(weight.isa(), block);
    });
}

/// At most [`TASK_ROWS`], and few enough that every thread finds several tasks.
fn task_rows(rows: usize, panels: usize, threads: usize) -> usize {
    let blocks = (4 * threads).div_ceil(panels);
    rows.div_ceil(blocks).clamp(16, TASK_ROWS).min(rows.max(1))
}

/// Few outputs would leave most of a panel empty: each is a dot product with contiguous rows.
fn narrow(
    pool: &Pool,
    weight: &ConvWeight,
    w: &[f32],
    window: &Window<'_>,
    bias: Option<&[f32]>,
    rows: usize,
    y: SharedMut,
) {
    let outputs = weight.out_channels();
    pool.run(rows.div_ceil(TASK_ROWS), |task| {
        let row = task * TASK_ROWS;
        let rows = TASK_ROWS.min(rows - row);
        dispatch::run(weight.isa(), Narrow { window, w, bias, row, rows, outputs, y });
    });
}

/// `rows` rows of all outputs from `row` on, without a gap between taps.
struct Narrow<'a> {
    window: &'a Window<'a>,
    w: &'a [f32],
    bias: Option<&'a [f32]>,
    row: usize,
    rows: usize,
    outputs: usize,
    y: SharedMut,
}

impl Kernel for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the rows exist and this task alone writes them; the rows of x play the part of
        // weights here, because there are more of them.
        unsafe {
            let y = self.y.at(self.row * self.outputs);
            let dots = Dots {
                w: self.window.x.as_ptr().add(self.row * self.window.pitch),
                w_pitch: self.window.pitch,
                rows: self.rows,
                x: self.w.as_ptr(),
                x_pitch: self.window.depth,
                tokens: self.outputs,
                depth: self.window.depth,
                y,
                y_token: 1,
                y_row: self.outputs,
            };
            dots.run::<V>();
            let Some(bias) = self.bias else { return };
            for row in 0..self.rows {
                for (output, bias) in bias.iter().enumerate() {
                    *y.add(row * self.outputs + output) += bias;
                }
            }
        }
    }
}
