//! The talker: the transformer that generates codebook 0.

use qwen3_tts_config::{ModelConfig, TalkerConfig};
use qwen3_tts_nn::{
    Bits, Device, Dtype, Embedding, Ids, KvType, Linear, Quantization, Tensor, Transformer,
    TransformerState, Weights,
};

use crate::code_predictor::CodePredictor;
use crate::error::Result;
use crate::transformer::transformer_config;

/// Talker and code predictor, the reference's `Qwen3TTSTalkerForConditionalGeneration`.
///
/// A talker keeps nothing between requests. It is `Send`, and `Sync` too in a build without the
/// feature `mlx`: in an `Arc`, one talker then serves any number of threads, each with its own
/// [`Generation`](crate::Generation)s. On MLX, whose graphs are bound to the
/// thread that built them, a talker is used on the thread that loaded it.
pub struct Talker {
    text_embedding: Embedding,
    text_projection: TextProjection,
    codec_embedding: Embedding,
    model: Transformer,
    codec_head: Linear,
    code_predictor: CodePredictor,
    special: SpecialTexts,
    config: TalkerConfig,
    device: Device,
}

/// Embeddings of the text tokens that are not text, `[1, 1, hidden_size]` each.
pub(crate) struct SpecialTexts {
    pub tts_bos: Tensor,
    pub tts_eos: Tensor,
    pub tts_pad: Tensor,
}

/// Prefix of the tensors of the code predictor.
const CODE_PREDICTOR: &str = "talker.code_predictor.";

impl Talker {
    /// Prefixes of the other models whose tensors the file may hold.
    const OTHERS: &[&str] = &["speaker_encoder."];

    /// Returns the rules for [`Weights::quantize`] that quantise the linear layers of the talker
    /// and of the code predictor to these bits as they are read; `None` leaves a part as it is in
    /// the checkpoint.
    pub fn quantization(talker: Option<Bits>, code_predictor: Option<Bits>) -> Quantization {
        Quantization::none().under("talker.", talker).under(CODE_PREDICTOR, code_predictor)
    }

    /// Returns true for the name of a tensor of the code predictor.
    pub fn is_code_predictor(name: &str) -> bool {
        name.starts_with(CODE_PREDICTOR)
    }

    /// Reads everything under `talker.`.
    ///
    /// # Errors
    /// Returns [`Error::Nn`](crate::Error::Nn) if a tensor is missing or has another shape or data
    /// type, or if the file holds a tensor that belongs neither to the talker nor to the speaker
    /// encoder.
    pub fn load(config: &ModelConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let loaded = Self::read(config, weights, device)?;
        weights.finish(Self::OTHERS)?;
        Ok(loaded)
    }

    /// Returns the talker with another data type of cached keys and values; it applies to new
    /// states, on the CPU. The default is [`KvType::I16`]. The code predictor, whose states last for
    /// a frame, always has [`KvType::F32`].
    pub fn with_kv_type(self, kv_type: KvType) -> Self {
        Self { model: self.model.with_kv_type(kv_type), ..self }
    }

    fn read(
        config: &ModelConfig,
        weights: &Weights,
        device: &Device,
    ) -> qwen3_tts_nn::Result<Self> {
        let talker = &config.talker_config;
        let (hidden, text_hidden) = (talker.hidden_size, talker.text_hidden_size);
        let weights = weights.under("talker");
        let model = weights.under("model");
        let text = model.under("text_embedding");
        let codec = model.under("codec_embedding");
        let text_embedding = Embedding::load(&text, talker.text_vocab_size, text_hidden, device)?;
        let text_projection =
            TextProjection::load(&weights.under("text_projection"), text_hidden, hidden, device)?;
        let ids = [config.tts_bos_token_id, config.tts_eos_token_id, config.tts_pad_token_id];
        let special = text_projection.forward(&text_embedding.forward(&Ids::new(&ids, device)));
        Ok(Self {
            codec_embedding: Embedding::load(&codec, talker.vocab_size, hidden, device)?,
            model: Transformer::load(&model, &transformer_config(&talker.transformer()), device)?
                .with_kv_type(KvType::I16),
            codec_head: {
                let weights = weights.under("codec_head");
                Linear::load(&weights, hidden, talker.vocab_size, device)?
            },
            code_predictor: CodePredictor::load(talker, &weights.under("code_predictor"), device)?,
            special: SpecialTexts {
                tts_bos: special.narrow(1, 0, 1),
                tts_eos: special.narrow(1, 1, 1),
                tts_pad: special.narrow(1, 2, 1),
            },
            text_embedding,
            text_projection,
            config: talker.clone(),
            device: device.clone(),
        })
    }

    /// Embeds `n` text ids, `[1, n, hidden_size]`.
    pub(crate) fn embed_text(&self, ids: &[u32]) -> Tensor {
        self.text_projection.forward(&self.text_embedding.forward(&Ids::new(ids, &self.device)))
    }

    /// Returns the state before the first position.
    pub fn new_state(&self) -> TransformerState {
        self.model.new_state()
    }

    /// Continues a sequence with embeddings `[1, time, hidden_size]`. Returns the hidden states
    /// after the final norm, in the same shape.
    pub fn step(&self, embeddings: &Tensor, state: &mut TransformerState) -> Tensor {
        self.model.step(embeddings, state)
    }

    /// Continues several sequences at once, as [`Transformer::step_many`] describes.
    pub fn step_many(
        &self,
        embeddings: &Tensor,
        sequences: &mut [(usize, &mut TransformerState)],
    ) -> Tensor {
        self.model.step_many(embeddings, sequences)
    }

    /// Returns the logits of codebook 0, `[1, time, vocab_size]`, for hidden states
    /// `[1, time, hidden_size]`.
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        self.codec_head.forward(hidden)
    }

    /// Returns the embedding table of codebook 0 and of the codec's control tokens.
    pub fn codec_embedding(&self) -> &Embedding {
        &self.codec_embedding
    }

    /// Returns the code predictor.
    pub fn code_predictor(&self) -> &CodePredictor {
        &self.code_predictor
    }

    /// Returns the configuration that the talker was loaded with.
    pub fn config(&self) -> &TalkerConfig {
        &self.config
    }

    /// Returns the data type in which the weights of the linear layers are kept.
    pub fn weight_dtype(&self) -> Dtype {
        self.codec_head.weight().dtype()
    }

    pub(crate) fn special(&self) -> &SpecialTexts {
        &self.special
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }
}

/// `linear_fc2(silu(linear_fc1(x)))`, the reference's `Qwen3TTSTalkerResizeMLP`.
struct TextProjection {
    linear_fc1: Linear,
    linear_fc2: Linear,
}

impl TextProjection {
    fn load(
        weights: &Weights,
        inputs: usize,
        outputs: usize,
        device: &Device,
    ) -> qwen3_tts_nn::Result<Self> {
        let fc1 = weights.under("linear_fc1");
        let fc2 = weights.under("linear_fc2");
        Ok(Self {
            linear_fc1: Linear::load_with_bias(&fc1, inputs, inputs, device)?,
            linear_fc2: Linear::load_with_bias(&fc2, inputs, outputs, device)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.linear_fc2.forward(&self.linear_fc1.forward(x).silu())
    }
}
