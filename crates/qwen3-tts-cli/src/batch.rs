//! `batch`: many requests of any length, several at a time.

mod manifest;
mod request;

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use qwen3_tts_pipeline::{
    LoadOptions, NarratedPiece, Narrator, NarratorEvent, OutputFile, Script, Synthesizer, TextMode,
    encode_wav,
};

use crate::args::BatchArgs;
use crate::failure::{Failure, Result};
use crate::progress::{self, BatchBar};
use crate::spoken::{self, Piece, Spoken};
use crate::{demo, model, note};
use manifest::Manifest;
use request::{Line, Voices, read_lines};

pub fn run(args: &BatchArgs) -> Result {
    let lines = read_lines(&read(&args.requests)?);
    fs::create_dir_all(&args.out).map_err(|error| {
        Failure::request(format!("cannot make {}: {error}", args.out.display()))
    })?;
    let manifest = Manifest::open(&args.out, args.resume)?;
    let show_progress = progress::is_wanted(args.progress);
    let mut cloned = lines.iter().filter_map(Line::is_cloned).peekable();
    let demo_use = demo::Use::new(cloned.peek().is_some() && cloned.all(|is_cloned| is_cloned));
    let files = model::files(args.model.model.as_deref(), demo_use, show_progress)?;
    let options = LoadOptions { quantize: args.quantize, ..model::options(&args.model) };
    let model = Synthesizer::from_files(&files, &options)?;
    let voices = Voices::new(&files, model::options(&args.model));
    let text_mode = if args.model.model.is_none() { demo_use.text_mode() } else { None };

    let is_there = |line: &Line| manifest.has(line, &args.out);
    let (done, lines): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(is_there);
    let bar = BatchBar::new(show_progress, done.len(), done.len() + lines.len());
    let waiting = lines.into_iter();
    Run {
        args,
        model: &model,
        voices,
        text_mode,
        manifest,
        waiting,
        going: HashMap::new(),
        failed: Vec::new(),
        bar,
    }
    .run()
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().lock().read_to_string(&mut text),
        false => fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    let failed = |error| Failure::request(format!("cannot read {}: {error}", path.display()));
    read.map(|_| text).map_err(failed)
}

/// Requests on their way.
struct Run<'a> {
    args: &'a BatchArgs,
    model: &'a Synthesizer,
    voices: Voices<'a>,
    /// Of lines that leave it open.
    text_mode: Option<TextMode>,
    manifest: Manifest,
    waiting: std::vec::IntoIter<Line>,
    /// Those that are being spoken, by the narrator's numbers.
    going: HashMap<usize, Going>,
    /// Lines that failed.
    failed: Vec<usize>,
    bar: BatchBar,
}

struct Going {
    line: Line,
    audio: Vec<f32>,
    spoken: Spoken,
    script: Arc<Script>,
}

impl Run<'_> {
    fn run(mut self) -> Result {
        let options = self.args.pieces.options(self.args.batch_size);
        let mut narrator = Narrator::new(self.model, &options);
        loop {
            self.fill(&mut narrator)?;
            if narrator.is_empty() {
                break;
            }
            for (id, event) in narrator.step() {
                self.handle(id, event)?;
            }
            self.bar.set_seconds(narrator.frames() as f64 / self.frame_rate());
        }
        self.bar.finish();
        self.failed.sort_unstable();
        let numbers: Vec<String> = self.failed.iter().map(usize::to_string).collect();
        match numbers.len() {
            0 => Ok(()),
            1 => Err(Failure::Other(format!("line {} failed", numbers[0]))),
            n => Err(Failure::Other(format!("{n} lines failed: {}", numbers.join(", ")))),
        }
    }

    /// Lets requests in while there is room.
    fn fill(&mut self, narrator: &mut Narrator<'_>) -> Result {
        while narrator.has_room() {
            let Some(line) = self.waiting.next() else { break };
            let begin = Instant::now();
            let request = line.request(&mut self.voices).and_then(|mut request| {
                request.text_mode = request.text_mode.or(self.text_mode);
                Ok(narrator.add(&request)?)
            });
            match request {
                Ok((id, script)) => {
                    let spoken = Spoken::new(begin, self.model);
                    self.going.insert(id, Going { line, audio: Vec::new(), spoken, script });
                }
                Err(failure) => self.fail(&line, failure)?,
            }
        }
        Ok(())
    }

    fn handle(&mut self, id: usize, event: NarratorEvent) -> Result {
        if let NarratorEvent::Piece(piece) = event {
            if let Some(going) = self.going.get_mut(&id) {
                going.add(*piece);
            }
            return Ok(());
        }
        let Some(going) = self.going.remove(&id) else { return Ok(()) };
        match event {
            NarratorEvent::Done => self.complete(going),
            NarratorEvent::Failed(error) => self.fail(&going.line, error.into()),
            NarratorEvent::Piece(_) => Ok(()),
        }
    }

    fn complete(&mut self, going: Going) -> Result {
        let Going { line, audio, mut spoken, script } = going;
        spoken.set_seed(&script);
        let sample_rate = self.model.speech_tokenizer_config().output_sample_rate;
        let wav = encode_wav(&audio, sample_rate, self.args.format.into());
        let written =
            OutputFile::check(self.args.out.join(line.file())).and_then(|file| file.write(&wav));
        match written {
            Ok(()) => {
                self.bar.complete();
                self.manifest.completed(&line, &spoken)
            }
            Err(error) => self.fail(&line, error.into()),
        }
    }

    fn fail(&mut self, line: &Line, failure: Failure) -> Result {
        let reason = failure.reason();
        note(&format!("line {}: {reason}", line.number()));
        self.failed.push(line.number());
        self.bar.complete();
        self.manifest.failed(line, &reason)
    }

    fn frame_rate(&self) -> f64 {
        self.model.speech_tokenizer_config().frame_rate()
    }
}

impl Going {
    fn add(&mut self, piece: NarratedPiece) {
        let NarratedPiece { text, mut speech, pause, attempts, is_runaway } = piece;
        if is_runaway {
            let said = spoken::runaway(speech.segment_idx, &text, attempts);
            note(&format!("line {}: {said}", self.line.number()));
        }
        self.audio.append(&mut speech.audio);
        let silence = spoken::samples(pause, speech.sample_rate);
        self.audio.resize(self.audio.len() + silence, 0.0);
        self.spoken.add(Piece::new(speech, attempts), pause);
    }
}
