//! The small transformer that completes a frame: codebooks 1 and up.

use qwen3_tts_config::TalkerConfig;
use qwen3_tts_nn::sampling::Constraints;
use qwen3_tts_nn::{
    AttentionConfig, Device, Embedding, Ids, Linear, Result, Sampler, Tensor, Transformer,
    TransformerConfig, Weights,
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

    /// Completes a frame from the talker's `hidden` state and the embedding of code 0, both
    /// `[1, 1, talker hidden_size]`. Gives the codes from codebook 1 on, and the sum of all
    /// code embeddings of the frame. Weights that give no usable logits show when the codes are
    /// read.
    pub fn complete_frame(
        &self,
        hidden: &Tensor,
        code_0: &Tensor,
        sampler: &mut Sampler,
    ) -> (Vec<Ids>, Tensor) {
        self.run(hidden, code_0, &mut |_, logits| {
            sampler.sample(logits, &Constraints::default(), LOGITS)
        })
    }

    /// The logits of every codebook from 1 on, `[1, 1, vocab]` each, for given codes: the
    /// teacher-forced counterpart of [`CodePredictor::complete_frame`].
    ///
    /// # Errors
    /// [`NonFinite`](qwen3_tts_nn::Error::NonFinite) when the weights give no usable logits.
    pub fn logits(&self, hidden: &Tensor, code_0: &Tensor, codes: &[Ids]) -> Result<Vec<Tensor>> {
        let mut all = Vec::new();
        self.run(hidden, code_0, &mut |i, logits| {
            all.push(logits.clone());
            codes[i].clone()
        });
        for logits in &all {
            logits.to_finite_vec(LOGITS)?;
        }
        Ok(all)
    }

    fn run(
        &self,
        hidden: &Tensor,
        code_0: &Tensor,
        choose: &mut dyn FnMut(usize, &Tensor) -> Ids,
    ) -> (Vec<Ids>, Tensor) {
        let mut state = self.model.new_state();
        let mut codes = Vec::with_capacity(self.lm_head.len());
        let mut sum = code_0.clone();
        let mut input = Tensor::cat(&[hidden, code_0], 1);
        for (i, (head, embedding)) in self.lm_head.iter().zip(&self.codec_embedding).enumerate() {
            let x = self.model.step(&self.project(&input), &mut state);
            let code = choose(i, &head.forward(&x.last_step()));
            input = embedding.forward(&code);
            sum = sum.add(&input);
            codes.push(code);
        }
        (codes, sum)
    }

    fn project(&self, x: &Tensor) -> Tensor {
        match &self.small_to_mtp_projection {
            Some(projection) => projection.forward(x),
            None => x.clone(),
        }
    }
}
