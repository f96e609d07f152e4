//! What one can ask for, and what a model makes of it.

use std::sync::Arc;

use qwen3_tts_config::{GenerationConfig, ModelConfig, ModelType};
use qwen3_tts_talker::{GenerationParams, Prompt, Reference, Sampling, Speaker, TextMode};

use crate::text::tokenizer::WRAPPED_AFTER;
use crate::{ClonedVoice, Error, Result, TextTokenizer};

/// A text to speak, and how. Whatever is left out is as the model's publishers had it.
///
/// ```
/// use qwen3_tts_pipeline::SpeechRequest;
///
/// let request = SpeechRequest::new("Guten Tag!").speaker("Ryan").language("German").seed(7);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechRequest {
    /// What is spoken.
    pub text: String,
    /// Who speaks.
    pub voice: Voice,
    /// A language of the model in any case, or `auto`.
    pub language: String,
    /// For a voice design the description of the voice, for a custom voice how to speak.
    pub instruct: Option<String>,
    /// Whether the whole text comes first, or one token with each frame. The model's publishers
    /// give the whole text first, but stream it where a voice is cloned.
    pub text_mode: Option<TextMode>,
    /// How codes are chosen.
    pub sampling: Sampling,
    /// The same seed gives the same speech; without one, each request draws its own.
    pub seed: Option<u64>,
    /// Longest speech in frames of 80 ms; without one, as long as the model's publishers allowed.
    pub max_frames: Option<usize>,
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Voice {
    /// The first speaker of a custom voice, the described one of a voice design.
    #[default]
    Default,
    /// A speaker of a custom voice by name, in any case.
    Speaker(String),
    /// The voice of a recording, for a base model.
    Cloned(Arc<ClonedVoice>),
}

impl SpeechRequest {
    /// A text as the model speaks it by default.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            voice: Voice::Default,
            language: "auto".to_owned(),
            instruct: None,
            text_mode: None,
            sampling: Sampling::default(),
            seed: None,
            max_frames: None,
        }
    }

    /// Spoken by a speaker of a custom voice.
    pub fn speaker(self, name: impl Into<String>) -> Self {
        Self { voice: Voice::Speaker(name.into()), ..self }
    }

    /// Spoken by the voice of a recording.
    pub fn cloned(self, voice: Arc<ClonedVoice>) -> Self {
        Self { voice: Voice::Cloned(voice), ..self }
    }

    /// Spoken in a language of the model.
    pub fn language(self, name: impl Into<String>) -> Self {
        Self { language: name.into(), ..self }
    }

    /// Spoken by the voice, or in the way, that the words describe.
    pub fn instruct(self, words: impl Into<String>) -> Self {
        Self { instruct: Some(words.into()), ..self }
    }

    /// With the text given in this way.
    pub fn text_mode(self, text_mode: TextMode) -> Self {
        Self { text_mode: Some(text_mode), ..self }
    }

    /// With codes chosen in this way.
    pub fn sampling(self, sampling: Sampling) -> Self {
        Self { sampling, ..self }
    }

    /// Always with the likeliest code.
    pub fn greedy(mut self) -> Self {
        self.sampling.greedy = true;
        self
    }

    /// The same each time.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// With at most so many frames of 80 ms.
    pub fn max_frames(self, max_frames: usize) -> Self {
        Self { max_frames: Some(max_frames), ..self }
    }
}

/// Frames that a text token takes, about: 12.5 frames a second, some 4 tokens a second.
pub(crate) const FRAMES_PER_TOKEN: f64 = 3.3;

/// A request that a model can honour, in the terms of the talker.
pub(crate) struct Plan {
    pub prompt: Prompt,
    pub params: GenerationParams,
    /// The limit of frames that was asked for.
    asked_frames: Option<usize>,
    /// Tokens of the text alone.
    pub text_tokens: usize,
}

impl Plan {
    /// Tokens of text and instruction.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt.input_ids.len() + self.prompt.instruct_ids.as_ref().map_or(0, Vec::len)
    }

    /// Adds ids to a text that comes bit by bit.
    pub fn text_came(&mut self, ids: &[u32]) {
        self.prompt.input_ids.extend(ids);
        self.text_tokens = self.prompt.input_ids.len().saturating_sub(Prompt::ROLE_IDS);
    }

    /// Whether anything came of such a text.
    pub fn has_text(&self) -> bool {
        self.text_tokens > 0
    }

    /// Whether there is enough of such a text to begin.
    pub fn can_open(&self) -> bool {
        self.text_tokens >= self.prompt.text_to_start()
    }

    /// Frames that the text will take, as a guess from its length.
    pub fn expected_frames(&self) -> usize {
        let expected = self.text_tokens as f64 * FRAMES_PER_TOKEN;
        (expected.ceil() as usize).min(self.params.max_frames)
    }
}

/// What a request is checked against.
pub(crate) struct Planner {
    pub config: ModelConfig,
    pub generation: GenerationConfig,
    pub tokenizer: TextTokenizer,
}

impl Planner {
    pub fn plan(&self, request: &SpeechRequest) -> Result<Plan> {
        check_text(&request.text)?;
        let mut plan = self.plan_without_text(request)?;
        self.give_text(&mut plan, self.tokenizer.encode_text(&request.text)?)?;
        Ok(plan)
    }

    /// Plans a request whose text comes later, bit by bit; its own is not looked at.
    pub fn plan_open(&self, request: &SpeechRequest) -> Result<Plan> {
        if request.text_mode == Some(TextMode::NonStreaming) {
            return Err(refuse(
                "text that comes bit by bit is spoken in the streaming text mode only",
            ));
        }
        let request = SpeechRequest { text_mode: Some(TextMode::Streaming), ..request.clone() };
        let mut plan = self.plan_without_text(&request)?;
        let positions = plan.prompt.positions();
        plan.params.max_frames = self.max_frames(plan.asked_frames, positions, 0)?;
        Ok(plan)
    }

    /// The prompt of a plan whose text is not complete, wrapped as it is so far.
    pub fn open_prompt(&self, plan: &Plan) -> Result<Prompt> {
        let mut prompt = plan.prompt.clone();
        let suffix = self.tokenizer.encode(WRAPPED_AFTER)?;
        prompt.input_ids.extend(&suffix[suffix.len().saturating_sub(Prompt::SUFFIX_IDS)..]);
        Ok(prompt)
    }

    /// Checks a plan whose text came bit by bit and is complete.
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

    /// Checks what can be checked before a voice is cloned, and before there is a text.
    pub fn check_before_cloning(&self, request: &SpeechRequest) -> Result<()> {
        match self.config.tts_model_type {
            ModelType::Base => {}
            kind => return Err(refuse(no_cloning(kind))),
        }
        self.config.language_token(&request.language, None).map_err(Error::Voice)?;
        self.instruct(request)?;
        self.params(&request.sampling)?;
        self.max_frames(request.max_frames, 0, 0).map(drop)
    }

    fn plan_without_text(&self, request: &SpeechRequest) -> Result<Plan> {
        let (speaker, language) = self.voice(request)?;
        let instruct = self.instruct(request)?;
        let instruct_ids =
            instruct.map(|words| self.tokenizer.encode_instruct(words)).transpose()?;
        let text_mode = request.text_mode.unwrap_or(match request.voice {
            Voice::Cloned(_) => TextMode::Streaming,
            _ => TextMode::NonStreaming,
        });
        let prompt = Prompt::new(Vec::new())
            .instruct_ids(instruct_ids)
            .speaker(speaker)
            .reference(self.reference(&request.voice)?)
            .language(language)
            .text_mode(text_mode);
        let seed = request.seed.unwrap_or_else(random_seed);
        let params = self.params(&request.sampling)?.max_frames(0).seed(seed);
        Ok(Plan { prompt, params, asked_frames: request.max_frames, text_tokens: 0 })
    }

    /// Who speaks, and the token of the language.
    fn voice(&self, request: &SpeechRequest) -> Result<(Option<Speaker>, Option<u32>)> {
        let preset = match (&request.voice, self.config.tts_model_type) {
            (Voice::Cloned(voice), ModelType::Base) => {
                voice.check_for(&self.config)?;
                let language = self.config.language_token(&request.language, None);
                let speaker = Speaker::Embedding(voice.speaker_embedding.clone());
                return Ok((Some(speaker), language.map_err(Error::Voice)?));
            }
            (_, ModelType::Base) => return Err(refuse(NEEDS_A_VOICE)),
            (Voice::Cloned(_), kind) => return Err(refuse(no_cloning(kind))),
            (Voice::Speaker(_), ModelType::VoiceDesign) => {
                return Err(refuse(
                    "a voice design model has no speakers: describe the voice in an instruction",
                ));
            }
            (Voice::Default, ModelType::VoiceDesign) => None,
            (Voice::Default, ModelType::CustomVoice) => self.config.speakers().next(),
            (Voice::Speaker(name), ModelType::CustomVoice) => {
                Some(self.config.speaker(name).map_err(Error::Voice)?)
            }
            (_, kind) => return Err(refuse(format!("{kind} models are not supported"))),
        };
        let name = preset.map(|speaker| speaker.name);
        let language = self.config.language_token(&request.language, name).map_err(Error::Voice)?;
        Ok((preset.map(|speaker| Speaker::Preset(speaker.id)), language))
    }

    /// The recording to speak on from, where the voice has one.
    fn reference(&self, voice: &Voice) -> Result<Option<Reference>> {
        let Voice::Cloned(voice) = voice else { return Ok(None) };
        let Some(reference) = &voice.reference else { return Ok(None) };
        let text_ids = self.tokenizer.encode_reference(&reference.transcript)?;
        Ok(Some(Reference::new(text_ids, reference.codes.clone())))
    }

    /// The instruction; an empty one is none, as in the official package.
    fn instruct<'a>(&self, request: &'a SpeechRequest) -> Result<Option<&'a str>> {
        let instruct = request.instruct.as_deref().filter(|words| !words.is_empty());
        if instruct.is_some() && !self.config.takes_instruct() {
            let (size, kind) = (self.config.tts_model_size, self.config.tts_model_type);
            return Err(refuse(format!(
                "this {size} {kind} model does not follow instructions: \
                 leave the instruction out, or use a 1.7B model"
            )));
        }
        Ok(instruct)
    }

    fn params(&self, changes: &Sampling) -> Result<GenerationParams> {
        let params = GenerationParams::new(&self.generation, changes);
        params.talker.validate().map_err(refuse)?;
        params.subtalker.validate().map_err(|reason| refuse(format!("subtalker: {reason}")))?;
        Ok(params)
    }

    /// How many frames there may be. A text that cannot fit is refused; a limit that was asked for
    /// is kept, whatever it cuts off.
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
                return Err(refuse("the limit of frames must be at least 1, found 0"));
            }
            if frames > room {
                return Err(refuse(format!(
                    "the prompt takes {positions} of the model's {limit} positions, which leaves \
                     room for {room} frames, not {frames}: lower the limit or split the text"
                )));
            }
            return Ok(frames);
        }
        // The official package's last token never becomes a frame.
        let frames = (self.generation.max_new_tokens - 1).min(room);
        // Speech takes more than one frame for a token in every language.
        if text_tokens > frames {
            return Err(refuse(format!(
                "the text is too long: it has {text_tokens} tokens, and at most {frames} frames of \
                 speech can follow: split the text"
            )));
        }
        Ok(frames)
    }
}

/// What is said of an empty text.
pub(crate) const NO_TEXT: &str = "there is no text to speak";

/// Refuses a text with nothing to say in it.
pub(crate) fn check_text(text: &str) -> Result<()> {
    if text.trim().is_empty() { Err(refuse(NO_TEXT)) } else { Ok(()) }
}

fn no_cloning(kind: ModelType) -> String {
    format!("a {kind} model does not speak with cloned voices: use a base model")
}

const NEEDS_A_VOICE: &str = "a base model speaks with a cloned voice only: give it a reference \
     recording or a voice file, or use a custom voice or a voice design model";

pub(crate) fn refuse(reason: impl Into<String>) -> Error {
    Error::Request(reason.into())
}

fn text_tokens(prompt: &Prompt) -> Result<usize> {
    match prompt.text_ids().len() {
        0 => Err(refuse("the text has no tokens: does the tokenizer belong to this model?")),
        tokens => Ok(tokens),
    }
}

/// A seed that is short enough to be typed.
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() >> 32
}
