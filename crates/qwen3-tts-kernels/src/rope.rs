//! Rotary position embedding.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::vector::Vector;

/// Rotates each head of x in place, element i with element i + head_dim/2 (the split-half form of
/// `apply_rotary_pos_emb`): a' = a·cos − b·sin, b' = b·cos + a·sin.
///
/// x is \[n_tokens, heads, head_dim\], cos and sin \[n_tokens, head_dim/2\].
///
/// # Panics
/// Panics if head_dim is odd or a length does not fit the shapes.
#[track_caller]
pub fn rope(
    context: &Context,
    x: &mut [f32],
    heads: usize,
    head_dim: usize,
    cos: &[f32],
    sin: &[f32],
) {
    let half = head_dim / 2;
    assert_eq!(head_dim % 2, 0, "head_dim {head_dim} is odd");
    assert_eq!(cos.len(), sin.len(), "length of cos and sin");
    assert_eq!(cos.len() * 2 * heads, x.len(), "length of cos for x");
    assert!(half > 0 || x.is_empty(), "heads without elements");
    assert_eq!(cos.len() % half.max(1), 0, "cos is not whole rows of {half}");
    dispatch::run(context, Rope { x, heads, half, cos, sin });
}

struct Rope<'a> {
    x: &'a mut [f32],
    heads: usize,
    half: usize,
    cos: &'a [f32],
    sin: &'a [f32],
}

impl Kernel for Rope<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let whole = self.half - self.half % V::LANES;
        let x = self.x.as_mut_ptr();
        for row in 0..self.x.len() / (2 * self.half).max(1) {
            let token = row / self.heads * self.half;
            // SAFETY: row and token are whole rows of x and of cos and sin.
            unsafe {
                let (a, b) = (x.add(row * 2 * self.half), x.add((row * 2 + 1) * self.half));
                let (cos, sin) = (self.cos.as_ptr().add(token), self.sin.as_ptr().add(token));
                for i in (0..whole).step_by(V::LANES) {
                    let (cos, sin) = (V::load(cos.add(i)), V::load(sin.add(i)));
                    let (x, y) = rotate(V::load(a.add(i)), V::load(b.add(i)), cos, sin);
                    x.store(a.add(i));
                    y.store(b.add(i));
                }
                let rest = self.half - whole;
                if rest > 0 {
                    let (a, b) = (a.add(whole), b.add(whole));
                    let cos = V::load_part(cos.add(whole), rest);
                    let sin = V::load_part(sin.add(whole), rest);
                    let (x, y) = rotate(V::load_part(a, rest), V::load_part(b, rest), cos, sin);
                    x.store_part(a, rest);
                    y.store_part(b, rest);
                }
            }
        }
    }
}

#[inline(always)]
fn rotate<V: Vector>(a: V, b: V, cos: V, sin: V) -> (V, V) {
    (a * cos - b * sin, b * cos + a * sin)
}
