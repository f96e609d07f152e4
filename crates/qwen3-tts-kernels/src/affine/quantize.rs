//! From weights to affine groups.

use super::{Bits, GROUP_SIZES};

/// Weights as affine groups, before the data type of scales and biases is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineGroups {
    /// The numbers q from the lowest bit on.
    pub packed: Vec<u8>,
    /// One for each group.
    pub scales: Vec<f32>,
    /// One for each group.
    pub biases: Vec<f32>,
}

/// Quantises whole groups of weights as MLX's `quantize` does, bit for bit.
///
/// Of the smallest and the largest weight of a group, the one further from 0 is kept exactly, and
/// the scale is adjusted so that 0 is kept exactly too.
///
/// # Panics
/// If `group_size` is none of [`GROUP_SIZES`], or does not divide the weights.
#[track_caller]
pub fn quantize(weights: &[f32], bits: Bits, group_size: usize) -> AffineGroups {
    assert!(GROUP_SIZES.contains(&group_size), "groups of {group_size}");
    assert_eq!(weights.len() % group_size, 0, "weights left over by the groups");
    let groups = weights.len() / group_size;
    let mut all = AffineGroups {
        packed: Vec::with_capacity(weights.len() * bits.get() / 8),
        scales: Vec::with_capacity(groups),
        biases: Vec::with_capacity(groups),
    };
    for group in weights.chunks_exact(group_size) {
        let (scale, bias) = scale_and_bias(group, bits);
        pack(group, scale, bias, bits, &mut all.packed);
        all.scales.push(scale);
        all.biases.push(bias);
    }
    all
}

/// The largest q.
fn levels(bits: Bits) -> f32 {
    ((1u32 << bits.get()) - 1) as f32
}

fn scale_and_bias(group: &[f32], bits: Bits) -> (f32, f32) {
    let min = group.iter().copied().fold(f32::INFINITY, f32::min);
    let max = group.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let size = ((max - min) / levels(bits)).max(1e-7);
    let (scale, edge) = if min.abs() > max.abs() { (size, min) } else { (-size, max) };
    let q0 = (edge / scale).round_ties_even();
    if q0 == 0.0 { (scale, 0.0) } else { (edge / q0, edge) }
}

fn pack(group: &[f32], scale: f32, bias: f32, bits: Bits, to: &mut Vec<u8>) {
    let most = levels(bits);
    let q = |w: &f32| ((w - bias) / scale).round_ties_even().clamp(0.0, most) as u64;
    // Eight weights fill as many bytes as a weight has bits.
    for eight in group.chunks_exact(8) {
        let word = eight.iter().rev().fold(0, |word, w| word << bits.get() | q(w));
        to.extend_from_slice(&word.to_le_bytes()[..bits.get()]);
    }
}
