//! Ways to split a stream of frames into chunks.

use proptest::collection::vec;
use proptest::strategy::Strategy;

/// Generates chunk sizes of at least one that sum to `frames`. Shrinks towards a single chunk.
pub fn cuts(frames: usize) -> impl Strategy<Value = Vec<usize>> {
    vec(proptest::bool::weighted(0.25), frames.saturating_sub(1)).prop_map(move |ends| {
        let inner = ends.iter().enumerate().filter(|&(_, &end)| end).map(|(index, _)| index + 1);
        sizes(inner, frames)
    })
}

/// Splits `frames` into chunks of `size`; the last may be shorter.
#[track_caller]
pub fn cut(frames: usize, size: usize) -> Vec<usize> {
    assert!(size > 0, "chunks of no frames never end");
    sizes((size..frames).step_by(size), frames)
}

/// Returns the sizes of the chunks that end at `ends` (ascending, below `frames`) and at `frames`.
fn sizes(ends: impl Iterator<Item = usize>, frames: usize) -> Vec<usize> {
    let mut start = 0;
    let mut sizes = Vec::new();
    for end in ends.chain((frames > 0).then_some(frames)) {
        sizes.push(end - start);
        start = end;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_chunks() {
        assert_eq!(cut(7, 3), [3, 3, 1]);
        assert_eq!(cut(6, 3), [3, 3]);
        assert_eq!(cut(2, 5), [2]);
        assert!(cut(0, 5).is_empty());
    }

    proptest! {
        #[test]
        fn chunks_cover_every_frame(sizes in (0usize..40).prop_flat_map(|n| (Just(n), cuts(n)))) {
            let (frames, sizes) = sizes;
            prop_assert_eq!(sizes.iter().sum::<usize>(), frames);
            prop_assert!(sizes.iter().all(|&size| size > 0));
        }
    }
}
