//! `speak --stream` and `--play`: audio while it is made.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use qwen3_tts_pipeline::{AudioChunk, ChunkSchedule, SpeechStream, StopReason};

use super::Job;
use crate::failure::{Failure, Result};
use crate::output::{WavOutput, WavSink};
use crate::player::Player;
use crate::progress::SpeechBar;
use crate::spoken::{self, Piece, Spoken};
use crate::{note, stdin};

/// Who hears the audio.
pub struct Listeners {
    output: Option<WavOutput>,
    sink: Option<WavSink>,
    player: Option<Player>,
}

impl Listeners {
    pub fn new(output: Option<WavOutput>, player: Option<Player>) -> Self {
        Self { output, sink: None, player }
    }

    fn hear(&mut self, chunk: &AudioChunk) -> Result {
        // Until there is something to write, nothing is.
        if let Some(output) = self.output.take() {
            self.sink = Some(output.begin(chunk.sample_rate, true)?);
        }
        if let Some(sink) = &mut self.sink {
            sink.write(&chunk.samples)?;
        }
        match &mut self.player {
            Some(player) => player.play(&chunk.samples, chunk.sample_rate),
            None => Ok(()),
        }
    }

    fn pause(&mut self, pause: Duration) -> Result {
        if let Some(player) = &mut self.player {
            player.pause(pause);
        }
        self.sink.as_mut().map_or(Ok(()), |sink| sink.pause(pause))
    }

    fn finish(self) -> Result {
        let finished = self.sink.map_or(Ok(()), WavSink::finish);
        if let Some(player) = self.player {
            player.finish();
        }
        finished
    }
}

/// Speaks a text that is there, piece by piece if it is long.
pub fn speak(job: &mut Job<'_>, mut listeners: Listeners) -> Result<Spoken> {
    let script = job.model.script(&job.request, &job.options())?;
    job.has_begun();
    let mut spoken = Spoken::new(job.begin, job.model);
    let bar = SpeechBar::new(job.show_progress, job.model.speech_tokenizer_config().frame_rate());
    for index in 0..script.len() {
        bar.piece(index, script.len());
        let stream = job.model.stream(&script.request(index, 0))?;
        let piece = hear(stream, &mut listeners, &bar, None)?;
        // What was heard cannot be tried again.
        if piece.stop_reason == StopReason::MaxFrames && script.span(index).is_some() {
            note(&spoken::runaway(index, script.text(index), 1));
        }
        let pause = script.pause(index);
        listeners.pause(pause)?;
        spoken.add(piece, pause);
    }
    spoken.set_seed(&script);
    bar.finish();
    listeners.finish()?;
    Ok(spoken)
}

/// Speaks the text on standard input while it comes.
pub fn speak_stdin(job: &mut Job<'_>, mut listeners: Listeners) -> Result<Spoken> {
    let (text, stream) = job.model.stream_text(&job.request, ChunkSchedule::default())?;
    let failures = stdin::follow(text);
    let bar = SpeechBar::new(job.show_progress, job.model.speech_tokenizer_config().frame_rate());
    let mut spoken = Spoken::new(job.begin, job.model);
    let piece = hear(stream, &mut listeners, &bar, Some(&failures));
    let piece = failures.try_recv().map_or(piece, Err)?;
    job.has_begun();
    spoken.add(piece, Duration::ZERO);
    bar.finish();
    listeners.finish()?;
    Ok(spoken)
}

fn hear(
    mut stream: SpeechStream<'_>,
    listeners: &mut Listeners,
    bar: &SpeechBar,
    failures: Option<&Receiver<Failure>>,
) -> Result<Piece> {
    while let Some(chunk) = stream.next() {
        // Text that cannot be read ends it, and not as if it were complete.
        if let Some(failure) = failures.and_then(|failures| failures.try_recv().ok()) {
            return Err(failure);
        }
        listeners.hear(&chunk?)?;
        bar.update(stream.progress());
    }
    Ok(Piece::new(stream.finish(), 1))
}
