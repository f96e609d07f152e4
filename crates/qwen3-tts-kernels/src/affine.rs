//! Matrices quantised in MLX's affine groups.

mod activations;
mod products;
mod quantize;
mod tiles;
mod widen;

pub(crate) use activations::Activations;
pub(crate) use products::{Products, TILES};
pub use quantize::{AffineGroups, NonFiniteScale, Rounding, quantize};
pub use tiles::AffineTiles;
pub use widen::widen;

use std::ops::Range;

use half::bf16;

/// Number of bits of a quantised weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bits {
    /// 16 levels.
    Four,
    /// 64 levels.
    Six,
    /// 256 levels.
    Eight,
}

impl Bits {
    /// Returns the variant for 4, 6 or 8 bits, and `None` for any other number.
    pub fn new(bits: usize) -> Option<Self> {
        match bits {
            4 => Some(Self::Four),
            6 => Some(Self::Six),
            8 => Some(Self::Eight),
            _ => None,
        }
    }

    /// Returns the number of bits.
    pub fn get(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Six => 6,
            Self::Eight => 8,
        }
    }
}

/// Supported group sizes: numbers of weights that share a scale and a bias.
pub const GROUP_SIZES: [usize; 3] = [32, 64, 128];

/// A row-major matrix of unsigned integers q, where w = scale·q + bias with one scale and bias per
/// `group_size` weights of a row.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// The width of q.
    pub bits: Bits,
    /// One of [`GROUP_SIZES`], and a divisor of the columns.
    pub group_size: usize,
    /// q, row after row, from the lowest bit of the first byte on: MLX's little-endian u32 words.
    pub packed: &'a [u8],
    /// Scale of each group.
    pub scales: Floats<'a>,
    /// Bias of each group, in the type of the scales.
    pub biases: Floats<'a>,
}

/// Values in float32 or bfloat16.
#[derive(Clone, Copy, Debug)]
pub enum Floats<'a> {
    /// float32.
    F32(&'a [f32]),
    /// bfloat16.
    Bf16(&'a [bf16]),
}

/// The type of scales and biases: float32 or bfloat16.
pub trait Parameter: Copy + Into<f32> + Send + Sync + 'static {
    /// Returns the nearest number of this type.
    fn narrow(value: f32) -> Self;

    /// Returns values of this type as such.
    fn floats(values: &[Self]) -> Floats<'_>;

    /// Returns the value of the nearest number of this type.
    #[inline(always)]
    fn round(value: f32) -> f32 {
        Self::narrow(value).into()
    }
}

impl Parameter for f32 {
    #[inline(always)]
    fn narrow(value: f32) -> Self {
        value
    }

    fn floats(values: &[f32]) -> Floats<'_> {
        Floats::F32(values)
    }
}

impl Parameter for bf16 {
    #[inline(always)]
    fn narrow(value: f32) -> Self {
        bf16::from_f32(value)
    }

    fn floats(values: &[bf16]) -> Floats<'_> {
        Floats::Bf16(values)
    }
}

impl<'a> Floats<'a> {
    /// Returns the values of a range.
    ///
    /// # Panics
    /// Panics if the range is not within the values.
    #[track_caller]
    pub fn part(self, range: Range<usize>) -> Floats<'a> {
        match self {
            Self::F32(values) => Floats::F32(&values[range]),
            Self::Bf16(values) => Floats::Bf16(&values[range]),
        }
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::Bf16(values) => values.len(),
        }
    }

    /// Returns true if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get(&self, i: usize) -> f32 {
        match self {
            Self::F32(values) => values[i],
            Self::Bf16(values) => values[i].to_f32(),
        }
    }
}

impl<'a> Affine<'a> {
    /// Returns the rows of a range, of a matrix of `cols` columns.
    fn rows(&self, range: Range<usize>, cols: usize) -> Affine<'a> {
        let scaled = |size: usize| range.start * size..range.end * size;
        let groups = scaled(cols / self.group_size);
        Affine {
            packed: &self.packed[scaled(cols * self.bits.get() / 8)],
            scales: self.scales.part(groups.clone()),
            biases: self.biases.part(groups),
            ..*self
        }
    }

    /// Returns the number of weights.
    pub fn len(&self) -> usize {
        self.packed.len() * 8 / self.bits.get()
    }

    /// Returns true if there are no weights.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Fills `to` with the weights from `start` on, exactly as MLX computes them in float32: the
    /// product is rounded, then the sum.
    ///
    /// # Panics
    /// Panics if `to` is longer than the rest of the weights.
    #[track_caller]
    pub fn dequantize(&self, start: usize, to: &mut [f32]) {
        for (i, w) in (start..).zip(to) {
            let group = i / self.group_size;
            *w = self.scales.get(group) * f32::from(self.quantized(i)) + self.biases.get(group);
        }
    }

    /// Returns q of one weight.
    fn quantized(&self, i: usize) -> u8 {
        let bit = i * self.bits.get();
        let low = u16::from(self.packed[bit / 8]);
        let high = self.packed.get(bit / 8 + 1).map_or(0, |&byte| u16::from(byte));
        let mask = (1u16 << self.bits.get()) - 1;
        (((low | high << 8) >> (bit % 8)) & mask) as u8
    }

    /// Panics if a length does not fit a matrix of this shape.
    #[track_caller]
    pub(crate) fn check(&self, rows: usize, cols: usize) {
        assert!(GROUP_SIZES.contains(&self.group_size), "groups of {}", self.group_size);
        assert_eq!(cols % self.group_size, 0, "columns left over by the groups");
        assert_eq!(self.packed.len(), rows * cols * self.bits.get() / 8, "length of the weight");
        let groups = rows * cols / self.group_size;
        assert_eq!(self.scales.len(), groups, "length of the scales");
        assert_eq!(self.biases.len(), groups, "length of the biases");
        let one_type = std::mem::discriminant(&self.scales) == std::mem::discriminant(&self.biases);
        assert!(one_type, "scales and biases of two types");
    }
}
