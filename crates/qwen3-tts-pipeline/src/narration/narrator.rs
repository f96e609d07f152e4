//! Several texts at a time, their pieces in one batch.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{NarratedPiece, NarrationOptions, Script};
use crate::{
    Batch, BatchEvent, Error, Result, SpeechRequest, SpeechResult, StopReason, Synthesizer,
};

/// Speaks texts of any length together, each piece by piece.
///
/// Pieces of all texts share each read of the weights, as requests of a [`Batch`] do. A text joins
/// and leaves between frames, its speech is what it is alone, and its failure is its own.
///
/// ```no_run
/// use qwen3_tts_pipeline::{LoadOptions, NarrationOptions, Narrator, NarratorEvent};
/// use qwen3_tts_pipeline::{SpeechRequest, Synthesizer};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let model = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
/// let mut narrator = Narrator::new(&model, &NarrationOptions::default());
/// for file in ["one.txt", "two.txt"] {
///     let text = std::fs::read_to_string(file).unwrap_or_default();
///     narrator.add(&SpeechRequest::new(text))?;
/// }
/// while !narrator.is_empty() {
///     for (text, event) in narrator.step() {
///         if let NarratorEvent::Piece(piece) = event {
///             println!("text {text}: {} of speech", piece.speech.audio_duration_str());
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Narrator<'m> {
    model: &'m Synthesizer,
    options: NarrationOptions,
    batch: Batch<'m>,
    next: usize,
    /// Those that are not complete, by their number.
    texts: BTreeMap<usize, Text>,
    /// Pieces that are being spoken, by their number in the batch.
    under_way: HashMap<usize, Attempt>,
    frames: usize,
}

/// What became of a text in a step.
#[derive(Debug)]
pub enum NarratorEvent {
    /// The next of its pieces.
    Piece(Box<NarratedPiece>),
    /// All of them were given.
    Done,
    /// A piece failed, and with it the text.
    Failed(Error),
}

struct Text {
    script: Arc<Script>,
    /// Pieces that are to be spoken and have not begun, the next one last.
    to_start: Vec<usize>,
    /// Pieces that are to be given, the next one last.
    to_give: Vec<usize>,
    finished: BTreeMap<usize, NarratedPiece>,
}

/// A piece that is being spoken.
struct Attempt {
    text: usize,
    index: usize,
    number: usize,
    audio: Vec<f32>,
}

type Events = Vec<(usize, NarratorEvent)>;

impl<'m> Narrator<'m> {
    /// A narrator who has nothing to say.
    pub fn new(model: &'m Synthesizer, options: &NarrationOptions) -> Self {
        Self {
            model,
            options: *options,
            batch: Batch::new(model),
            next: 0,
            texts: BTreeMap::new(),
            under_way: HashMap::new(),
            frames: 0,
        }
    }

    /// Adds a text and gives the number that its events have, and its pieces.
    ///
    /// # Errors
    /// If the model cannot honour the request.
    pub fn add(&mut self, request: &SpeechRequest) -> Result<(usize, Arc<Script>)> {
        let script = Arc::new(self.model.script(request, &self.options)?);
        let order: Vec<usize> = (0..script.len()).rev().collect();
        let (to_start, to_give) = (order.clone(), order);
        let finished = BTreeMap::new();
        let text = Text { script: Arc::clone(&script), to_start, to_give, finished };
        let id = self.next;
        self.next += 1;
        self.texts.insert(id, text);
        Ok((id, script))
    }

    /// Leaves pieces of a text out that have not begun.
    pub fn leave_out(&mut self, id: usize, is_out: impl Fn(usize) -> bool) {
        let Some(text) = self.texts.get_mut(&id) else { return };
        let out: HashSet<usize> =
            text.to_start.iter().copied().filter(|index| is_out(*index)).collect();
        text.to_start.retain(|index| !out.contains(index));
        text.to_give.retain(|index| !out.contains(index));
        if text.to_give.is_empty() {
            self.texts.remove(&id);
        }
    }

    /// Whether all texts are complete.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// How many texts are not complete.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether more pieces could be spoken together than there are.
    pub fn has_room(&self) -> bool {
        let waiting: usize = self.texts.values().map(|text| text.to_start.len()).sum();
        self.under_way.len() + waiting < self.options.together.max(1)
    }

    /// Frames that were spoken so far, those of dropped attempts left out.
    pub fn frames(&self) -> usize {
        let attempts = self.under_way.keys().filter_map(|id| self.batch.progress(*id));
        self.frames + attempts.map(|progress| progress.frames).sum::<usize>()
    }

    /// One frame of every piece that is being spoken.
    pub fn step(&mut self) -> Vec<(usize, NarratorEvent)> {
        let mut events = Vec::new();
        while self.under_way.len() < self.options.together.max(1) {
            let Some((id, index)) = self.next_to_start() else { break };
            self.start(id, index, 0, &mut events);
        }
        for (id, event) in self.batch.step() {
            match event {
                BatchEvent::Chunk(chunk) => {
                    if let Some(attempt) = self.under_way.get_mut(&id) {
                        attempt.audio.extend(chunk.samples);
                    }
                }
                BatchEvent::Done(speech) => {
                    if let Some(attempt) = self.under_way.remove(&id) {
                        self.accept(attempt, *speech, &mut events);
                    }
                }
                BatchEvent::Failed(error) => {
                    if let Some(attempt) = self.under_way.remove(&id) {
                        self.fail(attempt.text, error, &mut events);
                    }
                }
            }
        }
        events
    }

    /// Texts are begun in their order.
    fn next_to_start(&mut self) -> Option<(usize, usize)> {
        self.texts.iter_mut().find_map(|(id, text)| Some((*id, text.to_start.pop()?)))
    }

    fn start(&mut self, text: usize, index: usize, number: usize, events: &mut Events) {
        let Some(Text { script, .. }) = self.texts.get(&text) else { return };
        match self.batch.add(&script.request(index, number)) {
            Ok(id) => {
                let attempt = Attempt { text, index, number, audio: Vec::new() };
                self.under_way.insert(id, attempt);
            }
            Err(error) => self.fail(text, error, events),
        }
    }

    /// Keeps what was spoken, or tries again where it ran away.
    fn accept(&mut self, attempt: Attempt, speech: SpeechResult, events: &mut Events) {
        let Attempt { text: id, index, number, audio } = attempt;
        let Some(text) = self.texts.get_mut(&id) else { return };
        let script = &text.script;
        let is_cut = speech.stop_reason == StopReason::MaxFrames;
        let is_runaway = is_cut && script.span(index).is_some();
        if is_runaway && script.may_retry(number + 1) {
            return self.start(id, index, number + 1, events);
        }
        self.frames += speech.token_count;
        let piece = NarratedPiece {
            text: script.text(index).to_owned(),
            speech: SpeechResult { audio, segment_idx: index, ..speech },
            pause: script.pause(index),
            attempts: number + 1,
            is_runaway,
        };
        text.finished.insert(index, piece);
        while let Some(piece) = text.to_give.last().and_then(|next| text.finished.remove(next)) {
            text.to_give.pop();
            events.push((id, NarratorEvent::Piece(Box::new(piece))));
        }
        if text.to_give.is_empty() {
            self.texts.remove(&id);
            events.push((id, NarratorEvent::Done));
        }
    }

    /// Gives a text up, and its pieces that are being spoken.
    fn fail(&mut self, id: usize, error: Error, events: &mut Events) {
        self.texts.remove(&id);
        let batch = &mut self.batch;
        self.under_way.retain(|piece, attempt| {
            let stays = attempt.text != id;
            if !stays {
                batch.cancel(*piece);
            }
            stays
        });
        events.push((id, NarratorEvent::Failed(error)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LoadOptions;
    use qwen3_tts_testkit::checkpoint;

    #[test]
    fn a_text_that_fails_takes_only_its_own_pieces_with_it() {
        let dir = checkpoint("custom_voice_0b6");
        let model = Synthesizer::load(dir, &LoadOptions::default()).unwrap();
        let request = SpeechRequest::new("One.\n\nTwo.\n\nThree.").seed(5).max_frames(4);
        let options = NarrationOptions { piece_tokens: Some(8), ..NarrationOptions::default() };
        let mut narrator = Narrator::new(&model, &options);
        let (first, _) = narrator.add(&request).unwrap();
        let (second, _) = narrator.add(&request).unwrap();
        assert!(narrator.step().is_empty());
        assert_eq!((narrator.under_way.len(), narrator.batch.len()), (6, 6));
        let mut events = Vec::new();
        narrator.fail(first, Error::Internal("a mistake".to_owned()), &mut events);
        assert!(matches!(&events[..], [(id, NarratorEvent::Failed(_))] if *id == first));
        assert_eq!((narrator.under_way.len(), narrator.batch.len()), (3, 3));
        let mut pieces = Vec::new();
        while !narrator.is_empty() {
            for (id, event) in narrator.step() {
                assert_eq!(id, second);
                if let NarratorEvent::Piece(piece) = event {
                    pieces.push(piece.text);
                }
            }
        }
        assert_eq!(pieces, ["One.", "Two.", "Three."]);
        assert!(narrator.under_way.is_empty() && narrator.batch.is_empty());
    }
}
