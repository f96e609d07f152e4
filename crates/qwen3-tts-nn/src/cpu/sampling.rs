//! From logits to a token: the steps of the reference's `generate`, in its order.

use crate::backend::sampling::{Constraints, Sampling, SamplingParams};

/// Returns the chosen id.
pub(crate) fn choose(mut logits: Vec<f32>, sampling: &Sampling<'_>) -> u32 {
    let params = sampling.params;
    constrain(&mut logits, sampling.constraints, params.repetition_penalty);
    if !params.do_sample {
        return argmax(&logits);
    }
    warp(&mut logits, params);
    draw(&logits, sampling.uniform)
}

/// Applies the repetition penalty, then excludes ids.
fn constrain(logits: &mut [f32], constraints: &Constraints<'_>, penalty: f32) {
    if penalty != 1.0 {
        penalise(logits, constraints.history, penalty);
    }
    for id in constraints.excluded() {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

/// `RepetitionPenaltyLogitsProcessor`: penalises each id once, however often it occurred.
fn penalise(logits: &mut [f32], history: &[u32], penalty: f32) {
    let mut seen = vec![false; logits.len()];
    for &id in history {
        let id = id as usize;
        if !std::mem::replace(&mut seen[id], true) {
            logits[id] = if logits[id] < 0.0 { logits[id] * penalty } else { logits[id] / penalty };
        }
    }
}

/// Applies temperature, top-k and top-p: the logit of an id that is filtered out becomes −∞.
fn warp(logits: &mut [f32], params: &SamplingParams) {
    if params.temperature != 1.0 {
        logits.iter_mut().for_each(|logit| *logit /= params.temperature);
    }
    if params.top_k > 0 && params.top_k < logits.len() {
        keep_top_k(logits, params.top_k);
    }
    if params.top_p < 1.0 {
        keep_top_p(logits, params.top_p);
    }
}

fn keep_top_k(logits: &mut [f32], k: usize) {
    let mut sorted = logits.to_vec();
    let (_, kth, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    let kth = *kth;
    logits.iter_mut().filter(|logit| **logit < kth).for_each(|logit| *logit = f32::NEG_INFINITY);
}

/// `TopPLogitsWarper`: drops the least likely ids while together they stay within `1 − p`,
/// and always keeps one.
fn keep_top_p(logits: &mut [f32], p: f32) {
    let probabilities = softmax(logits);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    // Of equal logits the first one counts as the most likely, as in a greedy choice.
    order.sort_by(|&a, &b| logits[a].total_cmp(&logits[b]).then(b.cmp(&a)));
    order.pop();
    let mut cumulative = 0.0;
    for id in order {
        cumulative += probabilities[id];
        if cumulative > 1.0 - p {
            break;
        }
        logits[id] = f32::NEG_INFINITY;
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp: Vec<f32> = logits.iter().map(|logit| (logit - max).exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}

/// Returns the id at which the cumulative probability passes `uniform`.
fn draw(logits: &[f32], uniform: f32) -> u32 {
    let mut rest = f64::from(uniform);
    let mut last = argmax(logits);
    for (id, p) in softmax(logits).into_iter().enumerate() {
        if p > 0.0 {
            last = id as u32;
            rest -= f64::from(p);
            if rest < 0.0 {
                break;
            }
        }
    }
    last
}

/// Returns the first of the largest; 0 if all are NaN.
fn argmax(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] || logits[best].is_nan() {
            best = id;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampled(logits: &[f32], params: SamplingParams, uniform: f32) -> u32 {
        let constraints = Constraints::default();
        choose(logits.to_vec(), &Sampling { params: &params, constraints: &constraints, uniform })
    }

    const PLAIN: SamplingParams = SamplingParams { do_sample: true, ..SamplingParams::GREEDY };

    #[test]
    fn draws_follow_the_probabilities() {
        let logits = [0.5f32.ln(), 0.25f32.ln(), f32::NEG_INFINITY, 0.25f32.ln()];
        let ids: Vec<u32> =
            (0..8).map(|i| sampled(&logits, PLAIN, (i as f32 + 0.5) / 8.0)).collect();
        assert_eq!(ids, [0, 0, 0, 0, 1, 1, 3, 3]);
    }

    #[test]
    fn greedy_takes_the_first_of_the_largest() {
        assert_eq!(sampled(&[1.0, 3.0, 3.0, 2.0], SamplingParams::GREEDY, 0.0), 1);
    }

    proptest! {
        /// Logits that are NaN, and filters that leave few ids, still give an id.
        #[test]
        fn every_choice_is_an_id(
            logits in prop::collection::vec(prop::num::f32::ANY, 1..40),
            top_k in 0usize..50, top_p in 0.001f32..=1.0, uniform in 0.0f32..1.0,
            do_sample in any::<bool>(),
        ) {
            let n = logits.len() as u32;
            let params = SamplingParams { do_sample, top_k, top_p, ..PLAIN };
            prop_assert!(sampled(&logits, params, uniform) < n);
        }

        #[test]
        fn a_filtered_id_is_never_drawn(
            logits in prop::collection::vec(-10.0f32..10.0, 2..40),
            top_k in 1usize..5, uniform in 0.0f32..1.0,
        ) {
            let params = SamplingParams { top_k, ..PLAIN };
            let id = sampled(&logits, params, uniform) as usize;
            let larger = logits.iter().filter(|v| **v > logits[id]).count();
            prop_assert!(larger < top_k);
        }
    }
}
