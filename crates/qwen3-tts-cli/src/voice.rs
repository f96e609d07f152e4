//! `voice create` and `voice show`, and the voices that `speak` clones.

mod summary;

use std::io;
use std::path::Path;
use std::sync::Arc;

use qwen3_tts_files::read_at_most;
use qwen3_tts_pipeline::{
    AudioLimits, ClonedVoice, ReferenceAudio, StageTimings, Synthesizer, Voice,
};

use crate::args::{CreateArgs, ReferenceArgs, ShowArgs, SpeakArgs};
use crate::failure::{Failure, Result};
use crate::identity::{DistinctFiles, is_stdin};
use crate::output::{Destination, print, print_json};
use crate::{demo, model, note::note, progress, recording};
use summary::VoiceSummary;

/// Maximum length in bytes of a voice on standard input, more than that of any voice file.
const MAX_BYTES: u64 = 1 << 28;

pub fn create(args: CreateArgs) -> Result {
    let mut distinct = DistinctFiles::default();
    distinct.output("-o", &args.output)?;
    args.reference.ref_audio.iter().try_for_each(|file| distinct.input("--ref-audio", file))?;
    let recording = Recording::read(&args.reference)?.ok_or_else(|| {
        Failure::request("a voice file is made from a recording: add --ref-audio FILE")
    })?;
    let output = Destination::check_binary(&args.output)?;
    let show_progress = progress::is_wanted(crate::args::When::Auto);
    let files = model::files(args.model.model.as_deref(), demo::Use::Cloning, show_progress)?;
    distinct.model(&files)?;
    let options = model::options(&args.model).without_talker();
    let (voice, _) = recording.clone_voice(&Synthesizer::from_files(&files, &options)?)?;
    if args.model.model.is_none() {
        note(demo::Use::Cloning.note());
    }
    output.write(&voice.to_bytes(&args.output.display().to_string())?)
}

pub fn show(args: &ShowArgs) -> Result {
    let summary = VoiceSummary::of(&read(&args.voice)?);
    if !args.json {
        return print(&summary.to_string());
    }
    let json = serde_json::to_string_pretty(&summary);
    print_json(&json.map_err(|error| Failure::Other(error.to_string()))?)
}

/// Reads a voice file, or standard input.
fn read(path: &Path) -> Result<ClonedVoice> {
    if !is_stdin(path) {
        return Ok(ClonedVoice::load(path)?);
    }
    let bytes = read_at_most(io::stdin().lock(), MAX_BYTES);
    let bytes = bytes.map_err(|error| Failure::reading(Path::new("standard input"), &error))?;
    Ok(ClonedVoice::from_bytes(&bytes, "standard input")?)
}

/// Loads a voice file.
pub fn load(file: &Path, x_vector_only: bool) -> Result<ClonedVoice> {
    let is_name = file.components().count() == 1 && file.extension().is_none();
    if is_name && !is_stdin(file) && !file.exists() {
        return Err(Failure::NotFound(format!(
            "there is no voice file {}; if it is a speaker of the model, name it as speaker, not as \
             voice",
            file.display()
        )));
    }
    let mut voice = read(file)?;
    if x_vector_only {
        voice.reference = None;
    }
    Ok(voice)
}

/// Returns the voice of a speaker by name, which must not be that of a file.
pub fn speaker(name: &str) -> Result<Voice> {
    const FILES: [&str; 12] = [
        "voice",
        "safetensors",
        "wav",
        "mp3",
        "m4a",
        "mp4",
        "flac",
        "ogg",
        "opus",
        "aac",
        "webm",
        "aiff",
    ];
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    let is_file = extension.is_some_and(|ext| FILES.contains(&ext.to_lowercase().as_str()));
    if is_file || name.contains(['/', '\\']) {
        return Err(Failure::request(format!(
            "{name} is a file, not a speaker of the model: name a voice file as voice, a recording as \
             ref-audio"
        )));
    }
    Ok(Voice::Speaker(name.to_owned()))
}

/// The voice that the flags of `speak` name, read as far as possible without a model.
pub enum VoiceSource {
    Ready(Voice),
    Recording(Recording),
}

impl VoiceSource {
    pub fn read(args: &SpeakArgs) -> Result<Self> {
        if let Some(recording) = Recording::read(&args.reference)? {
            return Ok(Self::Recording(recording));
        }
        if let Some(file) = &args.voice {
            let voice = load(file, args.reference.x_vector_only)?;
            return Ok(Self::Ready(Voice::Cloned(Arc::new(voice))));
        }
        if args.reference.x_vector_only {
            return Err(Failure::request(
                "--x-vector-only needs a cloned voice: add --ref-audio FILE or --voice FILE",
            ));
        }
        let speaker = args.speaker.as_deref().map(speaker).transpose()?;
        Ok(Self::Ready(speaker.unwrap_or_default()))
    }

    /// Returns true if the voice is cloned.
    pub fn is_cloned(&self) -> bool {
        matches!(self, Self::Recording(_) | Self::Ready(Voice::Cloned(_)))
    }

    /// Returns true if there is a recording to encode.
    pub fn is_recording(&self) -> bool {
        matches!(self, Self::Recording(_))
    }

    /// Returns the voice, and the time taken to encode its recording.
    pub fn voice(self, model: &Synthesizer) -> Result<(Voice, Option<StageTimings>)> {
        match self {
            Self::Ready(voice) => Ok((voice, None)),
            Self::Recording(recording) => {
                let (voice, timings) = recording.clone_voice(model)?;
                Ok((Voice::Cloned(Arc::new(voice)), Some(timings)))
            }
        }
    }
}

/// A recording and its transcript.
pub struct Recording {
    audio: ReferenceAudio,
    transcript: Option<String>,
}

impl Recording {
    fn read(args: &ReferenceArgs) -> Result<Option<Self>> {
        let Some(path) = &args.ref_audio else { return Ok(None) };
        let mut recording = Self::open(path, args.ref_text.clone(), args.x_vector_only)?;
        if let Some(seconds) = args.trailing_silence {
            recording.audio = recording.audio.with_trailing_silence(seconds)?;
        }
        Ok(Some(recording))
    }

    /// Reads a recording, which needs a transcript unless `x_vector_only`.
    pub fn open(path: &Path, transcript: Option<String>, x_vector_only: bool) -> Result<Self> {
        if transcript.is_none() && !x_vector_only {
            return Err(Failure::request(
                "the recording has no transcript: add --ref-text TEXT, or --x-vector-only to clone \
                 from the speaker embedding only",
            ));
        }
        let audio = recording::read(path, &AudioLimits::default())?;
        Ok(Self { audio, transcript: transcript.filter(|_| !x_vector_only) })
    }

    pub fn clone_voice(&self, model: &Synthesizer) -> Result<(ClonedVoice, StageTimings)> {
        Ok(model.clone_voice_timed(&self.audio, self.transcript.as_deref())?)
    }
}
