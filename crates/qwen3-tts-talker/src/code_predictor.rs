//! The small transformer that completes a frame: codebooks 1 and up.

use qwen3_tts_config::TalkerConfig;
use qwen3_tts_nn::{
    Constraints, Device, Dtype, Embedding, Ids, Linear, Result, Sampler, Tensor, Transformer,
    TransformerState, Weights,
};

use crate::transformer::transformer_config;

/// Name of the logits in error messages.
const LOGITS: &str = "the code predictor's logits";

/// The code predictor, the reference's
/// `Qwen3TTSTalkerCodePredictorModelForConditionalGeneration`.
///
/// Within a frame it reads the talker's hidden state and the embedding of code 0, and generates the
/// remaining codes one after the other: table `i − 1` embeds the input of step `i`, head `i`
/// reads its output. Nothing is kept from one frame to the next. It is `Send` and `Sync` as the
/// [`Talker`](crate::Talker) is.
pub struct CodePredictor {
    /// Present if the talker and the code predictor differ in width.
    small_to_mtp_projection: Option<Linear>,
    codec_embedding: Vec<Embedding>,
    model: Transformer,
    lm_head: Vec<Linear>,
}

/// The result of [`CodePredictor::complete_frames`] for one sequence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompletedFrame {
    /// The codes from codebook 1 on.
    pub codes: Vec<Ids>,
    /// Sum of the embeddings of all codes of the frame, `[1, 1, talker hidden_size]`.
    pub sum: Tensor,
}

impl CodePredictor {
    /// Reads `model`, `lm_head` and, if the widths differ, `small_to_mtp_projection`.
    ///
    /// # Errors
    /// Returns an error if a tensor is missing or has another shape or data type.
    pub fn load(config: &TalkerConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let talker_hidden = config.hidden_size;
        let config = &config.code_predictor_config;
        let (hidden, vocab) = (config.hidden_size, config.vocab_size);
        let projection = weights.under("small_to_mtp_projection");
        let model = weights.under("model");
        let groups = 0..config.num_code_groups - 1;
        let embedding = |i| {
            Embedding::load(&model.under("codec_embedding").under(i), vocab, talker_hidden, device)
        };
        let head = |i| Linear::load(&weights.under("lm_head").under(i), hidden, vocab, device);
        Ok(Self {
            small_to_mtp_projection: match talker_hidden == hidden {
                true => None,
                false => Some(Linear::load_with_bias(&projection, talker_hidden, hidden, device)?),
            },
            codec_embedding: groups.clone().map(embedding).collect::<Result<_>>()?,
            model: Transformer::load(&model, &transformer_config(&config.transformer()), device)?,
            lm_head: groups.map(head).collect::<Result<_>>()?,
        })
    }

    /// Embeds `n` codes of codebook `group`, from 1 on: `[1, n, talker hidden_size]`.
    ///
    /// # Panics
    /// Panics if a code is outside the codebook, or there is no such codebook.
    #[track_caller]
    pub fn embed(&self, group: usize, codes: &Ids) -> Tensor {
        self.codec_embedding[group - 1].forward(codes)
    }

    /// Completes a frame of each sequence, from the talker's `hidden` state and the embedding of
    /// code 0, both `[1, 1, talker hidden_size]`. The weights are read once for all sequences.
    /// Logits that are not finite are reported when the codes are read.
    pub fn complete_frames(
        &self,
        hidden: &[&Tensor],
        code_0: &[&Tensor],
        samplers: &mut [&mut Sampler],
    ) -> Vec<CompletedFrame> {
        self.run(hidden, code_0, &mut |sequence, _, logits| {
            samplers[sequence].sample(logits, &Constraints::default(), LOGITS)
        })
    }

    /// Returns the logits of every codebook from 1 on, `[1, 1, vocab]` each, for given codes: the
    /// teacher-forced counterpart of [`CodePredictor::complete_frames`].
    ///
    /// # Errors
    /// Returns [`NonFinite`](qwen3_tts_nn::Error::NonFinite) if a logit is NaN or infinite.
    pub fn logits(&self, hidden: &Tensor, code_0: &Tensor, codes: &[Ids]) -> Result<Vec<Tensor>> {
        let mut all = Vec::new();
        self.run(&[hidden], &[code_0], &mut |_, step, logits| {
            all.push(logits.clone());
            codes[step].clone()
        });
        for logits in &all {
            logits.to_finite_vec(LOGITS)?;
        }
        Ok(all)
    }

    /// Completes frames with the codes that `choose(sequence, step, logits)` returns for codebook
    /// `step + 1`.
    fn run(
        &self,
        hidden: &[&Tensor],
        code_0: &[&Tensor],
        choose: &mut dyn FnMut(usize, usize, &Tensor) -> Ids,
    ) -> Vec<CompletedFrame> {
        let mut states = vec![self.model.new_state(); hidden.len()];
        let frame = |code_0: &&Tensor| CompletedFrame { codes: Vec::new(), sum: (*code_0).clone() };
        let mut frames: Vec<CompletedFrame> = code_0.iter().map(frame).collect();
        let pairs: Vec<&Tensor> = hidden.iter().zip(code_0).flat_map(|(h, c)| [*h, *c]).collect();
        let mut input = Tensor::cat(&pairs, 1);
        for (step, (head, embedding)) in self.lm_head.iter().zip(&self.codec_embedding).enumerate()
        {
            let x = self.step(&input, &mut states);
            let logits = head.forward(&x);
            let chosen = frames.iter_mut().enumerate().map(|(sequence, frame)| {
                let code = choose(sequence, step, &logits.time_step(sequence));
                let embedded = embedding.forward(&code);
                frame.sum = frame.sum.add(&embedded);
                frame.codes.push(code);
                embedded
            });
            let chosen: Vec<Tensor> = chosen.collect();
            input = Tensor::cat(&chosen.iter().collect::<Vec<_>>(), 1);
        }
        frames
    }

    /// Continues each sequence with an equal share of the rows of `input`. Returns the last row of
    /// each.
    fn step(&self, input: &Tensor, states: &mut [TransformerState]) -> Tensor {
        let rows = input.dim(1) / states.len();
        let mut sequences: Vec<_> = states.iter_mut().map(|state| (rows, state)).collect();
        let x = self.model.step_many(&self.project(input), &mut sequences);
        let last: Vec<Tensor> = (1..=states.len()).map(|end| x.time_step(end * rows - 1)).collect();
        Tensor::cat(&last.iter().collect::<Vec<_>>(), 1)
    }

    /// Returns the data type in which the weights of the linear layers are kept.
    pub fn weight_dtype(&self) -> Dtype {
        self.lm_head[0].weight().dtype()
    }

    fn project(&self, x: &Tensor) -> Tensor {
        match &self.small_to_mtp_projection {
            Some(projection) => projection.forward(x),
            None => x.clone(),
        }
    }
}
