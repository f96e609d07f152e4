//! Matrix products with weights as stored in the checkpoint.

use crate::affine::{Activations, AffineTiles, Products, TILES};
use crate::context::Context;
use crate::dispatch::{self, Kernel, lanes};
use crate::dot::{Dots, Element, TILE, panel};
use crate::pool::SharedMut;
use crate::vector::Vector;
use half::bf16;

/// A row-major matrix \[rows, cols\] in the data type of the checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// rows · cols elements. Quantised elements share scales along the columns.
    pub data: MatrixData<'a>,
    /// Number of rows: the outputs of a projection.
    pub rows: usize,
    /// Number of columns: the inputs of a projection.
    pub cols: usize,
}

/// The elements of a [`Matrix`].
#[derive(Clone, Copy, Debug)]
pub enum MatrixData<'a> {
    /// float32.
    F32(&'a [f32]),
    /// bfloat16, widened in registers.
    Bf16(&'a [bf16]),
    /// Affine groups. The inputs are quantised too, to 16 bits by group, with an error of at most
    /// about 2⁻¹⁶ of the group's largest.
    Affine(&'a AffineTiles),
}

impl MatrixData<'_> {
    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        match self {
            MatrixData::F32(data) => data.len(),
            MatrixData::Bf16(data) => data.len(),
            MatrixData::Affine(data) => data.rows() * data.cols(),
        }
    }

    /// Returns true if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bits(&self) -> usize {
        match self {
            MatrixData::F32(_) => 32,
            MatrixData::Bf16(_) => 16,
            MatrixData::Affine(data) => data.bits().get(),
        }
    }
}

impl Matrix<'_> {
    #[track_caller]
    fn check(&self) {
        assert_eq!(self.data.len(), self.rows * self.cols, "length of the weight");
        if let MatrixData::Affine(data) = self.data {
            assert_eq!(data.cols(), self.cols, "columns of the weight");
        }
    }
}

/// One output of [`linear`].
#[derive(Debug)]
pub struct Projection<'a> {
    /// w \[outputs, inputs\].
    pub weight: Matrix<'a>,
    /// \[outputs\].
    pub bias: Option<&'a [f32]>,
    /// \[n_tokens, outputs\], written whole.
    pub y: &'a mut [f32],
}

/// Number of weight bytes per task, few enough that all threads end at about the same time.
const TASK_BYTES: usize = 64 * 1024;

/// Number of weight bytes per task for many tokens. Each task reads all of x, so tasks are as large
/// as L2 allows.
const TASK_BYTES_MANY: usize = 256 * 1024;
/// Number of tokens from which [`TASK_BYTES_MANY`] applies, and from which panels are faster.
const MANY: usize = 32;

/// Computes y\[t, n\] = Σₖ x\[t, k\]·w\[n, k\] + bias\[n\] for every projection: several
/// `torch.nn.Linear` with the same input x \[n_tokens, inputs\] behind one barrier (q, k and v;
/// gate and up).
///
/// Each y\[t, n\] is the same, bit for bit, for any number of threads and tokens.
///
/// # Panics
/// Panics if a length does not fit the shapes.
#[track_caller]
pub fn linear(context: &Context, x: &[f32], n_tokens: usize, projections: &mut [Projection<'_>]) {
    let task_bytes = task_bytes(n_tokens, projections, context.pool().threads());
    let mut parts = Vec::with_capacity(projections.len());
    let mut quantised: Vec<Activations> = Vec::new();
    let mut tasks = 0;
    for projection in projections {
        let weight = projection.weight;
        weight.check();
        assert_eq!(x.len(), n_tokens * weight.cols, "length of x");
        assert_eq!(projection.y.len(), n_tokens * weight.rows, "length of y");
        if let Some(bias) = projection.bias {
            assert_eq!(bias.len(), weight.rows, "length of the bias");
        }
        let mut tile = if n_tokens < MANY { TILE } else { panel::ROWS };
        if let MatrixData::Affine(data) = weight.data {
            assert_eq!(data.lanes(), lanes(context), "packed for another instruction set");
            let groups = (data.group_size(), data.bits());
            if !quantised.iter().any(|x| x.fit(groups)) {
                quantised.push(Activations::new(context, x, weight.cols, groups));
            }
            tile = TILES * data.lanes();
        }
        let row_bytes = (weight.cols * weight.data.bits() / 8).max(1);
        let task_rows = (task_bytes / row_bytes / tile).max(1) * tile;
        let y = SharedMut(projection.y.as_mut_ptr());
        parts.push(Part { weight, bias: projection.bias, y, task_rows, first_task: tasks });
        tasks += weight.rows.div_ceil(task_rows);
    }
    context.pool().run(tasks, |task| {
        let part = &parts[parts.partition_point(|part| part.first_task <= task) - 1];
        let row = (task - part.first_task) * part.task_rows;
        let rows = part.task_rows.min(part.weight.rows - row);
        let rows = Rows { part, row, rows, x, n_tokens };
        match part.weight.data {
            MatrixData::Affine(weight) => {
                let groups = (weight.group_size(), weight.bits());
                let x = quantised.iter().find(|x| x.fit(groups));
                let x = x.expect("activations are quantised for every kind of weights");
                // SAFETY: lengths were checked and the rows exist.
                dispatch::run_integers(context, unsafe { rows.affine(weight, x) });
            }
            _ if n_tokens < MANY => dispatch::run(context, &rows),
            _ => dispatch::run(context, Panels(&rows)),
        }
        // SAFETY: each task has rows of its own.
        unsafe { rows.add_bias() };
    });
}

fn task_bytes(n_tokens: usize, projections: &[Projection<'_>], threads: usize) -> usize {
    if n_tokens < MANY {
        return TASK_BYTES;
    }
    let bytes = |weight: &Matrix<'_>| weight.data.len() * weight.data.bits() / 8;
    let all: usize = projections.iter().map(|projection| bytes(&projection.weight)).sum();
    // Every thread should still get several tasks.
    (all / (4 * threads)).clamp(TASK_BYTES, TASK_BYTES_MANY)
}

/// A projection and its share of the tasks.
struct Part<'a> {
    weight: Matrix<'a>,
    bias: Option<&'a [f32]>,
    y: SharedMut,
    task_rows: usize,
    first_task: usize,
}

/// `rows` outputs from `row` on, of all tokens.
struct Rows<'a> {
    part: &'a Part<'a>,
    row: usize,
    rows: usize,
    x: &'a [f32],
    n_tokens: usize,
}

impl Kernel for &Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let offset = self.row * self.part.weight.cols;
        // SAFETY: lengths were checked and the rows exist; each task has rows of its own.
        unsafe {
            match self.part.weight.data {
                MatrixData::F32(data) => self.dots(data.as_ptr().add(offset)).run::<V>(),
                MatrixData::Bf16(data) => self.dots(data.as_ptr().add(offset)).run::<V>(),
                MatrixData::Affine(_) => unreachable!("quantised weights have an integer kernel"),
            }
        }
    }
}

/// [`Rows`] of many tokens: a kernel of its own, because memory for panels is on the stack.
struct Panels<'a>(&'a Rows<'a>);

impl Kernel for Panels<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Panels(rows) = self;
        let offset = rows.row * rows.part.weight.cols;
        // SAFETY: as for `Rows`.
        unsafe {
            match rows.part.weight.data {
                _ if !V::PANELS => rows.run::<V>(),
                MatrixData::F32(data) => rows.dots(data.as_ptr().add(offset)).run_in_panels::<V>(),
                MatrixData::Bf16(data) => rows.dots(data.as_ptr().add(offset)).run_in_panels::<V>(),
                MatrixData::Affine(_) => unreachable!("quantised weights have an integer kernel"),
            }
        }
    }
}

impl Rows<'_> {
    /// # Safety
    /// The rows exist.
    #[inline(always)]
    unsafe fn dots<W: Element>(&self, w: *const W) -> Dots<W> {
        let Matrix { rows, cols, .. } = self.part.weight;
        Dots {
            w,
            w_pitch: cols,
            rows: self.rows,
            x: self.x.as_ptr(),
            x_pitch: cols,
            tokens: self.n_tokens,
            depth: cols,
            // SAFETY: upheld by the caller.
            y: unsafe { self.part.y.at(self.row) },
            y_token: rows,
            y_row: 1,
        }
    }

    /// # Safety
    /// The rows exist.
    unsafe fn affine<'a>(&self, weight: &'a AffineTiles, x: &'a Activations) -> Products<'a> {
        let (first, n) = (self.row / weight.lanes(), self.rows.div_ceil(weight.lanes()));
        // SAFETY: y has rows.
        Products { weight, first, n, x, y: unsafe { self.part.y.at(0) } }
    }

    /// # Safety
    /// The rows exist, and no other thread accesses their outputs.
    unsafe fn add_bias(&self) {
        let Some(bias) = self.part.bias else { return };
        for t in 0..self.n_tokens {
            for row in self.row..self.row + self.rows {
                // SAFETY: y has n_tokens · rows elements, and these are this task's own.
                unsafe { *self.part.y.at(t * self.part.weight.rows + row) += bias[row] };
            }
        }
    }
}
