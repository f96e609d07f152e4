//! `batch`: speaks many requests of any length, several at a time.

mod fields;
mod lines;
mod manifest;
mod names;
mod request;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use qwen3_tts_audio::{Chapter, Metadata};
use qwen3_tts_files::{read_at_most, reason, sweep};
use qwen3_tts_pipeline::{ChunkSchedule, ModelFiles, SpeechEvent, Synthesizer, TextMode};
use serde_json::{Value, json};

use crate::args::BatchArgs;
use crate::failure::{Failure, Result};
use crate::identity::{DistinctFiles, is_stdin};
use crate::note::{error, note, warn};
use crate::output::{model_name, title};
use crate::output_file::OutputFile;
use crate::progress::{self, BatchBar};
use crate::spoken::{self, Piece, Spoken, add_fields};
use crate::text_decoder::TextDecoder;
use crate::timeline::Timeline;
use crate::{demo, model};
use manifest::Manifest;
use request::{Line, Voices, read_lines};

/// Maximum length in bytes of a file of requests.
const MAX_BYTES: u64 = 1 << 28;

pub fn run(args: &BatchArgs) -> Result {
    let text = read(&args.requests)?;
    let mut lines = read_lines(&text, &input_name(&args.requests), is_table(args), &args.encoding)?;
    let mut distinct = distinct_files(args, &lines)?;
    // Of the whole batch, so that the result of a line does not depend on its share.
    let mut cloned = lines.iter().filter_map(Line::is_cloned).peekable();
    let demo_use = demo::Use::new(cloned.peek().is_some() && cloned.all(|is_cloned| is_cloned));
    // After all names are compared: the lines of other shares write theirs.
    lines.retain(|line| args.shard.is_none_or(|shard| shard.has(line.number())));
    fs::create_dir_all(&args.out).map_err(|error| {
        Failure::Io(format!("cannot create {}: {}", args.out.display(), reason(&error)))
    })?;
    let show_progress = progress::is_wanted(args.progress);
    let files = model::files(args.model.model.as_deref(), demo_use, show_progress)?;
    distinct.model(&files)?;
    folders(args, &lines).iter().for_each(|folder| sweep(folder));
    let manifest = args.out.join(names::manifest(args.shard));
    let manifest = Manifest::open(&manifest, args.resume, settings(args, &files))?;
    let options = model::options(&args.model).quantize(args.quantize).max_active(args.batch_size);
    let options = model::with_cache(options, args.kv_cache);
    let model = Synthesizer::from_files(&files, &options)?;
    let text_mode = if args.model.model.is_none() { demo_use.text_mode() } else { None };

    let is_there = |line: &Line| manifest.has(line, &args.out);
    let (done, lines): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(is_there);
    if args.model.model.is_none() && !lines.is_empty() {
        note(demo_use.note());
    }
    let characters = lines.iter().map(Line::characters).sum();
    let frame_rate = model.speech_tokenizer_config().frame_rate();
    let n_lines = done.len() + lines.len();
    let bar = BatchBar::new(show_progress, frame_rate, n_lines, done.len(), characters);
    let run = Run {
        args,
        voices: Mutex::new(Voices::new(&model)),
        model: &model,
        text_mode,
        waiting: Mutex::new(lines.into_iter()),
        results: Mutex::new(Results { manifest, failed: Vec::new(), n_spoken: 0, seconds: 0.0 }),
        show_progress,
        bar,
    };
    // Each caller speaks one line at a time; the model speaks the lines of all callers together.
    std::thread::scope(|scope| {
        let callers: Vec<_> =
            (0..args.batch_size).map(|_| scope.spawn(|| run.speak_lines())).collect();
        callers.into_iter().try_for_each(|caller| match caller.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    run.finish()
}

/// Returns the files that are read and written, none of which overwrites another.
fn distinct_files(args: &BatchArgs, lines: &[Line]) -> Result<DistinctFiles> {
    let mut files = DistinctFiles::default();
    files.input("the requests", &args.requests)?;
    files.output("the manifest", &args.out.join(names::manifest(args.shard)))?;
    for line in lines {
        let name = format!("line {}:", line.number());
        line.inputs().try_for_each(|path| files.input(&name, path))?;
    }
    for line in lines.iter().filter(|line| line.is_valid()) {
        files.output(&format!("line {}:", line.number()), &args.out.join(line.file()))?;
    }
    Ok(files)
}

/// Returns what the results depend on beside their lines. A run can only resume one that had the
/// same settings.
fn settings(args: &BatchArgs, files: &ModelFiles) -> Value {
    let mut settings = json!({
        "model": model::identity(files),
        "device": args.model.device.name(),
        "quantize": args.quantize.details(),
        "kv_cache": args.kv_cache.name(),
        "piece_tokens": (!args.pieces.no_split).then_some(args.pieces.piece_tokens),
        "retries": args.pieces.retries,
        "pause_sentence": args.pieces.pause_sentence.map(|pause| pause.as_millis() as u64),
        "pause_paragraph": args.pieces.pause_paragraph.map(|pause| pause.as_millis() as u64),
    });
    add_fields(&mut settings, args.encoding.settings());
    add_fields(&mut settings, args.effects.settings());
    settings
}

/// Returns the folders that lines write to, as far as they exist.
fn folders(args: &BatchArgs, lines: &[Line]) -> BTreeSet<PathBuf> {
    let files = lines.iter().filter(|line| line.is_valid()).map(|line| args.out.join(line.file()));
    let folders = files.filter_map(|file| Some(file.parent()?.to_owned()));
    folders.chain([args.out.clone()]).filter(|folder| folder.is_dir()).collect()
}

/// Returns true if the requests are a table.
fn is_table(args: &BatchArgs) -> bool {
    let ending = args.requests.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    args.csv || matches!(ending.as_deref(), Some("csv" | "tsv"))
}

fn input_name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn read(path: &Path) -> Result<String> {
    let read = match is_stdin(path) {
        true => read_at_most(std::io::stdin().lock(), MAX_BYTES),
        false => fs::File::open(path).and_then(|file| read_at_most(file, MAX_BYTES)),
    };
    let bytes = read.map_err(|error| Failure::reading(path, &error))?;
    // Lines fail alone.
    TextDecoder::new(input_name(path)).keep_nul().decode(&bytes)
}

/// The requests of a batch, shared by several callers.
struct Run<'a> {
    args: &'a BatchArgs,
    model: &'a Synthesizer,
    voices: Mutex<Voices<'a>>,
    /// Text mode of lines that leave it open.
    text_mode: Option<TextMode>,
    waiting: Mutex<std::vec::IntoIter<Line>>,
    results: Mutex<Results>,
    show_progress: bool,
    bar: BatchBar,
}

struct Results {
    manifest: Manifest,
    /// Numbers of the lines that failed.
    failed: Vec<usize>,
    /// Number of lines that were spoken, and the seconds of their speech.
    n_spoken: usize,
    seconds: f64,
}

impl Run<'_> {
    /// Speaks one waiting line after another. A failure to write the manifest ends the batch.
    fn speak_lines(&self) -> Result {
        while let Some(line) = self.next_line() {
            let result = self.speak(&line);
            let written = lock(&self.results).add(&line, result);
            self.bar.end(line.number(), line.characters());
            if written.is_err() {
                lock(&self.waiting).by_ref().for_each(drop);
                return written;
            }
        }
        Ok(())
    }

    fn next_line(&self) -> Option<Line> {
        lock(&self.waiting).next()
    }

    /// Speaks a line and writes its file.
    fn speak(&self, line: &Line) -> Result<Spoken> {
        let begin = Instant::now();
        let mut request = line.request(&mut lock(&self.voices))?;
        request.text_mode = request.text_mode.or(self.text_mode);
        request.long_text = self.args.pieces.long_text(self.args.batch_size);
        request.chunks = ChunkSchedule::pieces();
        let limit = request.max_frames;
        let mut speech = self.model.speak(request)?;
        let output = self.output(line)?;
        self.bar.begin(line.number(), line.characters(), speech.control());
        let mut spoken = Spoken::new(begin, speech.seed(), speech.sample_rate());
        let mut timeline = Timeline::of(&speech);
        let (mut audio, mut piece_begin) = (Vec::new(), None);
        let is_only = speech.pieces().len() < 2;
        while let Some(event) = speech.next_event() {
            match event? {
                SpeechEvent::Chunk(chunk) => {
                    spoken.add_samples(&chunk.samples);
                    if !chunk.is_pause() {
                        piece_begin.get_or_insert(audio.len());
                    }
                    audio.extend(chunk.samples);
                }
                SpeechEvent::Piece(piece) => {
                    if piece.is_runaway {
                        let text = &speech.text()[piece.range.clone()];
                        let said = spoken::runaway(piece.index, text, piece.attempts);
                        warn(&format!("line {}: {said}", line.number()));
                    }
                    let end = audio.len();
                    timeline.heard(piece.index, piece_begin.take().unwrap_or(end)..end);
                    spoken.add(Piece::from(&*piece), is_only);
                }
                // There is no other event yet.
                _ => {}
            }
        }
        spoken.set_n_samples(self.write(line, output, &audio, timeline)?);
        if let Some(cut) = spoken.cut(limit) {
            warn(&format!("line {}: {cut}", line.number()));
        }
        Ok(spoken)
    }

    /// Writes the file of a line, and returns its number of samples at the model's rate.
    fn write(
        &self,
        line: &Line,
        output: OutputFile,
        audio: &[f32],
        mut timeline: Timeline,
    ) -> Result<usize> {
        let rate = timeline.sample_rate;
        let mut chain = self.args.effects.effects().begin(rate);
        let mut changed = chain.push(audio);
        changed.extend(chain.finish());
        timeline.n_samples = audio.len();
        timeline.map(|sample| chain.position(sample));
        let encoding = self.args.encoding.encoding(Path::new(line.file()))?;
        let mut metadata = metadata(&timeline);
        metadata.voice = line.voice_name();
        metadata.model = self.args.model.model.as_deref().and_then(model_name);
        let file = encoding.encode(&changed, rate, metadata);
        output.write(&file.map_err(|error| Failure::request(error.to_string()))?)?;
        Ok(changed.len())
    }

    /// Returns the output of a line, in its folder.
    fn output(&self, line: &Line) -> Result<OutputFile> {
        let path = self.args.out.join(line.file());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| Failure::writing(folder, &error))?;
        }
        OutputFile::at(path)
    }

    fn finish(self) -> Result {
        let elapsed = self.bar.elapsed();
        drop(self.bar);
        let Results { manifest, mut failed, n_spoken, seconds } =
            self.results.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.show_progress {
            let lines =
                if n_spoken == 1 { "1 line".to_owned() } else { format!("{n_spoken} lines") };
            let summary = spoken::speed(seconds, elapsed.as_secs_f64());
            note(&format!("{}: {lines}, {summary}", self.args.out.display()));
        }
        manifest.finish()?;
        failed.sort_unstable();
        let numbers: Vec<String> = failed.iter().map(usize::to_string).collect();
        match numbers.len() {
            0 => Ok(()),
            1 => Err(Failure::Other(format!("line {} failed", numbers[0]))),
            n => Err(Failure::Other(format!("{n} lines failed: {}", numbers.join(", ")))),
        }
    }
}

impl Results {
    fn add(&mut self, line: &Line, result: Result<Spoken>) -> Result {
        match result {
            Ok(spoken) => {
                self.n_spoken += 1;
                self.seconds += spoken.audio_seconds();
                self.manifest.completed(line, &spoken)
            }
            Err(failure) => {
                let reason = failure.reason();
                error(&format!("line {}: {reason}", line.number()));
                self.failed.push(line.number());
                self.manifest.failed(line, &reason)
            }
        }
    }
}

/// Returns title and chapters of a speech.
fn metadata(timeline: &Timeline) -> Metadata {
    let chapter = |(title, start): (&String, Duration)| Chapter { title: title.clone(), start };
    let mut metadata = Metadata::default().title(title(timeline.title().unwrap_or_default()));
    metadata.chapters =
        timeline.chapters.iter().zip(timeline.chapter_times()).map(chapter).collect();
    metadata
}

/// Locks a mutex. A panic of another caller is reported by that caller.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
