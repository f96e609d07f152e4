//! The choice of a token inside the graph: the steps of the CPU backend, in the
//! same order.

use mlx_rs::ops::indexing::{argmax_axis, take_along_axis};
use mlx_rs::{Array, Dtype, ops};

use super::arrays::{narrow, ok, size};
use super::ids::MlxIds;
use crate::backend::sampling::{Constraints, Sampling, SamplingParams};

/// The axis of the vocabulary.
const VOCAB: i32 = 0;

/// Chooses one id from `logits` `[1, 1, vocab]`.
pub(super) fn sample(logits: &Array, sampling: &Sampling<'_>) -> MlxIds {
    let logits = ok(logits.reshape(&[-1]));
    let finite = ok(ok(logits.is_finite()).all(true));
    let params = sampling.params;
    let constrained = constrain(&logits, sampling.constraints, params.repetition_penalty);
    let id = match params.do_sample {
        false => ok(argmax_axis(constrained, VOCAB, true)),
        true => draw(&warp(&constrained, params), sampling.uniform),
    };
    MlxIds::sampled(ok(id.as_dtype(Dtype::Uint32)), &finite)
}

/// Applies the repetition penalty, then excludes ids.
fn constrain(logits: &Array, constraints: &Constraints<'_>, penalty: f32) -> Array {
    let n = logits.size();
    let mut logits = logits.clone();
    if penalty != 1.0 && !constraints.history.is_empty() {
        let seen = mask(n, constraints.history.iter().copied());
        let penalty = Array::from_f32(penalty);
        let negative = ok(logits.lt(Array::from_f32(0.0)));
        let (more, less) = (ok(logits.multiply(&penalty)), ok(logits.divide(&penalty)));
        let penalised = ok(ops::select(negative, more, less));
        logits = ok(ops::select(seen, penalised, &logits));
    }
    let mut excluded = constraints.excluded().peekable();
    match excluded.peek() {
        None => logits,
        Some(_) => without(&mask(n, excluded), &logits),
    }
}

/// Returns a mask that is true at these ids.
fn mask(n: usize, ids: impl Iterator<Item = u32>) -> Array {
    let mut mask = vec![false; n];
    for id in ids {
        if let Some(place) = mask.get_mut(id as usize) {
            *place = true;
        }
    }
    Array::from_slice(&mask, &[size(n)])
}

/// Sets the logits to −∞ where `mask` is true.
fn without(mask: &Array, logits: &Array) -> Array {
    ok(ops::select(mask, Array::from_f32(f32::NEG_INFINITY), logits))
}

/// Applies temperature, top-k and top-p.
fn warp(logits: &Array, params: &SamplingParams) -> Array {
    let mut logits = ok(logits.divide(Array::from_f32(params.temperature)));
    let n = logits.size();
    if params.top_k > 0 && params.top_k < n {
        let sorted = ok(ops::sort_axis(&logits, VOCAB));
        let kth = narrow(&sorted, 0, n - params.top_k, 1);
        logits = without(&ok(logits.lt(kth)), &logits);
    }
    if params.top_p < 1.0 {
        logits = keep_top_p(&logits, params.top_p);
    }
    logits
}

/// Drops the least likely ids while together they stay within `1 − p`, and always keeps one.
fn keep_top_p(logits: &Array, p: f32) -> Array {
    let n = logits.size();
    // The most likely first; of equals the first one.
    let order = ok(ops::argsort_axis(ok(logits.negative()), VOCAB));
    let probabilities = ok(ops::softmax_axis(logits, VOCAB, true));
    let sorted = ok(take_along_axis(&probabilities, &order, VOCAB));
    let rest = ok(sorted.cumsum(VOCAB, true, true));
    let dropped = ok(rest.le(Array::from_f32(1.0 - p)));
    let after_first: Vec<bool> = (0..n).map(|rank| rank > 0).collect();
    let dropped = ok(dropped.logical_and(Array::from_slice(&after_first, &[size(n)])));
    let rank = ok(ops::argsort_axis(&order, VOCAB));
    without(&ok(take_along_axis(&dropped, &rank, VOCAB)), logits)
}

/// Returns the id at which the cumulative probability reaches `uniform`.
fn draw(logits: &Array, uniform: f32) -> Array {
    let probabilities = ok(ops::softmax_axis(logits, VOCAB, true));
    let possible = ok(probabilities.gt(Array::from_f32(0.0)));
    let cumulative = ok(probabilities.cumsum(VOCAB, false, true));
    // The sum is 1 except for rounding.
    let total = narrow(&cumulative, 0, logits.size() - 1, 1);
    let reached = ok(cumulative.ge(ok(total.multiply(Array::from_f32(uniform)))));
    let reached = ok(ok(reached.logical_and(possible)).as_dtype(Dtype::Int32));
    ok(argmax_axis(reached, VOCAB, true))
}
