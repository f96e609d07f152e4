//! From token ids to the embeddings that the talker starts from.

use qwen3_tts_config::TalkerConfig;
use qwen3_tts_nn::{Ids, Tensor};

use crate::error::{Error, Result};
use crate::talker::Talker;

/// How the text reaches the talker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMode {
    /// The whole text precedes the first frame: the reference's `non_streaming_mode=True`.
    NonStreaming,
    /// The first token rides on the codec's begin token, the others follow one per frame.
    Streaming,
}

/// One request as the reference's `generate` takes it, in ids.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// `<|im_start|>assistant\n{text}<|im_end|>\n<|im_start|>assistant\n`, tokenised whole.
    pub input_ids: Vec<u32>,
    /// `<|im_start|>user\n{instruct}<|im_end|>\n`, tokenised whole.
    pub instruct_ids: Option<Vec<u32>>,
    /// The row of the codec embedding that is the speaker, if any.
    pub speaker: Option<u32>,
    /// The codec token of the language; `None` lets the model guess.
    pub language: Option<u32>,
    /// How the text reaches the talker.
    pub text_mode: TextMode,
}

/// What the talker starts from.
#[derive(Clone, Debug)]
pub struct PromptEmbeddings {
    /// `[1, positions, hidden_size]`: the input of the prefill.
    pub prefill: Tensor,
    /// `[1, n, hidden_size]`: what is added to the codes of the first `n` frames, one row each;
    /// later frames get the embedding of `tts_pad`.
    pub trailing_text: Tensor,
}

/// Ids before the text: `<|im_start|>`, `assistant`, newline.
const ROLE: usize = 3;
/// Ids after the text: `<|im_end|>`, newline, `<|im_start|>`, `assistant`, newline.
const SUFFIX: usize = 5;

impl Prompt {
    /// The ids of the text itself.
    pub fn text_ids(&self) -> &[u32] {
        &self.input_ids[ROLE..self.input_ids.len() - SUFFIX]
    }

    pub(crate) fn validate(&self, config: &TalkerConfig) -> Result<()> {
        let (expected, found) = (ROLE + 1 + SUFFIX, self.input_ids.len());
        if found < expected {
            return Err(Error::TooShort { what: "text", expected, found });
        }
        if self.instruct_ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::TooShort { what: "instruct", expected: 1, found: 0 });
        }
        check_ids("text", &self.input_ids, config.text_vocab_size)?;
        check_ids("instruct", self.instruct_ids.as_deref().unwrap_or(&[]), config.text_vocab_size)?;
        check_ids("speaker", self.speaker.as_slice(), config.vocab_size)?;
        check_ids("language", self.language.as_slice(), config.vocab_size)
    }

    /// The codec tokens that say which language and which speaker: the last two begin the speech.
    fn codec_prefix(&self, config: &TalkerConfig) -> Vec<u32> {
        let mut ids = match self.language {
            None => vec![config.codec_nothink_id, config.codec_think_bos_id],
            Some(language) => vec![config.codec_think_id, config.codec_think_bos_id, language],
        };
        ids.push(config.codec_think_eos_id);
        ids.extend(self.speaker);
        ids.extend([config.codec_pad_id, config.codec_bos_id]);
        ids
    }
}

fn check_ids(what: &'static str, ids: &[u32], vocab_size: usize) -> Result<()> {
    match ids.iter().find(|id| **id as usize >= vocab_size) {
        Some(&id) => Err(Error::IdOutOfRange { what, id, vocab_size }),
        None => Ok(()),
    }
}

impl Talker {
    /// The embeddings of a prompt, in the layout of the reference's `generate`.
    ///
    /// Text and codec embeddings are added position by position: instruct and role have no codec
    /// part; the codec prefix meets `tts_pad`, and its last two `tts_bos` and the text.
    ///
    /// # Errors
    /// When an id is outside its vocabulary, or the ids are not those of a wrapped text.
    pub fn embed_prompt(&self, prompt: &Prompt) -> Result<PromptEmbeddings> {
        let config = self.config();
        prompt.validate(config)?;
        let special = self.special();

        let prefix = prompt.codec_prefix(config);
        let codec = self.embed_codec(&prefix);
        let n_pad = prefix.len() - 2;
        let bos = codec.narrow(1, n_pad + 1, 1);
        let codec = codec.narrow(1, 0, n_pad + 1);
        let pads = vec![&special.tts_pad; n_pad];
        let control = Tensor::cat(&[&pads[..], &[&special.tts_bos]].concat(), 1).add(&codec);

        let role = self.embed_text(&prompt.input_ids[..ROLE]);
        let text = self.embed_text(prompt.text_ids());
        let (speech, trailing_text) = match prompt.text_mode {
            TextMode::NonStreaming => {
                let pad = self.embed_codec(&[config.codec_pad_id]);
                let text = Tensor::cat(&[&text, &special.tts_eos], 1).add(&pad);
                (Tensor::cat(&[&text, &special.tts_pad.add(&bos)], 1), special.tts_pad.clone())
            }
            TextMode::Streaming => {
                let rest = text.narrow(1, 1, text.dim(1) - 1);
                (text.narrow(1, 0, 1).add(&bos), Tensor::cat(&[&rest, &special.tts_eos], 1))
            }
        };

        let instruct = prompt.instruct_ids.as_ref().map(|ids| self.embed_text(ids));
        let parts: Vec<&Tensor> = instruct.iter().chain([&role, &control, &speech]).collect();
        Ok(PromptEmbeddings { prefill: Tensor::cat(&parts, 1), trailing_text })
    }

    fn embed_codec(&self, ids: &[u32]) -> Tensor {
        self.codec_embedding().forward(&Ids::new(ids, self.device()))
    }
}
