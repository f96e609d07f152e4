//! The prompt: from token ids to the embeddings that the talker starts from.

use qwen3_tts_config::TalkerConfig;
use qwen3_tts_nn::{Ids, Tensor};

use crate::error::{Error, Result};
use crate::talker::Talker;

/// The way in which the text reaches the talker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextMode {
    /// The whole text precedes the first frame: the reference's `non_streaming_mode=True`.
    NonStreaming,
    /// The first token is added to the codec's begin token, the others to one frame each.
    Streaming,
}

/// A request in token ids, as the reference's `generate` takes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prompt {
    /// Ids of `<|im_start|>assistant\n{text}<|im_end|>\n<|im_start|>assistant\n`, tokenised as a
    /// whole.
    pub input_ids: Vec<u32>,
    /// Ids of `<|im_start|>user\n{instruct}<|im_end|>\n`, tokenised as a whole.
    pub instruct_ids: Option<Vec<u32>>,
    /// Voice; `None` lets the model, or the instruction, choose.
    pub speaker: Option<Speaker>,
    /// Recording that the speech continues: in-context cloning.
    pub reference: Option<Reference>,
    /// Codec token of the language; `None` lets the model infer it.
    pub language: Option<u32>,
    /// Way in which the text reaches the talker.
    pub text_mode: TextMode,
}

/// The voice of a prompt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Speaker {
    /// A preset voice: a row of the codec embedding.
    Preset(u32),
    /// A mixture of preset voices: the sum of their rows of the codec embedding, each times its
    /// weight.
    Blend(Vec<(u32, f32)>),
    /// The speaker embedding (x-vector) of a recording, `hidden_size` values.
    Embedding(Vec<f32>),
}

/// A recording with its transcript.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reference {
    /// Ids of `<|im_start|>assistant\n{transcript}<|im_end|>\n`, tokenised as a whole.
    pub text_ids: Vec<u32>,
    /// Frames of the recording, one code for each codebook.
    pub frames: Vec<Vec<u32>>,
}

/// The embeddings of a prompt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PromptEmbeddings {
    /// Input of the prefill, `[1, positions, hidden_size]`.
    pub prefill: Tensor,
    /// Text embeddings `[1, n, hidden_size]` that are added to the codes of the first `n` frames,
    /// one row each; later frames get the embedding of `tts_pad`.
    pub trailing_text: Tensor,
}

impl Prompt {
    /// Returns the prompt of a text alone: no instruction, voice, reference or language, and the
    /// whole text before the first frame.
    pub fn new(input_ids: Vec<u32>) -> Self {
        Self {
            input_ids,
            instruct_ids: None,
            speaker: None,
            reference: None,
            language: None,
            text_mode: TextMode::NonStreaming,
        }
    }

    /// Sets the ids of the instruction.
    pub fn instruct_ids(self, ids: impl Into<Option<Vec<u32>>>) -> Self {
        Self { instruct_ids: ids.into(), ..self }
    }

    /// Sets the voice.
    pub fn speaker(self, speaker: impl Into<Option<Speaker>>) -> Self {
        Self { speaker: speaker.into(), ..self }
    }

    /// Sets the recording that the speech continues.
    pub fn reference(self, reference: impl Into<Option<Reference>>) -> Self {
        Self { reference: reference.into(), ..self }
    }

    /// Sets the codec token of the language.
    pub fn language(self, token: impl Into<Option<u32>>) -> Self {
        Self { language: token.into(), ..self }
    }

    /// Sets the way in which the text reaches the talker.
    pub fn text_mode(self, text_mode: TextMode) -> Self {
        Self { text_mode, ..self }
    }

    /// Number of ids before the text: `<|im_start|>`, `assistant`, newline.
    pub const ROLE_IDS: usize = 3;
    /// Number of ids after the text: `<|im_end|>`, newline, `<|im_start|>`, `assistant`, newline.
    pub const SUFFIX_IDS: usize = 5;

    /// Returns the ids of the text itself, without those that wrap it; none if the ids are too few
    /// to be those of a wrapped text.
    pub fn text_ids(&self) -> &[u32] {
        unwrapped(&self.input_ids, Self::SUFFIX_IDS)
    }

    /// Returns the number of positions that the prefill takes in the talker.
    ///
    /// The text that trails the prompt in [`TextMode::Streaming`] is not counted: it takes the
    /// positions of the frames that it is added to.
    pub fn positions(&self) -> usize {
        let instruct = self.instruct_ids.as_ref().map_or(0, Vec::len);
        // Three tokens around the language, and `codec_pad`.
        let control =
            4 + usize::from(self.language.is_some()) + usize::from(self.speaker.is_some());
        let speech = 1 + self.frames().map_or(0, <[_]>::len);
        let text = match self.text_mode {
            TextMode::NonStreaming => self.transcript_ids().len() + self.text_ids().len() + 1,
            TextMode::Streaming => 0,
        };
        instruct + Self::ROLE_IDS + control + text + speech
    }

    /// Returns the minimum number of ids of the text with which [`Talker::start_open`] can start:
    /// those beside the reference recording, or one.
    pub fn text_to_start(&self) -> usize {
        let beside = self
            .reference
            .as_ref()
            .map_or(1, |r| (r.frames.len() + 1).saturating_sub(r.transcript_ids().len()));
        beside.max(1)
    }

    fn transcript_ids(&self) -> &[u32] {
        self.reference.as_ref().map_or(&[], Reference::transcript_ids)
    }

    /// Returns the ids of the text, after the transcript of the reference if there is one.
    fn spoken_ids(&self) -> Vec<u32> {
        [self.transcript_ids(), self.text_ids()].concat()
    }

    fn frames(&self) -> Option<&[Vec<u32>]> {
        self.reference.as_ref().map(|reference| reference.frames.as_slice())
    }

    pub(crate) fn validate(&self, config: &TalkerConfig) -> Result<()> {
        check_length("text", &self.input_ids, Self::ROLE_IDS + 1 + Self::SUFFIX_IDS)?;
        check_ids("text", &self.input_ids, config.text_vocab_size)?;
        if let Some(ids) = &self.instruct_ids {
            check_length("instruct", ids, 1)?;
            check_ids("instruct", ids, config.text_vocab_size)?;
        }
        if let Some(speaker) = &self.speaker {
            speaker.validate(config)?;
        }
        if let Some(reference) = &self.reference {
            reference.validate(config)?;
        }
        check_ids("language", self.language.as_slice(), config.vocab_size)
    }
}

impl Speaker {
    fn validate(&self, config: &TalkerConfig) -> Result<()> {
        match self {
            Self::Preset(id) => check_ids("speaker", &[*id], config.vocab_size),
            Self::Blend(parts) if parts.is_empty() => Err(Error::EmptyBlend),
            Self::Blend(parts) => parts.iter().try_for_each(|&(id, weight)| {
                check_ids("speaker", &[id], config.vocab_size)?;
                if weight.is_finite() { Ok(()) } else { Err(Error::NonFiniteWeight { id, weight }) }
            }),
            Self::Embedding(values) => {
                let (expected, found) = (config.hidden_size, values.len());
                if expected != found {
                    return Err(Error::SpeakerWidth { expected, found });
                }
                match values.iter().position(|v| !v.is_finite()) {
                    Some(index) => Err(Error::NonFiniteSpeaker { index }),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Reference {
    /// Returns a reference of a wrapped transcript and the frames of its recording.
    pub fn new(text_ids: Vec<u32>, frames: Vec<Vec<u32>>) -> Self {
        Self { text_ids, frames }
    }

    /// Number of ids after the transcript: `<|im_end|>`, newline.
    const SUFFIX_IDS: usize = 2;

    /// Returns the ids of the transcript itself, without those that wrap it; none if the ids are
    /// too few to be those of a wrapped transcript.
    pub fn transcript_ids(&self) -> &[u32] {
        unwrapped(&self.text_ids, Self::SUFFIX_IDS)
    }

    fn validate(&self, config: &TalkerConfig) -> Result<()> {
        check_length("transcript", &self.text_ids, Prompt::ROLE_IDS + 1 + Self::SUFFIX_IDS)?;
        check_ids("transcript", &self.text_ids, config.text_vocab_size)?;
        if self.frames.is_empty() {
            return Err(Error::EmptyReference);
        }
        for (frame, codes) in self.frames.iter().enumerate() {
            let (expected, found) = (config.num_code_groups, codes.len());
            if expected != found {
                return Err(Error::ReferenceFrame { frame, expected, found });
            }
            check_ids("reference code", &codes[..1], config.vocab_size)?;
            check_ids("reference code", &codes[1..], config.code_predictor_config.vocab_size)?;
        }
        Ok(())
    }
}

/// Returns the ids between the role and a suffix of `n_suffix` ids.
fn unwrapped(ids: &[u32], n_suffix: usize) -> &[u32] {
    ids.get(Prompt::ROLE_IDS..ids.len().saturating_sub(n_suffix)).unwrap_or_default()
}

fn check_length(what: &'static str, ids: &[u32], expected: usize) -> Result<()> {
    match ids.len() {
        found if found < expected => Err(Error::TooShort { what, expected, found }),
        _ => Ok(()),
    }
}

pub(crate) fn check_ids(what: &'static str, ids: &[u32], vocab_size: usize) -> Result<()> {
    match ids.iter().find(|id| **id as usize >= vocab_size) {
        Some(&id) => Err(Error::IdOutOfRange { what, id, vocab_size }),
        None => Ok(()),
    }
}

impl Talker {
    /// Embeds a prompt, in the layout of the reference's `generate`.
    ///
    /// Text and codec embeddings are added position by position. Instruction and role have no codec
    /// part. The codec tokens of language and speaker are added to `tts_pad`, and the last of them
    /// to `tts_bos`. The speech follows, in a layout that the text mode and the reference decide.
    ///
    /// # Errors
    /// Returns an error if the prompt does not fit the model: if an id is outside its vocabulary,
    /// ids are not those of a wrapped text, a speaker embedding has another width, or a frame of
    /// the reference has another number of codes.
    pub fn embed_prompt(&self, prompt: &Prompt) -> Result<PromptEmbeddings> {
        prompt.validate(self.config())?;
        let (ids, frames) = (prompt.spoken_ids(), prompt.frames());
        let (speech, trailing_text) = match prompt.text_mode {
            TextMode::NonStreaming => self.text_then_speech(&ids, frames),
            TextMode::Streaming => self.text_with_speech(&ids, frames),
        };
        Ok(PromptEmbeddings { prefill: self.before_speech(prompt, &speech), trailing_text })
    }

    /// Embeds a prompt with only the beginning of its text. Returns the input of the prefill, and
    /// the text that trails it so far, if there is any.
    pub(crate) fn embed_open_prompt(&self, prompt: &Prompt) -> Result<(Tensor, Option<Tensor>)> {
        prompt.validate(self.config())?;
        if prompt.text_mode != TextMode::Streaming {
            return Err(Error::NotStreaming);
        }
        let (expected, found) = (prompt.text_to_start(), prompt.text_ids().len());
        if found < expected {
            return Err(Error::TooLittleText { expected, found });
        }
        let text = self.embed_text(&prompt.spoken_ids());
        let speech = self.embed_speech(prompt.frames());
        let n_speech = speech.dim(1);
        let trailing = text.dim(1) - n_speech;
        let beside = text.narrow(1, 0, n_speech).add(&speech);
        let trailing_text = (trailing > 0).then(|| text.narrow(1, n_speech, trailing));
        Ok((self.before_speech(prompt, &beside), trailing_text))
    }

    /// Joins instruction, role and control tokens with `speech`.
    fn before_speech(&self, prompt: &Prompt, speech: &Tensor) -> Tensor {
        let instruct = prompt.instruct_ids.as_ref().map(|ids| self.embed_text(ids));
        let role = self.embed_text(&prompt.input_ids[..Prompt::ROLE_IDS]);
        let control = self.embed_control(prompt);
        let parts: Vec<&Tensor> = instruct.iter().chain([&role, &control, speech]).collect();
        Tensor::cat(&parts, 1)
    }

    /// Embeds language and speaker: each position with `tts_pad`, the last one with `tts_bos`.
    fn embed_control(&self, prompt: &Prompt) -> Tensor {
        let config = self.config();
        let mut ids = match prompt.language {
            None => vec![config.codec_nothink_id, config.codec_think_bos_id],
            Some(language) => vec![config.codec_think_id, config.codec_think_bos_id, language],
        };
        ids.push(config.codec_think_eos_id);
        let language = self.embed_codec(&ids);
        let speaker = prompt.speaker.as_ref().map(|speaker| match speaker {
            Speaker::Preset(id) => self.embed_codec(&[*id]),
            Speaker::Blend(parts) => self.embed_blend(parts),
            Speaker::Embedding(values) => {
                Tensor::from_vec(values.clone(), &[1, 1, values.len()], self.device())
            }
        });
        let pad = self.embed_codec(&[config.codec_pad_id]);
        let codec: Vec<&Tensor> = [&language].into_iter().chain(&speaker).chain([&pad]).collect();
        let codec = Tensor::cat(&codec, 1);

        let special = self.special();
        let mut text = vec![&special.tts_pad; codec.dim(1) - 1];
        text.push(&special.tts_bos);
        Tensor::cat(&text, 1).add(&codec)
    }

    /// Embeds all text with `codec_pad`, then the speech so far with `tts_pad`. No text trails.
    fn text_then_speech(&self, ids: &[u32], frames: Option<&[Vec<u32>]>) -> (Tensor, Tensor) {
        let special = self.special();
        let pad = self.embed_codec(&[self.config().codec_pad_id]);
        let text = Tensor::cat(&[&self.embed_text(ids), &special.tts_eos], 1).add(&pad);
        let speech = self.embed_speech(frames).add(&special.tts_pad);
        (Tensor::cat(&[&text, &speech], 1), special.tts_pad.clone())
    }

    /// Embeds text and speech so far side by side, up to the end of the speech. The rest of the
    /// text trails.
    fn text_with_speech(&self, ids: &[u32], frames: Option<&[Vec<u32>]>) -> (Tensor, Tensor) {
        let special = self.special();
        let text = Tensor::cat(&[&self.embed_text(ids), &special.tts_eos], 1);
        let speech = self.embed_speech(frames);
        let (n_text, n_speech) = (text.dim(1), speech.dim(1));
        if n_text > n_speech {
            let beside = text.narrow(1, 0, n_speech).add(&speech);
            return (beside, text.narrow(1, n_speech, n_text - n_speech));
        }
        let pads = vec![&special.tts_pad; n_speech - n_text];
        let text = Tensor::cat(&[&[&text], &pads[..]].concat(), 1);
        (text.add(&speech), special.tts_pad.clone())
    }

    /// Embeds `codec_bos` and the frames of a reference, each as the sum of its codes' embeddings.
    fn embed_speech(&self, frames: Option<&[Vec<u32>]>) -> Tensor {
        let bos = self.embed_codec(&[self.config().codec_bos_id]);
        let Some(frames) = frames else { return bos };
        let codebook = |i: usize| -> Vec<u32> { frames.iter().map(|frame| frame[i]).collect() };
        let mut sum = self.embed_codec(&codebook(0));
        for group in 1..self.config().num_code_groups {
            let ids = Ids::new(&codebook(group), self.device());
            sum = sum.add(&self.code_predictor().embed(group, &ids));
        }
        Tensor::cat(&[&bos, &sum], 1)
    }

    /// Embeds a mixture of at least one voice.
    fn embed_blend(&self, parts: &[(u32, f32)]) -> Tensor {
        let width = self.config().hidden_size;
        parts
            .iter()
            .map(|&(id, weight)| {
                let weight = Tensor::from_vec(vec![weight; width], &[1, 1, width], self.device());
                self.embed_codec(&[id]).mul(&weight)
            })
            .reduce(|sum, part| sum.add(&part))
            .expect("a blend has parts, which the prompt's validation checks")
    }

    fn embed_codec(&self, ids: &[u32]) -> Tensor {
        self.codec_embedding().forward(&Ids::new(ids, self.device()))
    }
}
