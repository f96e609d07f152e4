//! Sampling: the defaults of a checkpoint, and changes to them.

use qwen3_tts_config::GenerationConfig;
use qwen3_tts_nn::SamplingParams;

/// Changes to the sampling defaults of a checkpoint; `None` keeps the default.
///
/// ```
/// use qwen3_tts_talker::Sampling;
///
/// let mut sampling = Sampling::default();
/// sampling.temperature = Some(0.7);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Sampling {
    /// True to always take the most likely code, in the talker and in the code predictor.
    pub greedy: bool,
    /// Divisor of the logits of codebook 0. 0 decodes greedily: codebook 0, and the others too unless
    /// `subtalker_temperature` is set.
    pub temperature: Option<f32>,
    /// Number of candidates for codebook 0; 0 keeps all.
    pub top_k: Option<usize>,
    /// Probability mass of the candidates for codebook 0.
    pub top_p: Option<f32>,
    /// Penalty on codes of codebook 0 that were already generated; 1 for none.
    pub repetition_penalty: Option<f32>,
    /// Divisor of the logits of the other codebooks. 0 decodes them greedily.
    pub subtalker_temperature: Option<f32>,
    /// Number of candidates for the other codebooks; 0 keeps all.
    pub subtalker_top_k: Option<usize>,
    /// Probability mass of the candidates for the other codebooks.
    pub subtalker_top_p: Option<f32>,
}

impl Sampling {
    /// Returns the defaults of the checkpoint, but with greedy decoding.
    pub fn greedy() -> Self {
        Self { greedy: true, ..Self::default() }
    }

    /// Returns true if every code is the most likely one, whatever the seed.
    pub fn is_greedy(&self) -> bool {
        self.is_talker_greedy() && self.is_subtalker_greedy()
    }

    fn is_talker_greedy(&self) -> bool {
        self.greedy || self.temperature == Some(0.0)
    }

    fn is_subtalker_greedy(&self) -> bool {
        self.greedy || self.subtalker_temperature.or(self.temperature) == Some(0.0)
    }

    /// Returns the parameters for codebook 0: the checkpoint's, with these changes.
    pub fn talker(&self, published: &GenerationConfig) -> SamplingParams {
        SamplingParams::GREEDY
            .do_sample(published.do_sample && !self.is_talker_greedy())
            .temperature(above_zero(self.temperature).unwrap_or(published.temperature))
            .top_k(self.top_k.unwrap_or(published.top_k))
            .top_p(self.top_p.unwrap_or(published.top_p))
            .repetition_penalty(self.repetition_penalty.unwrap_or(published.repetition_penalty))
    }

    /// Returns the parameters for the other codebooks: the checkpoint's, with these changes.
    pub fn subtalker(&self, published: &GenerationConfig) -> SamplingParams {
        SamplingParams::GREEDY
            .do_sample(published.subtalker_dosample && !self.is_subtalker_greedy())
            .temperature(
                above_zero(self.subtalker_temperature).unwrap_or(published.subtalker_temperature),
            )
            .top_k(self.subtalker_top_k.unwrap_or(published.subtalker_top_k))
            .top_p(self.subtalker_top_p.unwrap_or(published.subtalker_top_p))
    }
}

/// Returns the temperature, or `None` for greedy decoding, which has none.
fn above_zero(temperature: Option<f32>) -> Option<f32> {
    temperature.filter(|&temperature| temperature != 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temperature_of_zero_is_greedy() {
        let published = GenerationConfig::from_json("{}").unwrap();
        let sampled = |temperature, subtalker_temperature| {
            let sampling = Sampling { temperature, subtalker_temperature, ..Sampling::default() };
            let (talker, subtalker) = (sampling.talker(&published), sampling.subtalker(&published));
            talker.validate().unwrap();
            subtalker.validate().unwrap();
            assert_eq!(sampling.is_greedy(), !talker.do_sample && !subtalker.do_sample);
            (talker.do_sample, subtalker.do_sample)
        };
        assert_eq!(sampled(None, None), (true, true));
        assert_eq!(sampled(Some(0.0), None), (false, false));
        assert_eq!(sampled(Some(-0.0), None), (false, false));
        assert_eq!(sampled(Some(0.0), Some(0.5)), (false, true));
        assert_eq!(sampled(None, Some(0.0)), (true, false));
        assert_eq!(sampled(Some(0.5), Some(0.0)), (true, false));
        assert!(Sampling::greedy().is_greedy());
    }
}
