//! Plans: requests checked against a checkpoint and translated into the terms of the talker.

use std::borrow::Cow;

use qwen3_tts_config::{GenerationConfig, Language, ModelConfig, ModelType};
use qwen3_tts_talker::{GenerationParams, Prompt, Reference, Sampling, Speaker, TextMode};

use super::request::{SpeechRequest, Voice};
use crate::error::{Error, Result};
use crate::text::markup::Kind;
use crate::text::tokenizer::WRAPPED_AFTER;
use crate::text::{TextTokenizer, is_blank};
use crate::voice::Blend;

/// Number of frames expected per text token, from 12.5 frames and about 4 tokens per second.
pub(crate) const FRAMES_PER_TOKEN: f64 = 3.3;

/// A request, or a piece of one, that the model can honour.
pub(crate) struct Plan {
    pub prompt: Prompt,
    pub params: GenerationParams,
    /// Frame limit of the request.
    asked_frames: Option<usize>,
    /// Number of tokens of the text alone.
    pub text_tokens: usize,
}

/// The part of a request that a plan is made for.
#[derive(Clone)]
pub(crate) struct Part<'a> {
    pub text: &'a str,
    pub manner: Manner<'a>,
    pub seed: u64,
    pub max_frames: Option<usize>,
}

/// The properties of a request that marks change within its text.
#[derive(Clone)]
pub(crate) struct Manner<'a> {
    pub voice: Cow<'a, Voice>,
    pub language: &'a str,
    pub instruct: Option<&'a str>,
}

impl<'a> Manner<'a> {
    /// Returns those of the request itself.
    pub fn of(request: &'a SpeechRequest) -> Self {
        Self {
            voice: Cow::Borrowed(&request.voice),
            language: &request.language,
            instruct: request.instruct.as_deref(),
        }
    }
}

impl Plan {
    /// Returns the number of tokens of text and instruction.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt.input_ids.len() + self.prompt.instruct_ids.as_ref().map_or(0, Vec::len)
    }

    /// Adds ids to an incremental text.
    pub fn text_came(&mut self, ids: &[u32]) {
        self.prompt.input_ids.extend(ids);
        self.text_tokens = self.prompt.input_ids.len().saturating_sub(Prompt::ROLE_IDS);
    }

    /// Returns true if an incremental text has ids.
    pub fn has_text(&self) -> bool {
        self.text_tokens > 0
    }

    /// Returns true if enough of an incremental text has arrived to begin.
    pub fn can_open(&self) -> bool {
        self.text_tokens >= self.prompt.text_to_start()
    }

    /// Returns the number of frames expected from the length of the text.
    pub fn expected_frames(&self) -> usize {
        let expected = self.text_tokens as f64 * FRAMES_PER_TOKEN;
        (expected.ceil() as usize).min(self.params.max_frames)
    }
}

/// The part of a checkpoint that requests are checked against.
pub(crate) struct Planner {
    pub config: ModelConfig,
    pub generation: GenerationConfig,
    pub tokenizer: TextTokenizer,
}

impl Planner {
    /// Plans a part of a request.
    pub fn plan(&self, request: &SpeechRequest, part: Part<'_>) -> Result<Plan> {
        let mut plan = self.plan_without_text(request, &part)?;
        self.give_text(&mut plan, self.tokenizer.encode_text(part.text)?)?;
        Ok(plan)
    }

    /// Plans a request whose text is incremental; the text of the request is ignored.
    pub fn plan_open(&self, request: &SpeechRequest, seed: u64) -> Result<Plan> {
        if request.markup {
            return Err(Error::of_field(
                "markup",
                "a text with marks is read as a whole: it cannot be incremental",
            ));
        }
        if request.text_mode == Some(TextMode::NonStreaming) {
            return Err(Error::of_field(
                "text_mode",
                "an incremental text is spoken in the streaming text mode only",
            ));
        }
        let manner = Manner::of(request);
        let part = Part { text: "", manner, seed, max_frames: request.max_frames };
        let mut plan = self.plan_without_text(request, &part)?;
        plan.prompt.text_mode = TextMode::Streaming;
        let positions = plan.prompt.positions();
        plan.params.max_frames = self.max_frames(plan.asked_frames, positions, 0)?;
        Ok(plan)
    }

    /// Returns the prompt of the part of an incremental text that has arrived, wrapped.
    pub fn open_prompt(&self, plan: &Plan) -> Result<Prompt> {
        let mut prompt = plan.prompt.clone();
        let suffix = self.tokenizer.encode(WRAPPED_AFTER)?;
        prompt.input_ids.extend(&suffix[suffix.len().saturating_sub(Prompt::SUFFIX_IDS)..]);
        Ok(prompt)
    }

    /// Checks the plan of an incremental text that is complete.
    pub fn complete(&self, plan: &mut Plan) -> Result<()> {
        let ids = self.open_prompt(plan)?.input_ids;
        self.give_text(plan, ids)
    }

    fn give_text(&self, plan: &mut Plan, input_ids: Vec<u32>) -> Result<()> {
        plan.prompt.input_ids = input_ids;
        plan.text_tokens = text_tokens(&plan.prompt)?;
        let positions = plan.prompt.positions();
        plan.params.max_frames = self.max_frames(plan.asked_frames, positions, plan.text_tokens)?;
        Ok(())
    }

    /// Returns the language called `name`; `None` for `auto`, and for a dialect or a language that
    /// only this checkpoint knows.
    pub fn language(&self, name: &str) -> Result<Option<Language>> {
        Ok(self.config.language(name).map_err(Error::UnknownName)?.and_then(Language::named))
    }

    /// Checks all of a request but its voice and its text.
    pub fn check_before_cloning(&self, request: &SpeechRequest) -> Result<()> {
        match self.config.tts_model_type {
            ModelType::Base => {}
            kind => return Err(no_cloning(kind)),
        }
        self.config.language_token(&request.language, None).map_err(Error::UnknownName)?;
        self.instruct(request.instruct.as_deref())?;
        self.params(&request.sampling)?;
        self.max_frames(request.max_frames, 0, 0).map(drop)
    }

    fn plan_without_text(&self, request: &SpeechRequest, part: &Part<'_>) -> Result<Plan> {
        let Manner { voice, language, instruct } = &part.manner;
        let (speaker, language) = self.voice(voice, language)?;
        let instruct = self.instruct(*instruct)?;
        let instruct_ids =
            instruct.map(|words| self.tokenizer.encode_instruct(words)).transpose()?;
        let text_mode = request.text_mode.unwrap_or(match **voice {
            Voice::Cloned(_) => TextMode::Streaming,
            _ => TextMode::NonStreaming,
        });
        let prompt = Prompt::new(Vec::new())
            .instruct_ids(instruct_ids)
            .speaker(speaker)
            .reference(self.reference(voice)?)
            .language(language)
            .text_mode(text_mode);
        let params = self.params(&request.sampling)?.max_frames(0).seed(part.seed);
        Ok(Plan { prompt, params, asked_frames: part.max_frames, text_tokens: 0 })
    }

    /// Checks voice, language and instruction.
    pub fn check_manner(&self, manner: &Manner<'_>) -> Result<()> {
        self.voice(&manner.voice, manner.language)?;
        self.instruct(manner.instruct).map(drop)
    }

    /// Checks that the model can honour a mark.
    pub fn check_mark(&self, kind: Kind, value: &str) -> Result<()> {
        match (kind, self.config.tts_model_type) {
            (Kind::Speaker, ModelType::Base) => Err(Error::of_field(
                "voice",
                "a base model has no speakers: leave the mark out, or use a custom voice model",
            )),
            (Kind::Speaker, _) => self.voice(&Voice::Speaker(value.to_owned()), "auto").map(drop),
            (Kind::Language, _) => self.language(value).map(drop),
            (Kind::Instruct, _) => self.instruct(Some(value)).map(drop),
        }
    }

    /// Returns the speaker and the token of the language.
    fn voice(&self, voice: &Voice, language: &str) -> Result<(Option<Speaker>, Option<u32>)> {
        let preset = match (voice, self.config.tts_model_type) {
            (Voice::Cloned(voice), ModelType::Base) => {
                voice.check_for(&self.config)?;
                let language = self.config.language_token(language, None);
                let speaker = Speaker::Embedding(voice.speaker_embedding.clone());
                return Ok((Some(speaker), language.map_err(Error::UnknownName)?));
            }
            (_, ModelType::Base) => return Err(Error::of_field("voice", NEEDS_A_VOICE)),
            (Voice::Cloned(_), kind) => return Err(no_cloning(kind)),
            (Voice::Speaker(_), ModelType::VoiceDesign) => {
                return Err(Error::of_field(
                    "voice",
                    "a voice design model has no speakers: describe the voice in an instruction",
                ));
            }
            (Voice::Default | Voice::Unspecified, ModelType::VoiceDesign)
            | (Voice::Unspecified, ModelType::CustomVoice) => None,
            (Voice::Default, ModelType::CustomVoice) => {
                self.config.speakers().next().map(Blend::of)
            }
            (Voice::Speaker(name), ModelType::CustomVoice) => {
                Some(Blend::parse(name, &self.config)?)
            }
            (_, kind) => {
                return Err(Error::Unsupported(format!("{kind} models are not supported")));
            }
        };
        let dialect = preset.as_ref().and_then(Blend::dialect_speaker);
        let language = self.config.language_token(language, dialect).map_err(Error::UnknownName)?;
        Ok((preset.map(|blend| blend.speaker()), language))
    }

    /// Returns the recording to continue, if the voice has one.
    fn reference(&self, voice: &Voice) -> Result<Option<Reference>> {
        let Voice::Cloned(voice) = voice else { return Ok(None) };
        let Some(reference) = &voice.reference else { return Ok(None) };
        let text_ids = self.tokenizer.encode_reference(&reference.transcript)?;
        Ok(Some(Reference::new(text_ids, reference.codes.clone())))
    }

    /// Returns the instruction; an empty one counts as none, as in the official package.
    fn instruct<'a>(&self, instruct: Option<&'a str>) -> Result<Option<&'a str>> {
        let instruct = instruct.filter(|words| !words.is_empty());
        if instruct.is_some() && !self.config.takes_instruct() {
            let (size, kind) = (self.config.tts_model_size, self.config.tts_model_type);
            let reason = format!(
                "this {size} {kind} model does not follow instructions: \
                 leave the instruction out, or use a 1.7B model"
            );
            return Err(Error::of_field("instruct", reason));
        }
        Ok(instruct)
    }

    fn params(&self, changes: &Sampling) -> Result<GenerationParams> {
        let params = GenerationParams::new(&self.generation, changes);
        params.talker.validate().map_err(|error| Error::of_talker(&error))?;
        params.subtalker.validate().map_err(|error| Error::of_subtalker(&error))?;
        Ok(params)
    }

    /// Returns the maximum number of frames. A text that cannot fit is refused; the limit of the
    /// request is kept, whatever it cuts off.
    fn max_frames(
        &self,
        asked: Option<usize>,
        positions: usize,
        text_tokens: usize,
    ) -> Result<usize> {
        let limit = self.config.talker_config.max_position_embeddings;
        let room = limit.saturating_sub(positions);
        if let Some(frames) = asked {
            if frames == 0 {
                let reason = "the limit of frames must be at least 1, found 0";
                return Err(Error::of_field("max_frames", reason));
            }
            if frames > room {
                let reason = format!(
                    "the prompt takes {positions} of the model's {limit} positions, which leaves \
                     room for {room} frames, not {frames}: lower the limit or split the text"
                );
                return Err(Error::of_field("max_frames", reason));
            }
            return Ok(frames);
        }
        // The official package's last token never becomes a frame.
        let frames = (self.generation.max_new_tokens - 1).min(room);
        // Speech takes more than one frame for a token in every language.
        if text_tokens > frames {
            let reason = format!(
                "the text is too long: it has {text_tokens} tokens, and at most {frames} frames of \
                 speech can follow: split the text"
            );
            return Err(Error::of_field("text", reason));
        }
        Ok(frames)
    }
}

/// Refuses a blank text.
pub(crate) fn check_text(text: &str) -> Result<()> {
    if is_blank(text) { Err(no_text()) } else { Ok(()) }
}

/// Returns the error of an empty text.
pub(crate) fn no_text() -> Error {
    Error::of_field("text", "there is no text to speak")
}

fn no_cloning(kind: ModelType) -> Error {
    let reason = format!("a {kind} model does not speak with cloned voices: use a base model");
    Error::of_field("voice", reason)
}

const NEEDS_A_VOICE: &str = "a base model speaks with a cloned voice only: give it a reference \
     recording or a voice file, or use a custom voice or a voice design model";

pub(crate) fn refuse(reason: impl Into<String>) -> Error {
    Error::Request(reason.into())
}

fn text_tokens(prompt: &Prompt) -> Result<usize> {
    match prompt.text_ids().len() {
        0 => {
            let reason = "the text has no tokens: does the tokenizer belong to this model?";
            Err(Error::of_field("text", reason))
        }
        tokens => Ok(tokens),
    }
}

/// Draws a seed of 32 bits, short enough to be typed.
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() >> 32
}
