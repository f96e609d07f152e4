//! Matrices that are not quantised.

use crate::affine::Floats;
use crate::context::Context;
use crate::memory::{Number, WeightBytes};

/// Floats of a matrix, copied where they are read fastest.
#[derive(Debug)]
pub struct WeightFloats {
    bytes: WeightBytes,
    is_half: bool,
}

/// Number of floats that a task copies.
const COPY: usize = 256 << 10;

impl WeightFloats {
    /// Copies `floats`, with all threads of `context`.
    pub fn copy(context: &Context, floats: Floats<'_>) -> Self {
        match floats {
            Floats::F32(from) => Self { bytes: copy(context, from), is_half: false },
            Floats::Bf16(from) => Self { bytes: copy(context, from), is_half: true },
        }
    }

    /// Returns the floats.
    pub fn floats(&self) -> Floats<'_> {
        match self.is_half {
            false => Floats::F32(self.bytes.of()),
            true => Floats::Bf16(self.bytes.of()),
        }
    }
}

fn copy<T: Number>(context: &Context, from: &[T]) -> WeightBytes {
    let mut bytes = context.weight_memory().zeros(size_of_val(from));
    context.pool().pieces(bytes.of_mut(), COPY, |offset, to| {
        to.copy_from_slice(&from[offset..][..to.len()]);
    });
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    #[test]
    fn a_copy_has_the_same_floats() {
        let context = Context::new(2);
        let full: Vec<f32> = (0..COPY + 7).map(|i| i as f32).collect();
        let half: Vec<bf16> = full.iter().map(|&value| bf16::from_f32(value)).collect();
        let copies = [Floats::F32(&full), Floats::Bf16(&half)];
        let [full_copy, half_copy] = copies.map(|floats| WeightFloats::copy(&context, floats));
        assert!(matches!(full_copy.floats(), Floats::F32(copy) if copy == full));
        assert!(matches!(half_copy.floats(), Floats::Bf16(copy) if copy == half));
    }
}
