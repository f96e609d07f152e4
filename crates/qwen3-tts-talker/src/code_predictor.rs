//! The small transformer that completes a frame: codebooks 1 and up.

use qwen3_tts_config::TalkerConfig;
use qwen3_tts_nn::{
    AttentionConfig, Constraints, Device, Dtype, Embedding, Ids, Linear, Result, Sampler, Tensor,
    Transformer, TransformerConfig, TransformerState, Weights,
};

/// What the codes are chosen from, for messages.
const LOGITS: &str = "the code predictor's logits";

/// The code predictor, the reference's
/// `Qwen3TTSTalkerCodePredictorModelForConditionalGeneration`.
///
/// Within a frame it reads the talker's hidden state and the embedding of code 0, and writes the
/// remaining codes one after the other: table `i − 1` embeds the input of step `i`, head `i`
/// reads its output. Nothing is kept from one frame to the next.
pub struct CodePredictor {
    /// Where the talker is wider than the code predictor.
    small_to_mtp_projection: Option<Linear>,
    codec_embedding: Vec<Embedding>,
    model: Transformer,
    lm_head: Vec<Linear>,
}

/// What [`CodePredictor::complete_frames`] makes of one sequence.
#[derive(Clone, Debug)]
pub struct CompletedFrame {
    /// The codes from codebook 1 on.
    pub codes: Vec<Ids>,
    /// The embeddings of all codes of the frame, added up: `[1, 1, talker hidden_size]`.
    pub sum: Tensor,
}

impl CodePredictor {
    /// Reads `model`, `lm_head` and, where the widths differ, `small_to_mtp_projection`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(config: &TalkerConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let talker_hidden = config.hidden_size;
        let config = &config.code_predictor_config;
        let (hidden, vocab) = (config.hidden_size, config.vocab_size);
        let mut attention =
            AttentionConfig::new(hidden, config.num_attention_heads, config.head_dim);
        attention.num_key_value_heads = config.num_key_value_heads;
        attention.attention_bias = config.attention_bias;
        attention.qk_norm = Some(config.rms_norm_eps as f32);
        let transformer = TransformerConfig::new(
            attention,
            config.num_hidden_layers,
            config.intermediate_size,
            config.rms_norm_eps as f32,
            config.rope_theta as f32,
        );
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
            model: Transformer::load(&model, &transformer, device)?,
            lm_head: groups.map(head).collect::<Result<_>>()?,
        })
    }

    /// The embeddings of codes of codebook `group`, from 1 on: `n` codes to
    /// `[1, n, talker hidden_size]`.
    ///
    /// # Panics
    /// When a code is outside the codebook, or there is no such codebook.
    #[track_caller]
    pub fn embed(&self, group: usize, codes: &Ids) -> Tensor {
        self.codec_embedding[group - 1].forward(codes)
    }

    /// Completes a frame of each of several sequences, which read the weights once for all, from
    /// the talker's `hidden` state and the embedding of code 0, both `[1, 1, talker hidden_size]`.
    /// Weights that give no usable logits show when the codes are read.
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

    /// The logits of every codebook from 1 on, `[1, 1, vocab]` each, for given codes: the
    /// teacher-forced counterpart of [`CodePredictor::complete_frames`].
    ///
    /// # Errors
    /// [`NonFinite`](qwen3_tts_nn::Error::NonFinite) when the weights give no usable logits.
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

    /// `choose(sequence, step, logits)` gives the code of codebook `step + 1`.
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

    /// As many rows of `input` continue each sequence; the last one of each comes out.
    fn step(&self, input: &Tensor, states: &mut [TransformerState]) -> Tensor {
        let rows = input.dim(1) / states.len();
        let mut sequences: Vec<_> = states.iter_mut().map(|state| (rows, state)).collect();
        let x = self.model.step_many(&self.project(input), &mut sequences);
        let last: Vec<Tensor> = (1..=states.len()).map(|end| x.time_step(end * rows - 1)).collect();
        Tensor::cat(&last.iter().collect::<Vec<_>>(), 1)
    }

    /// The data type that the weights are kept in.
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
