//! Sampling: the defaults of a checkpoint, and changes to them.

use qwen3_tts_config::GenerationConfig;
use qwen3_tts_nn::SamplingParams;

/// Changes to the sampling defaults of a checkpoint; `None` keeps the default.
///
/// A program that offers all of them names each field, so that the compiler finds a new one for it.
///
/// ```
/// use qwen3_tts_talker::Sampling;
///
/// let sampling = Sampling { temperature: Some(0.7), ..Sampling::default() };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// True to always take the most likely code, in the talker and in the code predictor.
    pub greedy: bool,
    /// True to sample codebook 0, false to take its most likely code.
    pub do_sample: Option<bool>,
    /// True to sample the other codebooks, false to take their most likely codes.
    pub subtalker_do_sample: Option<bool>,
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
        self.greedy || self.do_sample == Some(false) || self.temperature == Some(0.0)
    }

    fn is_subtalker_greedy(&self) -> bool {
        self.greedy
            || self.subtalker_do_sample == Some(false)
            || self.subtalker_temperature.or(self.temperature) == Some(0.0)
    }

    /// Returns the parameters for codebook 0: the checkpoint's, with these changes.
    pub fn talker(&self, published: &GenerationConfig) -> SamplingParams {
        let do_sample = self.do_sample.unwrap_or(published.do_sample);
        SamplingParams::GREEDY
            .do_sample(do_sample && !self.is_talker_greedy())
            .temperature(above_zero(self.temperature).unwrap_or(published.temperature))
            .top_k(self.top_k.unwrap_or(published.top_k))
            .top_p(self.top_p.unwrap_or(published.top_p))
            .repetition_penalty(self.repetition_penalty.unwrap_or(published.repetition_penalty))
    }

    /// Returns the parameters for the other codebooks: the checkpoint's, with these changes.
    pub fn subtalker(&self, published: &GenerationConfig) -> SamplingParams {
        let do_sample = self.subtalker_do_sample.unwrap_or(published.subtalker_dosample);
        SamplingParams::GREEDY
            .do_sample(do_sample && !self.is_subtalker_greedy())
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

    #[test]
    fn sampling_can_be_chosen_for_each_part() {
        let samples = GenerationConfig::from_json("{}").unwrap();
        let greedy = r#"{"do_sample": false, "subtalker_dosample": false}"#;
        let greedy = GenerationConfig::from_json(greedy).unwrap();
        for (do_sample, subtalker_do_sample) in
            [(true, true), (true, false), (false, true), (false, false)]
        {
            let mut sampling = Sampling {
                do_sample: Some(do_sample),
                subtalker_do_sample: Some(subtalker_do_sample),
                ..Sampling::default()
            };
            for published in [&samples, &greedy] {
                assert_eq!(sampling.talker(published).do_sample, do_sample);
                assert_eq!(sampling.subtalker(published).do_sample, subtalker_do_sample);
            }
            assert_eq!(sampling.is_greedy(), !do_sample && !subtalker_do_sample);
            sampling.greedy = true;
            assert!(sampling.is_greedy() && !sampling.talker(&samples).do_sample);
        }
        assert!(!Sampling::default().talker(&greedy).do_sample);
        assert!(!Sampling::default().subtalker(&greedy).do_sample);
    }
}
