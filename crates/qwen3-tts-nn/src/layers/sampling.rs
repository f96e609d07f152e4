//! Choosing tokens.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::backend::Backend;
use crate::backend::sampling::{Constraints, Sampling, SamplingParams};
use crate::tensor::dispatch::on_backend;
use crate::tensor::{Ids, Tensor};

/// A chooser of tokens with a random generator of its own.
#[derive(Clone, Debug)]
pub struct Sampler {
    params: SamplingParams,
    rng: Pcg64,
}

impl Sampler {
    /// Returns a sampler whose draws depend only on `seed` and `stream`. Samplers of one request
    /// take different `stream`s, so that they do not repeat each other's draws.
    pub fn new(params: SamplingParams, seed: u64, stream: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&stream.to_le_bytes());
        key[16..24].copy_from_slice(b"qwen3tts");
        Self { params, rng: Pcg64::from_seed(key) }
    }

    /// Chooses one id from `logits` `[1, 1, vocab]`. If a logit is NaN or infinite, [`Ids::read`]
    /// refuses the id with an error that names the logits as `what`.
    #[track_caller]
    pub fn sample(
        &mut self,
        logits: &Tensor,
        constraints: &Constraints<'_>,
        what: &'static str,
    ) -> Ids {
        let shape = logits.shape();
        assert_eq!(shape.n_elements(), shape.last(), "sample from {shape:?}");
        let uniform = if self.params.do_sample { self.uniform() } else { 0.0 };
        let sampling = Sampling { params: &self.params, constraints, uniform };
        on_backend!(logits, B => Ids::on::<B>(B::sample(logits.of::<B>(), &sampling)))
            .chosen_from(what)
    }

    fn uniform(&mut self) -> f32 {
        (self.rng.next_u32() >> 8) as f32 / (1u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampler_draws_by_seed_and_stream() {
        let draws = |seed, stream| {
            let mut sampler = Sampler::new(SamplingParams::GREEDY, seed, stream);
            (0..100).map(|_| sampler.uniform()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1, 0), draws(1, 0));
        assert_ne!(draws(1, 0), draws(2, 0));
        assert_ne!(draws(1, 0), draws(1, 1));
        let mean = draws(3, 0).iter().sum::<f32>() / 100.0;
        assert!((0.4..0.6).contains(&mean), "mean {mean}");
    }
}
