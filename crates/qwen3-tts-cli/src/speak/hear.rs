//! The chunks of a speech on their way to a file, standard output or the sound device.

use std::sync::mpsc::Receiver;

use qwen3_tts_audio::{EffectChain, Effects};
use qwen3_tts_pipeline::{AudioChunk, PieceOutput, Speech, SpeechEvent};

use super::job::Job;
use super::resume::PieceStore;
use crate::failure::{Failure, Result};
use crate::note::warn;
use crate::output::{AudioOutput, AudioSink};
use crate::player::Player;
use crate::progress::SpeechBar;
use crate::spoken::{self, Piece, Spoken};
use crate::subtitles::SubtitleFile;
use crate::timeline::Timeline;

/// Destinations of the audio.
pub struct Listeners {
    output: Option<AudioOutput>,
    sink: Option<AudioSink>,
    player: Option<Player>,
    subtitles: Option<SubtitleFile>,
    /// True if the output is written as the speech is generated.
    is_live: bool,
    effects: Effects,
    /// The effects under way, from the first samples on.
    chain: Option<EffectChain>,
}

impl Listeners {
    pub fn new(output: Option<AudioOutput>, player: Option<Player>, is_live: bool) -> Self {
        let (effects, chain) = (Effects::new(), None);
        Self { output, sink: None, player, subtitles: None, is_live, effects, chain }
    }

    /// Sets the effects on the audio.
    pub fn effects(self, effects: Effects) -> Self {
        Self { effects, ..self }
    }

    /// Sets the file for subtitles, which is written at the end.
    pub fn subtitles(self, subtitles: Option<SubtitleFile>) -> Self {
        Self { subtitles, ..self }
    }

    /// Names the contents of the audio, before it begins.
    fn describe(&mut self, timeline: &Timeline) {
        let Some(output) = &mut self.output else { return };
        if let Some(title) = timeline.title() {
            output.describe(title, &timeline.chapters);
        }
    }

    fn hear(&mut self, samples: &[f32], sample_rate: u32) -> Result {
        let chain = self.chain.get_or_insert_with(|| self.effects.begin(sample_rate));
        let changed = chain.push(samples);
        self.deliver(&changed, sample_rate)
    }

    fn deliver(&mut self, samples: &[f32], sample_rate: u32) -> Result {
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

    /// Completes the output, and returns its number of samples. A speech without samples leaves an
    /// empty file, unless it was live.
    fn finish(mut self, mut timeline: Timeline) -> Result<usize> {
        if let Some(mut chain) = self.chain.take() {
            let rest = chain.finish();
            self.deliver(&rest, timeline.sample_rate)?;
            timeline.map(|sample| chain.position(sample));
        }
        if let Some(output) = self.output.take().filter(|_| !self.is_live) {
            self.sink = Some(output.begin(timeline.sample_rate, false)?);
        }
        let starts = timeline.chapter_times();
        let finished = self.sink.map_or(Ok(()), |sink| sink.finish(&starts));
        if let Some(player) = self.player {
            player.finish();
        }
        finished?;
        self.subtitles.map_or(Ok(()), |file| file.write(&timeline))?;
        Ok(timeline.n_samples)
    }
}

/// Sends a speech to its listeners until its end. With a store, each piece is stored the moment it is
/// complete and heard when those before it are. A failure of the text's source ends the speech.
pub fn hear(
    job: &Job<'_>,
    mut speech: Speech,
    listeners: Listeners,
    store: Option<&mut PieceStore>,
    failures: Option<&Receiver<Failure>>,
) -> Result<Spoken> {
    let rate = job.model.speech_tokenizer_config().frame_rate();
    let n_pieces = speech.pieces().len();
    let kept = store.as_ref().map_or(0, |store| store.pieces().count());
    let bar = SpeechBar::new(job.show_progress, rate, speech.control(), n_pieces, kept);
    let mut hearing = Hearing {
        spoken: Spoken::new(job.begin, speech.seed(), speech.sample_rate()),
        n_pieces,
        sample_rate: speech.sample_rate(),
        timeline: Timeline::of(&speech),
        begin: None,
        next: 0,
        audio: Vec::new(),
        listeners,
        store,
    };
    hearing.listeners.describe(&hearing.timeline);
    while let Some(event) = speech.next_event() {
        if let Some(failure) = failures.and_then(|failures| failures.try_recv().ok()) {
            return Err(failure);
        }
        match event? {
            SpeechEvent::Chunk(chunk) => hearing.chunk(chunk)?,
            SpeechEvent::Piece(piece) => {
                if piece.is_runaway {
                    let text = speech.piece_text(piece.index);
                    warn(&spoken::runaway(piece.index, text, piece.attempts));
                }
                hearing.complete(&piece)?;
            }
            // There is no other event yet.
            _ => {}
        }
    }
    hearing.replay()?;
    drop(bar);
    hearing.finish()
}

struct Hearing<'s> {
    spoken: Spoken,
    n_pieces: usize,
    sample_rate: u32,
    timeline: Timeline,
    /// Sample with which the current piece begins, if it has begun.
    begin: Option<usize>,
    /// Index of the piece that is due.
    next: usize,
    /// Samples of the piece that is to be stored next.
    audio: Vec<f32>,
    listeners: Listeners,
    store: Option<&'s mut PieceStore>,
}

impl Hearing<'_> {
    fn chunk(&mut self, chunk: AudioChunk) -> Result {
        match (&self.store, chunk.is_pause()) {
            (None, true) => self.hear(&chunk.samples),
            (None, false) => {
                self.begin.get_or_insert(self.spoken.n_samples());
                self.hear(&chunk.samples)
            }
            // The silence before the first piece.
            (Some(_), true) if self.next == 0 && chunk.piece == 0 && chunk.first_frame == 0 => {
                self.hear(&chunk.samples)
            }
            // The store has the silence after a piece.
            (Some(_), true) => Ok(()),
            (Some(_), false) => {
                self.audio = chunk.samples;
                Ok(())
            }
        }
    }

    fn hear(&mut self, samples: &[f32]) -> Result {
        self.spoken.add_samples(samples);
        self.listeners.hear(samples, self.sample_rate)
    }

    /// Adds a complete piece.
    fn complete(&mut self, piece: &PieceOutput) -> Result {
        let audio = std::mem::take(&mut self.audio);
        match &mut self.store {
            Some(store) => {
                store.add(piece.index, &Piece::from(piece), &audio, piece.pause)?;
                self.replay()
            }
            None => {
                self.piece(Piece::from(piece));
                Ok(())
            }
        }
    }

    /// Adds a piece whose samples were heard.
    fn piece(&mut self, piece: Piece) {
        let end = self.spoken.n_samples();
        self.timeline.heard(self.next, self.begin.take().unwrap_or(end)..end);
        self.next += 1;
        self.spoken.add(piece, self.n_pieces < 2);
    }

    /// Replays stored pieces, as far as none is missing.
    fn replay(&mut self) -> Result {
        while let Some(kept) = self.store.as_mut().and_then(|store| store.take(self.next)) {
            self.begin = Some(self.spoken.n_samples());
            self.hear(&kept.audio)?;
            self.piece(kept.piece);
            self.hear(&vec![0.0; spoken::samples(kept.pause, self.sample_rate)])?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Spoken> {
        if self.next < self.n_pieces {
            return Err(Failure::Other(format!("piece {} is missing", self.next)));
        }
        self.timeline.n_samples = self.spoken.n_samples();
        let n_samples = self.listeners.finish(self.timeline)?;
        self.spoken.set_n_samples(n_samples);
        Ok(self.spoken)
    }
}
