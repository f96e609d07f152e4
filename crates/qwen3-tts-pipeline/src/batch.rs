//! Many requests that share each read of the weights.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::codec::DECODED_TOGETHER;
use crate::request::Plan;
use crate::speaking::Speaking;
use crate::stream::Trimmed;
use crate::text_stream::TextFeed;
use crate::{
    AudioChunk, ChunkSchedule, Error, FrameProgress, Result, SpeechRequest, SpeechResult,
    Synthesizer,
};

/// Requests that are spoken together, each a frame with every step.
///
/// The talker reads its weights once for all of them. A request joins and leaves between frames;
/// its codes and its samples are those that it has alone, and its failure is its own.
///
/// ```no_run
/// use qwen3_tts_pipeline::{Batch, BatchEvent, LoadOptions, SpeechRequest, Synthesizer};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let model = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
/// let mut batch = Batch::new(&model);
/// for text in ["One.", "Two.", "Three."] {
///     batch.add(&SpeechRequest::new(text))?;
/// }
/// while !batch.is_empty() {
///     for (request, event) in batch.step() {
///         if let BatchEvent::Done(speech) = event {
///             println!("request {request}: {} of speech", speech.audio_duration_str());
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Batch<'m> {
    active: Vec<Active>,
    next: usize,
    model: Trimmed<'m>,
}

struct Active {
    id: usize,
    speaking: Speaking,
}

/// What became of a request in a step.
#[derive(Debug)]
pub enum BatchEvent {
    /// There is more to hear.
    Chunk(AudioChunk),
    /// It is complete; the result has no audio, since the chunks had it.
    Done(Box<SpeechResult>),
    /// It failed.
    Failed(Error),
}

impl<'m> Batch<'m> {
    /// A batch without requests.
    pub fn new(model: &'m Synthesizer) -> Self {
        Self { active: Vec::new(), next: 0, model: Trimmed(model) }
    }

    /// Whether no request is under way.
    pub fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// How many requests are under way.
    pub fn len(&self) -> usize {
        self.active.len()
    }

    /// Adds a request and gives the number that its events have. Its chunks are as long as they
    /// are decoded fastest.
    ///
    /// # Errors
    /// If the model cannot honour it.
    pub fn add(&mut self, request: &SpeechRequest) -> Result<usize> {
        let begin = Instant::now();
        let plan = self.model.planner.plan(request)?;
        Ok(self.add_plan(plan, None, ChunkSchedule::every(DECODED_TOGETHER), begin))
    }

    pub(crate) fn add_plan(
        &mut self,
        plan: Plan,
        text: Option<TextFeed>,
        chunks: ChunkSchedule,
        begin: Instant,
    ) -> usize {
        let id = self.next;
        self.next += 1;
        self.active.push(Active { id, speaking: Speaking::new(plan, text, chunks, begin) });
        id
    }

    /// Gives a request up. Nothing happens if it is not under way any more.
    pub fn cancel(&mut self, id: usize) {
        self.active.retain(|active| active.id != id);
        self.trim();
    }

    /// How far a request is, if it is under way.
    pub fn progress(&self, id: usize) -> Option<FrameProgress> {
        let active = self.active.iter().find(|active| active.id == id)?;
        Some(active.speaking.progress())
    }

    /// One frame of every request.
    pub fn step(&mut self) -> Vec<(usize, BatchEvent)> {
        self.step_some(&|_| true).events
    }

    /// One frame of the requests that `may` go on.
    pub(crate) fn step_some(&mut self, may: &dyn Fn(usize) -> bool) -> Step {
        let model = self.model.0;
        let (going, resting) =
            std::mem::take(&mut self.active).into_iter().partition(|active| may(active.id));
        let mut round = Round { going, events: Vec::new() };
        round.each(|speaking| speaking.prepare(model, false).map(|()| None));
        let stepped = round.going.iter().filter(|active| !active.speaking.needs_text()).count();
        round.step_together(model);
        round.each(|speaking| Ok(speaking.chunk(model)?.map(BatchEvent::Chunk)));
        round.dismiss(model);
        self.active = resting;
        self.active.extend(round.going);
        self.active.sort_by_key(|active| active.id);
        self.trim();
        Step { events: round.events, stepped }
    }

    fn trim(&self) {
        if self.is_empty() {
            self.model.device.trim();
        }
    }
}

/// What came of a step, and how many requests had a part in it.
pub(crate) struct Step {
    pub events: Vec<(usize, BatchEvent)>,
    pub stepped: usize,
}

/// The requests that take part in a step, as far as they have not failed in it.
struct Round {
    going: Vec<Active>,
    events: Vec<(usize, BatchEvent)>,
}

impl Round {
    /// Does `part` of the step for each request alone.
    fn each(&mut self, mut part: impl FnMut(&mut Speaking) -> Result<Option<BatchEvent>>) {
        let events = &mut self.events;
        self.going.retain_mut(|active| {
            let event = guarded(|| part(&mut active.speaking));
            let goes_on = event.is_ok();
            let event = event.unwrap_or_else(|error| Some(BatchEvent::Failed(error)));
            events.extend(event.map(|event| (active.id, event)));
            goes_on
        });
    }

    fn step_together(&mut self, model: &Synthesizer) {
        let mut speakings: Vec<_> =
            self.going.iter_mut().map(|active| &mut active.speaking).collect();
        match guarded(|| Ok(Speaking::step_together(model, &mut speakings))) {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                self.each(|_| outcomes.next().unwrap_or(Ok(())).map(|()| None));
            }
            // Nobody knows how far each of them came.
            Err(error) => self.each(|_| Err(Error::Internal(error.to_string()))),
        }
    }

    /// Lets those go that are done.
    fn dismiss(&mut self, model: &Synthesizer) {
        let (done, going) = std::mem::take(&mut self.going)
            .into_iter()
            .partition(|active| active.speaking.is_done());
        self.going = going;
        let done: Vec<Active> = done;
        self.events.extend(done.into_iter().map(|Active { id, speaking }| {
            (id, BatchEvent::Done(Box::new(speaking.finish(model, Vec::new()))))
        }));
    }
}

/// Makes an error of a panic, which is a mistake in this program and must not end others' speech.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<&str>().map(ToString::to_string);
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Internal(message.unwrap_or_else(|| "a panic".to_owned())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LoadOptions;
    use qwen3_tts_testkit::checkpoint;

    #[test]
    fn a_panic_in_one_request_leaves_the_others() {
        let dir = checkpoint("custom_voice_0b6");
        let model = Synthesizer::load(dir, &LoadOptions::default()).unwrap();
        let request = |seed| SpeechRequest::new("One two.").seed(seed).max_frames(8);
        let mut batch = Batch::new(&model);
        for seed in 0..3 {
            batch.add(&request(seed)).unwrap();
        }
        assert!(batch.step().is_empty());
        let mut round = Round { going: std::mem::take(&mut batch.active), events: Vec::new() };
        let mut index = 0;
        round.each(|_| {
            index += 1;
            assert!(index != 2, "a mistake");
            Ok(None)
        });
        let [(1, BatchEvent::Failed(Error::Internal(reason)))] = &round.events[..] else {
            panic!("{:?}", round.events);
        };
        assert_eq!(reason, "a mistake");
        batch.active = round.going;
        let mut done = Vec::new();
        while !batch.is_empty() {
            for (id, event) in batch.step() {
                if let BatchEvent::Done(result) = event {
                    done.push((id, result.codes));
                }
            }
        }
        let alone = |seed| model.synthesize(&request(seed)).unwrap().codes;
        assert_eq!(done, [(0, alone(0)), (2, alone(2))]);
    }
}
