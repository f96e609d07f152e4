//! `batch`: many requests, several at a time.

mod manifest;
mod request;

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use qwen3_tts_pipeline::{
    Batch, BatchEvent, LoadOptions, OutputFile, SpeechResult, Synthesizer, encode_wav,
};

use crate::args::BatchArgs;
use crate::failure::{Failure, Result};
use crate::progress::{self, BatchBar};
use crate::{model, note};
use manifest::Manifest;
use request::{Line, Voices, read_lines};

pub fn run(args: &BatchArgs) -> Result {
    let lines = read_lines(&read(&args.requests)?);
    fs::create_dir_all(&args.out).map_err(|error| {
        Failure::request(format!("cannot make {}: {error}", args.out.display()))
    })?;
    let manifest = Manifest::open(&args.out, args.resume)?;
    let show_progress = progress::is_wanted(args.progress);
    let files = model::files(args.model.model.as_deref(), show_progress)?;
    let options = LoadOptions { quantize: args.quantize, ..model::options(&args.model) };
    let model = Synthesizer::from_files(&files, &options)?;
    let voices = Voices::new(&files, model::options(&args.model));

    let is_there = |line: &Line| manifest.has(line, &args.out);
    let (done, lines): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(is_there);
    let bar = BatchBar::new(show_progress, done.len(), done.len() + lines.len());
    let waiting = lines.into_iter();
    Run {
        args,
        model: &model,
        voices,
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
    manifest: Manifest,
    waiting: std::vec::IntoIter<Line>,
    /// Those that are being spoken, by their number in the batch.
    going: HashMap<usize, Going>,
    /// Lines that failed.
    failed: Vec<usize>,
    bar: BatchBar,
}

struct Going {
    line: Line,
    audio: Vec<f32>,
}

impl Run<'_> {
    fn run(mut self) -> Result {
        let mut batch = Batch::new(self.model);
        loop {
            self.fill(&mut batch)?;
            if batch.is_empty() {
                break;
            }
            for (id, event) in batch.step() {
                self.handle(id, event)?;
            }
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
    fn fill(&mut self, batch: &mut Batch<'_>) -> Result {
        while batch.len() < self.args.batch_size {
            let Some(line) = self.waiting.next() else { break };
            let request = line.request(&mut self.voices);
            match request.and_then(|request| Ok(batch.add(&request)?)) {
                Ok(id) => drop(self.going.insert(id, Going { line, audio: Vec::new() })),
                Err(failure) => self.fail(&line, failure)?,
            }
        }
        Ok(())
    }

    fn handle(&mut self, id: usize, event: BatchEvent) -> Result {
        if let BatchEvent::Chunk(chunk) = event {
            if let Some(going) = self.going.get_mut(&id) {
                going.audio.extend(chunk.samples);
            }
            self.bar.add_seconds(chunk.n_frames as f64 / self.frame_rate());
            return Ok(());
        }
        let Some(Going { line, audio }) = self.going.remove(&id) else { return Ok(()) };
        match event {
            BatchEvent::Done(speech) => self.complete(&line, &audio, &speech),
            BatchEvent::Failed(error) => self.fail(&line, error.into()),
            BatchEvent::Chunk(_) => Ok(()),
        }
    }

    fn complete(&mut self, line: &Line, audio: &[f32], speech: &SpeechResult) -> Result {
        let wav = encode_wav(audio, speech.sample_rate, self.args.format.into());
        let written =
            OutputFile::check(self.args.out.join(line.file())).and_then(|file| file.write(&wav));
        match written {
            Ok(()) => {
                self.bar.complete();
                self.manifest.completed(line, speech)
            }
            Err(error) => self.fail(line, error.into()),
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
