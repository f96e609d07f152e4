//! Keys and values of the positions of a sequence, in blocks.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::dot::Element;
use crate::pool::SharedMut;
use crate::scale::{load, scale};
use crate::vector::Vector;

/// Number of positions in a block: its keys, values and scores stay in L1 for all heads of a group.
pub(crate) const BLOCK: usize = 32;

/// Maximum of a stored integer.
const MOST: f32 = 32767.0;

/// Data type of stored keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvType {
    /// float32, 4 bytes per element.
    F32,
    /// 16-bit integers with one float32 scale for each head of a key or value: 2 bytes per element
    /// and 4 per head. The error of an element is at most half a step, 1/65 534 of the head's
    /// largest. A head with an element that is not finite is read as NaN.
    I16,
}

/// Keys and values of consecutive positions, of which the oldest can be dropped.
///
/// They are stored in blocks of 32 positions, in which the keys of a head are followed by its
/// values. A longer sequence gets more blocks; stored rows are never moved.
#[derive(Clone)]
pub struct KeyValues {
    kv_heads: usize,
    head_dim: usize,
    blocks: Blocks,
    /// Number of positions, dropped ones included.
    len: usize,
    /// Number of positions that were dropped, whole blocks.
    dropped: usize,
}

/// The blocks from the first that is kept on.
#[derive(Clone)]
pub(crate) enum Blocks {
    F32(Vec<Block<f32>>),
    I16(Vec<Block<i16>>),
}

/// [`BLOCK`] positions.
#[derive(Clone)]
pub(crate) struct Block<T> {
    /// Keys and values \[kv_heads, 2, BLOCK, head_dim\].
    rows: Vec<T>,
    /// Scale of each row \[kv_heads, 2, BLOCK\]; empty if elements have none.
    scales: Vec<f32>,
}

impl KeyValues {
    /// Returns an empty sequence.
    pub fn new(kv_heads: usize, head_dim: usize, kv_type: KvType) -> Self {
        let blocks = match kv_type {
            KvType::F32 => Blocks::F32(Vec::new()),
            KvType::I16 => Blocks::I16(Vec::new()),
        };
        Self { kv_heads, head_dim, blocks, len: 0, dropped: 0 }
    }

    /// Returns the number of key and value heads.
    pub fn kv_heads(&self) -> usize {
        self.kv_heads
    }

    /// Returns the number of elements of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Returns the number of positions so far, dropped ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if there was no position yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the number of positions that were dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped
    }

    pub(crate) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Returns the number of bytes that are allocated for keys and values.
    pub fn bytes(&self) -> usize {
        match &self.blocks {
            Blocks::F32(blocks) => blocks.iter().map(Block::bytes).sum(),
            Blocks::I16(blocks) => blocks.iter().map(Block::bytes).sum(),
        }
    }

    /// Appends keys and values \[n, kv_heads, head_dim\].
    ///
    /// # Panics
    /// Panics if the lengths differ or are not whole positions.
    #[track_caller]
    pub fn append(&mut self, context: &Context, keys: &[f32], values: &[f32]) {
        let row = self.kv_heads * self.head_dim;
        assert_eq!(values.len(), keys.len(), "length of values");
        assert_eq!(keys.len() % row, 0, "length of keys for rows of {row}");
        let new = New { keys, values, head_dim: self.head_dim, kv_heads: self.kv_heads };
        let start = self.len - self.dropped;
        match &mut self.blocks {
            Blocks::F32(blocks) => new.append_to(context, blocks, start),
            Blocks::I16(blocks) => new.append_to(context, blocks, start),
        }
        self.len += keys.len() / row;
    }

    /// Drops positions before `position`, as far as they are whole blocks.
    pub fn drop_before(&mut self, position: usize) {
        let n = position.min(self.len).saturating_sub(self.dropped) / BLOCK;
        match &mut self.blocks {
            Blocks::F32(blocks) => drop(blocks.drain(..n)),
            Blocks::I16(blocks) => drop(blocks.drain(..n)),
        }
        self.dropped += n * BLOCK;
    }
}

/// A type of stored elements.
pub(crate) trait Stored: Element + Default + Send + Sync {
    /// True if each row has a scale.
    const SCALED: bool;

    /// Stores a row and returns its scale.
    ///
    /// # Safety
    /// The CPU has the instruction set of `V`; `to` is valid for writing `row.len()` elements.
    unsafe fn store<V: Vector>(row: &[f32], to: *mut Self) -> f32;
}

impl Stored for f32 {
    const SCALED: bool = false;

    #[inline(always)]
    unsafe fn store<V: Vector>(row: &[f32], to: *mut f32) -> f32 {
        // SAFETY: upheld by the caller.
        unsafe { to.copy_from_nonoverlapping(row.as_ptr(), row.len()) };
        1.0
    }
}

impl Element for i16 {
    #[inline(always)]
    unsafe fn load<V: Vector>(from: *const i16) -> V {
        // SAFETY: upheld by the caller.
        unsafe { V::load_i16(from) }
    }

    #[inline(always)]
    unsafe fn load_part<V: Vector>(from: *const i16, n: usize) -> V {
        // SAFETY: upheld by the caller.
        unsafe { V::load_i16_part(from, n) }
    }
}

impl Stored for i16 {
    const SCALED: bool = true;

    #[inline(always)]
    unsafe fn store<V: Vector>(row: &[f32], to: *mut i16) -> f32 {
        const { assert!(V::LANES <= MAX_LANES) };
        // SAFETY: upheld by the caller; rounded values lie in −32767 ..= 32767.
        unsafe {
            let scale = scale::<V>(row, MOST);
            let (inverse, most) = (V::splat(1.0 / scale), V::splat(MOST));
            let mut rounded = [0.0f32; MAX_LANES];
            for (i, x) in row.chunks(V::LANES).enumerate() {
                // NaN maps to the minimum.
                let whole = (load::<V>(x) * inverse).round().max(V::splat(-MOST)).min(most);
                whole.store(rounded.as_mut_ptr());
                for (j, whole) in rounded[..x.len()].iter().enumerate() {
                    *to.add(i * V::LANES + j) = whole.to_int_unchecked::<i32>() as i16;
                }
            }
            scale
        }
    }
}

/// Maximum of [`Vector::LANES`].
const MAX_LANES: usize = 16;

impl<T: Stored> Block<T> {
    fn new(kv_heads: usize, head_dim: usize) -> Self {
        let rows = 2 * kv_heads * BLOCK;
        let scales = if T::SCALED { rows } else { 0 };
        Self { rows: vec![T::default(); rows * head_dim], scales: vec![0.0; scales] }
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.rows) + size_of_val(&*self.scales)
    }

    /// Returns the keys of a head, \[BLOCK, head_dim\], which its values follow.
    #[inline(always)]
    pub(crate) fn head(&self, head: usize, head_dim: usize) -> &[T] {
        &self.rows[head * 2 * BLOCK * head_dim..][..2 * BLOCK * head_dim]
    }

    /// Returns the scales of the keys of a head, which those of its values follow; nothing if
    /// elements have no scale.
    #[inline(always)]
    pub(crate) fn scales(&self, head: usize) -> &[f32] {
        if T::SCALED { &self.scales[head * 2 * BLOCK..][..2 * BLOCK] } else { &[] }
    }
}

/// Keys and values \[n, kv_heads, head_dim\] to append.
#[derive(Clone, Copy)]
struct New<'a> {
    keys: &'a [f32],
    values: &'a [f32],
    kv_heads: usize,
    head_dim: usize,
}

impl<'a> New<'a> {
    /// Stores the positions from `start` on.
    fn append_to<T: Stored>(self, context: &Context, blocks: &mut Vec<Block<T>>, start: usize) {
        let row = self.kv_heads * self.head_dim;
        let end = start + self.keys.len() / row;
        while blocks.len() * BLOCK < end {
            blocks.push(Block::new(self.kv_heads, self.head_dim));
        }
        let first = start / BLOCK;
        let filled = SharedMut(blocks.as_mut_ptr());
        context.pool().run(end.div_ceil(BLOCK).saturating_sub(first), |task| {
            let origin = (first + task) * BLOCK;
            let (from, to) = (start.max(origin), end.min(origin + BLOCK));
            let range = (from - start) * row..(to - start) * row;
            let new = New { keys: &self.keys[range.clone()], values: &self.values[range], ..self };
            // SAFETY: the block exists, and no other task has it.
            let block = unsafe { &mut *filled.at(first + task) };
            dispatch::run(context, Fill { new, block, first: from - origin });
        });
    }
}

/// Stores positions in a block, from its position `first` on.
struct Fill<'a, T> {
    new: New<'a>,
    block: &'a mut Block<T>,
    first: usize,
}

impl<T: Stored> Kernel for Fill<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let New { keys, values, kv_heads, head_dim } = self.new;
        for (i, (key, value)) in
            keys.chunks_exact(head_dim).zip(values.chunks_exact(head_dim)).enumerate()
        {
            let (position, head) = (self.first + i / kv_heads, i % kv_heads);
            for (kind, x) in [key, value].into_iter().enumerate() {
                let at = (head * 2 + kind) * BLOCK + position;
                let to = &mut self.block.rows[at * head_dim..][..head_dim];
                // SAFETY: `to` has the length of the row; the rest is upheld by the caller.
                let scale = unsafe { T::store::<V>(x, to.as_mut_ptr()) };
                if T::SCALED {
                    self.block.scales[at] = scale;
                }
            }
        }
    }
}
