//! The chunks of a speech on their way to a file, standard output or the sound device.

use std::sync::mpsc::Receiver;

use qwen3_tts_pipeline::{AudioChunk, Speech, SpeechEvent};

use super::job::Job;
use super::resume::PieceStore;
use crate::failure::{Failure, Result};
use crate::note::warn;
use crate::output::{AudioOutput, AudioSink};
use crate::player::Player;
use crate::progress::SpeechBar;
use crate::spoken::{self, Piece, Spoken};

/// Destinations of the audio.
pub struct Listeners {
    output: Option<AudioOutput>,
    sink: Option<AudioSink>,
    player: Option<Player>,
    /// True if the output is written as the speech is generated.
    is_live: bool,
}

impl Listeners {
    pub fn new(output: Option<AudioOutput>, player: Option<Player>, is_live: bool) -> Self {
        Self { output, sink: None, player, is_live }
    }

    fn hear(&mut self, samples: &[f32], sample_rate: u32) -> Result {
        // The output is created with the first samples.
        if let Some(output) = self.output.take() {
            self.sink = Some(output.begin(sample_rate, self.is_live)?);
        }
        if let Some(sink) = &mut self.sink {
            sink.write(samples)?;
        }
        match &mut self.player {
            Some(player) => player.play(samples, sample_rate),
            None => Ok(()),
        }
    }

    /// Completes the output. A speech without samples leaves an empty file, unless it was live.
    fn finish(mut self, sample_rate: u32) -> Result {
        if let Some(output) = self.output.take().filter(|_| !self.is_live) {
            self.sink = Some(output.begin(sample_rate, false)?);
        }
        let finished = self.sink.map_or(Ok(()), AudioSink::finish);
        if let Some(player) = self.player {
            player.finish();
        }
        finished
    }
}

/// Sends a speech to its listeners until its end. Pieces in `store` are replayed from it; new ones
/// are stored in it. A failure of the text's source ends the speech.
pub fn hear(
    job: &Job<'_>,
    mut speech: Speech,
    listeners: Listeners,
    store: Option<&PieceStore>,
    failures: Option<&Receiver<Failure>>,
) -> Result<Spoken> {
    let rate = job.model.speech_tokenizer_config().frame_rate();
    let bar = SpeechBar::new(job.show_progress, rate, speech.control());
    let mut hearing = Hearing {
        spoken: Spoken::new(job.begin, speech.seed(), speech.sample_rate()),
        n_pieces: speech.pieces().len(),
        sample_rate: speech.sample_rate(),
        next: 0,
        audio: Vec::new(),
        listeners,
        store,
    };
    while let Some(event) = speech.next_event() {
        if let Some(failure) = failures.and_then(|failures| failures.try_recv().ok()) {
            return Err(failure);
        }
        match event? {
            SpeechEvent::Chunk(chunk) => {
                bar.piece(chunk.piece, hearing.n_pieces);
                hearing.chunk(chunk)?;
            }
            SpeechEvent::Piece(piece) => {
                hearing.replay_before(piece.index)?;
                if piece.is_runaway {
                    let text = &speech.text()[piece.range.clone()];
                    warn(&spoken::runaway(piece.index, text, piece.attempts));
                }
                let spoken = Piece::from(&*piece);
                if let Some(store) = store {
                    let audio = std::mem::take(&mut hearing.audio);
                    store.write(piece.index, &spoken, &audio, piece.pause)?;
                }
                hearing.piece(piece.index, spoken);
            }
            // There is no other event yet.
            _ => {}
        }
    }
    hearing.replay_before(hearing.n_pieces)?;
    drop(bar);
    hearing.listeners.finish(hearing.sample_rate)?;
    Ok(hearing.spoken)
}

struct Hearing<'s> {
    spoken: Spoken,
    n_pieces: usize,
    sample_rate: u32,
    /// Index of the current piece.
    next: usize,
    /// Samples of the current piece, if it is to be stored.
    audio: Vec<f32>,
    listeners: Listeners,
    store: Option<&'s PieceStore>,
}

impl Hearing<'_> {
    fn chunk(&mut self, chunk: AudioChunk) -> Result {
        if !chunk.is_pause() {
            self.replay_before(chunk.piece)?;
            if self.store.is_some() {
                self.audio.extend(&chunk.samples);
            }
        }
        self.hear(&chunk.samples)
    }

    fn hear(&mut self, samples: &[f32]) -> Result {
        self.spoken.add_samples(samples);
        self.listeners.hear(samples, self.sample_rate)
    }

    fn piece(&mut self, index: usize, piece: Piece) {
        self.next = index + 1;
        self.spoken.add(piece, self.n_pieces < 2);
    }

    /// Replays the stored pieces before `piece`.
    fn replay_before(&mut self, piece: usize) -> Result {
        for index in self.next..piece {
            let kept = self.store.and_then(|store| store.read(index));
            let kept = kept.ok_or_else(|| Failure::Other(format!("piece {index} is missing")))?;
            self.hear(&kept.audio)?;
            self.hear(&vec![0.0; spoken::samples(kept.pause, self.sample_rate)])?;
            self.piece(index, kept.piece);
        }
        Ok(())
    }
}
