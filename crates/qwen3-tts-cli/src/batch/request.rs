//! The lines of a batch, each with a request.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qwen3_tts_files::regular;
use qwen3_tts_pipeline::{ClonedVoice, Sampling, SpeechRequest, Synthesizer, TextMode, Voice};
use serde_json::{Map, Value};

use super::fields::{Fields, Form};
use super::lines::{Raw, json_lines, table};
use super::names::Names;
use crate::args::EncodingArgs;
use crate::failure::{Failure, Result};
use crate::identity::stamp;
use crate::output::voice_name;
use crate::voice::{self, Recording};

/// A line that is not blank.
pub struct Line {
    number: usize,
    file: String,
    /// The line as it was read, which a resumed run compares with the manifest.
    value: Value,
    content: std::result::Result<Content, String>,
}

/// The fields of a line. A missing field has the default of the flag of `speak`.
struct Content {
    text: String,
    markup: bool,
    file: Option<String>,
    speaker: Option<String>,
    language: Option<String>,
    instruct: Option<String>,
    voice: Option<PathBuf>,
    ref_audio: Option<PathBuf>,
    ref_text: Option<String>,
    x_vector_only: bool,
    streaming_text: Option<bool>,
    sampling: Sampling,
    seed: Option<u64>,
    max_frames: Option<usize>,
}

/// Reads the requests of a text in JSON or CSV. Invalid lines are returned too, with their errors.
///
/// # Errors
/// Returns a failure if the header of a table is wrong. `name` is that of the input.
pub fn read_lines(
    text: &str,
    name: &str,
    is_table: bool,
    encoding: &EncodingArgs,
) -> Result<Vec<Line>> {
    let raw = match is_table {
        true => table(text, name, &Content::names())?,
        false => json_lines(text),
    };
    let mut names = Names::default();
    Ok(raw.into_iter().map(|raw| Line::read(raw, encoding, &mut names)).collect())
}

impl Line {
    fn read(raw: Raw<'_>, encoding: &EncodingArgs, names: &mut Names) -> Self {
        let Raw { number, text, values } = raw;
        let value = values.clone().map_or(Value::Null, Value::Object);
        let form = text.map_or(Form::Table, Form::Json);
        let content = values.and_then(|values| Content::read(Fields::new(values, form)));
        let named = content.as_ref().ok().and_then(|content| content.file.clone());
        let ending = encoding.default_format().name();
        let file = named.unwrap_or_else(|| format!("{number:05}.{ending}"));
        let content = content.and_then(|content| {
            names.take(&file, number)?;
            encoding.encoding(Path::new(&file)).map_err(|failure| failure.reason())?;
            Ok(content)
        });
        Self { number, file, value, content }
    }

    /// Returns its number in the file, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns the path of the audio file below the output directory.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the fields of the line as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the length of the text in characters.
    pub fn characters(&self) -> usize {
        self.content.as_ref().map_or(0, |content| content.text.chars().count())
    }

    /// Returns the name of the voice, if the line has one.
    pub fn voice_name(&self) -> Option<String> {
        let content = self.content.as_ref().ok()?;
        let recording = || voice_name(content.voice.as_ref().or(content.ref_audio.as_ref())?);
        content.speaker.clone().or_else(recording)
    }

    /// Returns false if the line cannot be a request.
    pub fn is_valid(&self) -> bool {
        self.content.is_ok()
    }

    /// Returns the files that the line names to be read.
    pub fn inputs(&self) -> impl Iterator<Item = &Path> {
        let files = self.content.as_ref().ok().map(|content| [&content.voice, &content.ref_audio]);
        files.into_iter().flatten().filter_map(|file| file.as_deref())
    }

    /// Returns sizes and times of change of these files, which tell a resumed run of new ones.
    pub fn stamps(&self) -> Vec<Option<String>> {
        self.inputs().map(stamp).collect()
    }

    /// Returns true if the voice is cloned, or `None` if the line is invalid.
    pub fn is_cloned(&self) -> Option<bool> {
        let content = self.content.as_ref().ok()?;
        Some(content.voice.is_some() || content.ref_audio.is_some())
    }

    /// Returns the request. A voice to clone is encoded here.
    pub fn request(&self, voices: &mut Voices<'_>) -> Result<SpeechRequest> {
        let content = self.content.as_ref().map_err(|reason| Failure::request(reason.as_str()))?;
        let text_mode = content.streaming_text.map(|is_streaming| match is_streaming {
            true => TextMode::Streaming,
            false => TextMode::NonStreaming,
        });
        let mut request = SpeechRequest::new(&content.text)
            .voice(voices.voice(content)?)
            .sampling(content.sampling);
        if let Some(language) = &content.language {
            request = request.language(language);
        }
        request.markup = content.markup;
        request.instruct = content.instruct.clone();
        request.text_mode = text_mode;
        request.seed = content.seed;
        request.max_frames = content.max_frames;
        Ok(request)
    }
}

impl Content {
    fn read(mut fields: Fields<'_>) -> std::result::Result<Self, String> {
        let content = Self::take(&mut fields)?;
        fields.finish()?;
        if content.text.is_empty() {
            return Err("there is no `text` to speak".to_owned());
        }
        content.check()?;
        Ok(content)
    }

    /// Returns the names of all fields.
    fn names() -> Vec<&'static str> {
        let mut fields = Fields::new(Map::new(), Form::Table);
        // Without values there is none of the wrong type.
        let _ = Self::take(&mut fields);
        fields.known()
    }

    fn take(fields: &mut Fields<'_>) -> std::result::Result<Self, String> {
        Ok(Self {
            text: fields.text("text")?.unwrap_or_default(),
            markup: fields.flag("markup")?.unwrap_or(false),
            file: fields.text("file")?,
            speaker: fields.text("speaker")?,
            language: fields.text("language")?,
            instruct: fields.text("instruct")?,
            voice: fields.text("voice")?.map(PathBuf::from),
            ref_audio: fields.text("ref_audio")?.map(PathBuf::from),
            ref_text: fields.text("ref_text")?,
            x_vector_only: fields.flag("x_vector_only")?.unwrap_or(false),
            streaming_text: fields.flag("streaming_text")?,
            sampling: sampling(fields)?,
            seed: fields.whole("seed")?,
            max_frames: fields.count("max_frames")?,
        })
    }

    /// Refuses fields that exclude one another, as the flags of `speak` do.
    fn check(&self) -> std::result::Result<(), String> {
        let is_cloned = self.voice.is_some() || self.ref_audio.is_some();
        let voices = [self.speaker.is_some(), self.voice.is_some(), self.ref_audio.is_some()];
        let random = self.sampling.temperature.is_some()
            || self.sampling.top_k.is_some()
            || self.sampling.top_p.is_some()
            || self.sampling.subtalker_temperature.is_some()
            || self.sampling.subtalker_top_k.is_some()
            || self.sampling.subtalker_top_p.is_some();
        let stdin = Some(Path::new("-"));
        for (is_wrong, reason) in [
            (
                voices.into_iter().filter(|is_there| *is_there).count() > 1,
                "expected at most one of `speaker`, `voice` and `ref_audio`",
            ),
            (
                self.ref_text.is_some() && self.ref_audio.is_none(),
                "`ref_text` is the transcript of a recording: add `ref_audio`, or leave it out",
            ),
            (
                self.x_vector_only && !is_cloned,
                "`x_vector_only` needs a cloned voice: add `ref_audio` or `voice`",
            ),
            (
                self.x_vector_only && self.ref_text.is_some(),
                "`x_vector_only` cannot be used with `ref_text`",
            ),
            (
                self.sampling.greedy && random,
                "`greedy` cannot be used with a temperature, top_k or top_p",
            ),
            (
                self.ref_audio.as_deref() == stdin || self.voice.as_deref() == stdin,
                "a line of a batch cannot read standard input: name a file",
            ),
        ] {
            if is_wrong {
                return Err(reason.to_owned());
            }
        }
        Ok(())
    }
}

fn sampling(fields: &mut Fields<'_>) -> std::result::Result<Sampling, String> {
    Ok(Sampling {
        greedy: fields.flag("greedy")?.unwrap_or(false),
        do_sample: None,
        subtalker_do_sample: None,
        temperature: fields.number("temperature")?,
        top_k: fields.count("top_k")?,
        top_p: fields.number("top_p")?,
        repetition_penalty: fields.number("repetition_penalty")?,
        subtalker_temperature: fields.number("subtalker_temperature")?,
        subtalker_top_k: fields.count("subtalker_top_k")?,
        subtalker_top_p: fields.number("subtalker_top_p")?,
    })
}

/// The voices that lines name, each loaded or encoded once.
pub struct Voices<'a> {
    model: &'a Synthesizer,
    made: HashMap<Source, Arc<ClonedVoice>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Source {
    file: PathBuf,
    is_recording: bool,
    transcript: Option<String>,
    x_vector_only: bool,
}

impl<'a> Voices<'a> {
    pub fn new(model: &'a Synthesizer) -> Self {
        Self { model, made: HashMap::new() }
    }

    fn voice(&mut self, content: &Content) -> Result<Voice> {
        let (file, is_recording) = match (&content.speaker, &content.voice, &content.ref_audio) {
            (Some(speaker), ..) => return voice::speaker(speaker),
            (_, Some(file), _) => (file, false),
            (.., Some(file)) => (file, true),
            _ => return Ok(Voice::Default),
        };
        let source = Source {
            file: file.clone(),
            is_recording,
            transcript: content.ref_text.clone(),
            x_vector_only: content.x_vector_only,
        };
        if let Some(voice) = self.made.get(&source) {
            return Ok(Voice::Cloned(Arc::clone(voice)));
        }
        let voice = Arc::new(self.make(&source)?);
        self.made.insert(source, Arc::clone(&voice));
        Ok(Voice::Cloned(voice))
    }

    fn make(&self, source: &Source) -> Result<ClonedVoice> {
        // A pipe might never have a writer. A name without a file may be one of a speaker.
        if source.file.exists() {
            regular(&source.file).map_err(|error| Failure::reading(&source.file, &error))?;
        }
        if !source.is_recording {
            return voice::load(&source.file, source.x_vector_only);
        }
        let recording =
            Recording::open(&source.file, source.transcript.clone(), source.x_vector_only)?;
        Ok(recording.clone_voice(self.model)?.0)
    }
}
