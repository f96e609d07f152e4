//! Causal convolutions over channels-last rows, as an implicit matrix product.

mod depthwise;
mod tile;
mod weight;

pub use depthwise::{DepthwiseConv1d, depthwise_conv1d};
pub use weight::ConvWeight;

use self::tile::{Block, Window};
use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::dot::Dots;
use crate::pool::SharedMut;
use crate::vector::Vector;

/// Maximum number of rows of y per task; the rows of x under them and one panel of weights share
/// L2.
const TASK_ROWS: usize = 128;

/// Weights and parameters of [`conv1d`].
#[derive(Clone, Copy)]
pub struct Conv1d<'a> {
    /// w \[outputs, taps, inputs\], packed.
    pub weight: &'a ConvWeight,
    /// \[outputs\].
    pub bias: Option<&'a [f32]>,
    /// Number of rows of x from one window to the next, at least 1.
    pub stride: usize,
    /// Number of rows of x from one tap to the next, at least 1.
    pub dilation: usize,
}

/// Computes y\[t, o\] = bias\[o\] + Σⱼ Σ_c w\[o, j, c\]·x\[t·stride + j·dilation, c\]:
/// `torch.nn.Conv1d` with groups 1 and no padding, on channels-last rows.
///
/// x is \[len, inputs\] and already holds its left context; y is \[n, outputs\] with
/// n = (len − (taps − 1)·dilation − 1) / stride + 1, or n = 0 if len is too short for one window.
/// Each y\[t, o\] depends on the rows in its window only, bit for bit: not on the number of
/// threads, nor on how a stream is chunked.
///
/// # Panics
/// Panics if stride or dilation is 0, a length does not fit the shapes, or the weight was packed
/// for an instruction set other than the context's.
#[track_caller]
pub fn conv1d(context: &Context, x: &[f32], conv: Conv1d<'_>, y: &mut [f32]) {
    let Conv1d { weight, bias, stride, dilation } = conv;
    let (outputs, inputs) = (weight.out_channels(), weight.in_channels());
    assert_eq!(weight.isa(), context.isa(), "instruction set that the weight was packed for");
    assert_eq!(x.len() % inputs, 0, "x is not whole rows of {inputs} channels");
    let rows = output_rows(x.len() / inputs, weight.taps(), stride, dilation);
    assert_eq!(y.len(), rows * outputs, "length of y for {rows} rows of {outputs} channels");
    if let Some(bias) = bias {
        assert_eq!(bias.len(), outputs, "length of the bias");
    }
    let window = Window::new(x, weight, stride, dilation);
    let output = Output { rows, channels: outputs, bias, y: SharedMut(y.as_mut_ptr()) };
    match weight.narrow() {
        Some(w) if window.taps == 1 => narrow(context, w, &window, output),
        _ => wide(context, weight, &window, output),
    }
}

/// The output of a convolution: \[rows, channels\].
#[derive(Clone, Copy)]
struct Output<'a> {
    rows: usize,
    channels: usize,
    bias: Option<&'a [f32]>,
    y: SharedMut,
}

/// Returns the number of output rows of a convolution of `len` rows.
#[track_caller]
pub(crate) fn output_rows(len: usize, taps: usize, stride: usize, dilation: usize) -> usize {
    assert!(stride > 0 && dilation > 0, "stride {stride} and dilation {dilation} must be positive");
    let span = (taps - 1) * dilation + 1;
    if len < span { 0 } else { (len - span) / stride + 1 }
}

/// Splits y into blocks of rows × panels of outputs.
fn wide(context: &Context, weight: &ConvWeight, window: &Window<'_>, output: Output<'_>) {
    let Output { rows, channels: outputs, bias, y } = output;
    let panels = weight.panels();
    let task_rows = task_rows(rows, panels, context.pool().threads());
    let blocks = rows.div_ceil(task_rows);
    // Consecutive tasks share the larger of a panel of weights and the rows of x under a block.
    let panels_outside = weight.panel(0).len() > window.len(task_rows);
    context.pool().run(blocks * panels, |task| {
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
        dispatch::run(context, block);
    });
}

/// Returns the number of rows per task: at most [`TASK_ROWS`], and few enough that every thread
/// gets several tasks.
fn task_rows(rows: usize, panels: usize, threads: usize) -> usize {
    let blocks = (4 * threads).div_ceil(panels);
    rows.div_ceil(blocks).clamp(16, TASK_ROWS).min(rows.max(1))
}

/// Computes few outputs as dot products with contiguous rows; they would leave most of a panel
/// empty.
fn narrow(context: &Context, w: &[f32], window: &Window<'_>, output: Output<'_>) {
    context.pool().run(output.rows.div_ceil(TASK_ROWS), |task| {
        let row = task * TASK_ROWS;
        let rows = TASK_ROWS.min(output.rows - row);
        dispatch::run(context, Narrow { window, w, row, rows, output });
    });
}

/// `rows` rows of all outputs from `row` on, with contiguous taps.
struct Narrow<'a> {
    window: &'a Window<'a>,
    w: &'a [f32],
    row: usize,
    rows: usize,
    output: Output<'a>,
}

impl Kernel for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let outputs = self.output.channels;
        // SAFETY: the rows exist and only this task writes them; the rows of x take the place of
        // the weights, because there are more of them.
        unsafe {
            let y = self.output.y.at(self.row * outputs);
            let dots = Dots {
                w: self.window.x.as_ptr().add(self.row * self.window.pitch),
                w_pitch: self.window.pitch,
                rows: self.rows,
                x: self.w.as_ptr(),
                x_pitch: self.window.depth,
                tokens: outputs,
                depth: self.window.depth,
                y,
                y_token: 1,
                y_row: outputs,
            };
            dots.run::<V>();
            let Some(bias) = self.output.bias else { return };
            for row in 0..self.rows {
                for (output, bias) in bias.iter().enumerate() {
                    *y.add(row * outputs + output) += bias;
                }
            }
        }
    }
}
