//! `speak`: speaks a text to an audio file, standard output or the sound device.

mod hear;
mod job;
mod resume;
mod source;

use std::path::PathBuf;
use std::time::Instant;

use qwen3_tts_audio::Metadata;
use qwen3_tts_pipeline::{ChunkSchedule, Sampling, SpeechRequest, Synthesizer, TextMode};

use crate::args::{Granularity, SamplingArgs, SpeakArgs};
use crate::failure::{Failure, Result};
use crate::identity::{DistinctFiles, is_stdout};
use crate::note::{note, warn};
use crate::output::{self, AudioOutput, Destination};
use crate::player::Player;
use crate::spoken::Spoken;
use crate::subtitles::SubtitleFile;
use crate::voice::VoiceSource;
use crate::{demo, model, progress, stdin};
use hear::{Listeners, hear};
use job::Job;
use resume::{PieceFolder, PieceStore};
use source::Source;

pub fn run(args: SpeakArgs) -> Result {
    let mut distinct = distinct_files(&args)?;
    let source = Source::of(&args);
    let is_live = args.stream || args.play;
    if is_live && args.output.effects.effects().needs_whole() {
        return Err(Failure::request(
            "--loudness is measured over the whole speech: leave out --stream and --play, or set the \
             loudness afterwards",
        ));
    }
    let needs_text = args.markup || args.subtitles.subtitles.is_some();
    // With --non-streaming-text, speech starts only when the whole text is known.
    let is_open = source.is_stdin() && is_live && !args.non_streaming_text && !needs_text;
    let text = if is_open { String::new() } else { source.read()? };
    let outputs = Outputs::check(&args)?;
    let voice = VoiceSource::read(&args)?;
    let show_progress = progress::is_wanted(args.progress);

    let demo_use = demo::Use::new(voice.is_cloned());
    let files = model::files(args.model.model.as_deref(), demo_use, show_progress)?;
    distinct.model(&files)?;
    let options = model::options(&args.model).quantize(args.quantize).max_active(args.batch_size);
    let options = model::with_cache(options, args.kv_cache);
    let loading = progress::loading(show_progress);
    let model = Synthesizer::from_files(&files, &options)?;
    loading.finish_and_clear();
    let mut request = request(&args, text, is_live);
    if args.model.model.is_none() && !is_open {
        request.text_mode = request.text_mode.or(demo_use.text_mode());
    }
    if voice.is_recording() {
        // The rest of the request is checked before the recording is encoded.
        model.check_before_cloning(&request, !is_open)?;
    }
    let (voice, voice_timings) = voice.voice(&model)?;
    request.voice = voice;
    let Outputs { mut audio, player, subtitles, codes, stats, pieces } = outputs;
    if let Some(audio) = &mut audio {
        audio.set_metadata(metadata(&args, &request));
    }
    let store =
        pieces.map(|folder| PieceStore::open(folder, &args, model::identity(&files), &request));
    let store = store.transpose()?;
    let job = Job { args: &args, model: &model, demo_use, show_progress, begin: Instant::now() };
    let listeners = Listeners::new(audio, player, is_live)
        .effects(args.output.effects.effects())
        .subtitles(subtitles);
    let limit = request.max_frames;
    let spoken = match is_open {
        true => job.speak_stdin(request, listeners)?,
        false => job.speak(request, listeners, store)?,
    };
    job.report(&spoken, limit);
    if let Some(file) = codes {
        file.write(spoken.codes_json().as_bytes())?;
    }
    if let Some(file) = stats {
        file.write(spoken.stats_json(&model, voice_timings).as_bytes())?;
    }
    Ok(())
}

impl Job<'_> {
    /// Speaks a complete text.
    fn speak(
        &self,
        mut request: SpeechRequest,
        listeners: Listeners,
        mut store: Option<PieceStore>,
    ) -> Result<Spoken> {
        if let Some(store) = &store {
            request.seed = store.seed().or(request.seed);
            request.long_text = request.long_text.skip(store.pieces()).unordered();
        }
        let speech = self.model.speak(request)?;
        self.has_begun();
        if let Some(store) = &mut store {
            store.begin(speech.seed())?;
        }
        let spoken = hear(self, speech, listeners, store.as_mut(), None)?;
        store.map_or(Ok(()), PieceStore::remove)?;
        Ok(spoken)
    }

    /// Speaks the text on standard input as it arrives.
    fn speak_stdin(&self, request: SpeechRequest, listeners: Listeners) -> Result<Spoken> {
        let (text, speech) = self.model.speak_incremental(request)?;
        let failures = stdin::follow(text);
        let spoken = hear(self, speech, listeners, None, Some(&failures));
        let spoken = failures.try_recv().map_or(spoken, Err)?;
        self.has_begun();
        Ok(spoken)
    }

    /// Prints the note about the demo voice, once the request is accepted.
    fn has_begun(&self) {
        if self.args.model.model.is_none() {
            note(self.demo_use.note());
        }
    }

    /// Says in one line what was spoken where. Cut speech is never passed over.
    fn report(&self, spoken: &Spoken, limit: Option<usize>) {
        let cut = spoken.cut(limit);
        let cut = cut.as_deref();
        if !self.show_progress {
            cut.into_iter().for_each(warn);
            return;
        }
        let place = match audio_path(self.args) {
            None => "played".to_owned(),
            Some(path) if is_stdout(&path) => "standard output".to_owned(),
            Some(path) => path.display().to_string(),
        };
        let cut = cut.map(|cut| format!("; {cut}")).unwrap_or_default();
        warn(&format!("{place}: {}{cut}", spoken.summary()));
    }
}

/// Returns what the file says of itself. Of a text that is still being written there is no beginning.
fn metadata(args: &SpeakArgs, request: &SpeechRequest) -> Metadata {
    let recording = || args.voice.as_deref().or(args.reference.ref_audio.as_deref());
    // The beginning of a text with marks is known when it is read.
    let begin = Some(&request.text).filter(|_| !request.markup).map(|text| output::title(text));
    let begin = begin.filter(|title| !title.is_empty());
    let mut metadata = Metadata::default();
    metadata.title = args.output.title.clone().or(begin);
    metadata.voice = args.speaker.clone().or_else(|| output::voice_name(recording()?));
    metadata.model = args.model.model.as_deref().and_then(output::model_name);
    metadata
}

fn request(args: &SpeakArgs, text: String, is_live: bool) -> SpeechRequest {
    let each_sentence = args.subtitles.subtitle_granularity == Granularity::Sentence;
    let mut request = SpeechRequest::new(text)
        .language(&args.language)
        .sampling(sampling(&args.sampling))
        .long_text(args.pieces.long_text(args.batch_size).each_sentence(each_sentence))
        .chunks(if is_live { ChunkSchedule::default() } else { ChunkSchedule::pieces() });
    request.markup = args.markup;
    request.instruct = args.instruct.clone();
    request.text_mode = text_mode(args);
    request.seed = args.sampling.seed;
    request.max_frames = args.max_frames;
    request
}

fn text_mode(args: &SpeakArgs) -> Option<TextMode> {
    match (args.streaming_text, args.non_streaming_text) {
        (true, _) => Some(TextMode::Streaming),
        (_, true) => Some(TextMode::NonStreaming),
        _ => None,
    }
}

fn sampling(args: &SamplingArgs) -> Sampling {
    Sampling {
        greedy: args.greedy,
        do_sample: None,
        subtalker_do_sample: None,
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        repetition_penalty: args.repetition_penalty,
        subtalker_temperature: args.subtalker_temperature,
        subtalker_top_k: args.subtalker_top_k,
        subtalker_top_p: args.subtalker_top_p,
    }
}

/// Returns the files that are read and written, none of which overwrites another.
fn distinct_files(args: &SpeakArgs) -> Result<DistinctFiles> {
    let inputs = [
        ("the text", Source::of(args).path()),
        ("--ref-audio", args.reference.ref_audio.as_deref()),
        ("--voice", args.voice.as_deref()),
    ];
    let audio_path = audio_path(args);
    let outputs = [
        ("-o", audio_path.as_deref()),
        ("--codes", args.codes.as_deref()),
        ("--subtitles", args.subtitles.subtitles.as_deref()),
        ("--stats", args.stats.as_deref()),
    ];
    let mut files = DistinctFiles::default();
    for (name, path) in inputs {
        path.map_or(Ok(()), |path| files.input(name, path))?;
    }
    for (name, path) in outputs {
        path.map_or(Ok(()), |path| files.output(name, path))?;
    }
    Ok(files)
}

/// Returns the destination of the audio. Audio that is played is written only if -o is given.
fn audio_path(args: &SpeakArgs) -> Option<PathBuf> {
    (!args.play || args.output.output.is_some()).then(|| args.output.path())
}

/// The outputs, known to be writable before anything is computed.
struct Outputs {
    audio: Option<AudioOutput>,
    player: Option<Player>,
    subtitles: Option<SubtitleFile>,
    codes: Option<Destination>,
    stats: Option<Destination>,
    /// Folder of finished pieces, with `--resume`.
    pieces: Option<PieceFolder>,
}

impl Outputs {
    fn check(args: &SpeakArgs) -> Result<Self> {
        Ok(Self {
            audio: audio_path(args).map(|_| AudioOutput::check(&args.output)).transpose()?,
            player: args.play.then(Player::open).transpose()?,
            subtitles: args.subtitles.subtitles.as_deref().map(SubtitleFile::check).transpose()?,
            codes: args.codes.as_deref().map(Destination::check).transpose()?,
            stats: args.stats.as_deref().map(Destination::check).transpose()?,
            pieces: args.resume.then(|| PieceFolder::beside(&args.output.path())).transpose()?,
        })
    }
}
