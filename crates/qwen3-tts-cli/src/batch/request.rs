//! The lines of a batch, each with a request.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use qwen3_tts_pipeline::{ClonedVoice, Sampling, SpeechRequest, Synthesizer, TextMode, Voice};
use serde::Deserialize;
use serde_json::Value;

use crate::args::EncodingArgs;
use crate::failure::{Failure, Result};
use crate::identity::stamp;
use crate::text_decoder;
use crate::voice::{self, Recording};

/// Name of the manifest in the output directory, reserved among the names of outputs.
pub const MANIFEST: &str = "manifest.jsonl";

/// A nonempty line.
pub struct Line {
    number: usize,
    file: String,
    /// The line as it was read, which a resumed run compares with the manifest.
    value: Value,
    content: std::result::Result<Content, String>,
}

/// The fields of a line. A missing field has the default of the flag of `speak`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    text: String,
    #[serde(default)]
    markup: bool,
    file: Option<String>,
    speaker: Option<String>,
    language: Option<String>,
    instruct: Option<String>,
    voice: Option<PathBuf>,
    ref_audio: Option<PathBuf>,
    ref_text: Option<String>,
    #[serde(default)]
    x_vector_only: bool,
    streaming_text: Option<bool>,
    #[serde(default)]
    greedy: bool,
    temperature: Option<f32>,
    top_k: Option<usize>,
    top_p: Option<f32>,
    repetition_penalty: Option<f32>,
    subtalker_temperature: Option<f32>,
    subtalker_top_k: Option<usize>,
    subtalker_top_p: Option<f32>,
    seed: Option<u64>,
    max_frames: Option<usize>,
}

/// Reads a text with one request per line. Invalid lines are returned too, with their errors.
pub fn read_lines(text: &str, encoding: &EncodingArgs) -> Vec<Line> {
    let mut files = HashSet::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| Line::read(index + 1, line, encoding, &mut files)).collect()
}

impl Line {
    fn read(
        number: usize,
        line: &str,
        encoding: &EncodingArgs,
        files: &mut HashSet<String>,
    ) -> Self {
        let value = serde_json::from_str::<Value>(line).unwrap_or(Value::Null);
        let mut content = serde_json::from_str::<Content>(line).map_err(|e| {
            // JSON has none.
            if line.contains('\0') { text_decoder::NUL.to_owned() } else { e.to_string() }
        });
        let named = content.as_ref().ok().and_then(|content| content.file.clone());
        let file =
            named.unwrap_or_else(|| format!("{number:05}.{}", encoding.default_format().name()));
        if !is_plain(&file) {
            content = Err(format!(
                "`file` is {file:?}; expected the name of a file in the output directory"
            ));
        } else if content.is_ok() && !files.insert(file.clone()) {
            content = Err(format!("`file` is {file:?}, which is taken by an earlier line"));
        } else if let Err(failure) = encoding.encoding(Path::new(&file)) {
            content = content.and(Err(failure.reason()));
        }
        Self { number, file, value, content }
    }

    /// Returns its number in the file, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns the name of the audio file in the output directory.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line as JSON.
    pub fn value(&self) -> &Value {
        &self.value
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
            .sampling(content.sampling());
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
    fn sampling(&self) -> Sampling {
        let mut sampling = Sampling::default();
        sampling.greedy = self.greedy;
        sampling.temperature = self.temperature;
        sampling.top_k = self.top_k;
        sampling.top_p = self.top_p;
        sampling.repetition_penalty = self.repetition_penalty;
        sampling.subtalker_temperature = self.subtalker_temperature;
        sampling.subtalker_top_k = self.subtalker_top_k;
        sampling.subtalker_top_p = self.subtalker_top_p;
        sampling
    }
}

/// Returns true if `file` is the name of a file in the output directory other than the manifest.
fn is_plain(file: &str) -> bool {
    let mut parts = Path::new(file).components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    is_name && file != MANIFEST && !file.ends_with(['/', '\\'])
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
        let asked =
            [content.speaker.is_some(), content.voice.is_some(), content.ref_audio.is_some()];
        if asked.into_iter().filter(|is_there| *is_there).count() > 1 {
            return Err(Failure::request("expected at most one of speaker, voice and ref_audio"));
        }
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
        if !source.is_recording {
            return voice::load(&source.file, source.x_vector_only);
        }
        let recording =
            Recording::open(&source.file, source.transcript.clone(), source.x_vector_only)?;
        Ok(recording.clone_voice(self.model)?.0)
    }
}
