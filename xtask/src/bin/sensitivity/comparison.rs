//! Comparison of logits.

use crate::speech::Logits;

/// Sums over the frames, by codebook.
pub struct Comparison {
    pub codebooks: Vec<Codebook>,
}

/// Sums over the codes of one codebook.
#[derive(Clone, Copy, Default)]
pub struct Codebook {
    codes: usize,
    same: usize,
    divergence: f64,
}

impl Comparison {
    /// Compares the logits of each speech.
    pub fn of(exact: &[Logits], other: &[Logits]) -> Self {
        let mut codebooks = Vec::new();
        for (exact, other) in exact.iter().flatten().zip(other.iter().flatten()) {
            codebooks.resize(exact.len(), Codebook::default());
            for (codebook, (exact, other)) in codebooks.iter_mut().zip(exact.iter().zip(other)) {
                codebook.add(exact, other);
            }
        }
        Self { codebooks }
    }

    /// Returns the sums over all codebooks after the first.
    pub fn later(&self) -> Codebook {
        let later = self.codebooks.iter().skip(1);
        later.fold(Codebook::default(), |all, codebook| Codebook {
            codes: all.codes + codebook.codes,
            same: all.same + codebook.same,
            divergence: all.divergence + codebook.divergence,
        })
    }
}

impl Codebook {
    fn add(&mut self, exact: &[f32], other: &[f32]) {
        let (p, q) = (log_softmax(exact), log_softmax(other));
        self.codes += 1;
        self.same += usize::from(most_likely(exact) == most_likely(other));
        self.divergence += p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
    }

    /// Returns the share of codes for which both have the same most likely one.
    pub fn agreement(&self) -> f64 {
        self.same as f64 / self.codes as f64
    }

    /// Returns the mean Kullback-Leibler divergence in nats.
    pub fn divergence(&self) -> f64 {
        self.divergence / self.codes as f64
    }
}

fn most_likely(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted: Vec<f64> = logits.iter().map(|&x| f64::from(x) - f64::from(most)).collect();
    let log_sum = shifted.iter().map(|x| x.exp()).sum::<f64>().ln();
    shifted.iter().map(|x| x - log_sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_agree_and_those_that_do_not_are_counted() {
        let exact = [vec![vec![vec![0.0, 1.0], vec![2.0, 0.0]]]];
        let other = [vec![vec![vec![0.0, 1.0], vec![0.0, 2.0]]]];
        let Comparison { codebooks } = Comparison::of(&exact, &other);
        assert_eq!(codebooks.iter().map(Codebook::agreement).collect::<Vec<_>>(), [1.0, 0.0]);
        assert!(codebooks[0].divergence().abs() < 1e-12);
        // Σ p·(ln p − ln q), where the logits of p and q differ by ±2.
        let p = 1.0 / (1.0 + (-2f64).exp());
        assert!((codebooks[1].divergence() - 2.0 * (2.0 * p - 1.0)).abs() < 1e-9);
    }
}
