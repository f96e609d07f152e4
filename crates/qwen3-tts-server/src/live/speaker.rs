//! A text that is spoken while it is being written, sentence by sentence.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::yield_now;

use super::text::{Granularity, IncomingText, Sentence};
use crate::access::{Caller, Permit};
use crate::error::{ApiError, ApiResult};
use crate::service::Service;
use crate::speech::{Prepared, Utterance};

/// Number of characters that are split into sentences at a time.
const SLICE: usize = 2048;

/// A text on its way to a client. At most two sentences are spoken at a time: the one that is heard,
/// and the next one. Dropping it cancels them.
///
/// Sentence `i` has the seed of the request plus `i`, so that the audio depends on the text alone.
pub struct Speaker {
    service: Arc<Service>,
    caller: Caller,
    /// Model, voice and manner of all sentences.
    manner: Arc<Prepared>,
    text: IncomingText,
    n_chars: usize,
    is_finished: bool,
    /// Sentences that are complete and not begun.
    waiting: VecDeque<Sentence>,
    /// The sentence that is heard.
    current: Option<Spoken>,
    /// The sentence after it.
    ahead: Option<Spoken>,
    /// The place of the text among all requests, from its first sentence to its end.
    permit: Option<Permit>,
    /// Seed of the first sentence.
    seed: Option<u64>,
    n_begun: usize,
    /// Silence before the next sentence.
    pause: Duration,
}

/// A sentence that is being spoken.
struct Spoken {
    index: usize,
    sentence: Sentence,
    /// Silence before it that is still to be heard.
    silence: Duration,
    is_announced: bool,
    /// The speech, or the error of its request.
    utterance: ApiResult<Utterance>,
}

/// A step of a text that is spoken.
#[derive(Debug)]
pub enum Step {
    /// A sentence begins.
    Start {
        /// Index of the sentence.
        index: usize,
        /// Its text.
        text: String,
    },
    /// Samples of the sentence, at the rate of the model.
    Samples(Vec<f32>),
    /// The sentence ends.
    End {
        /// Index of the sentence.
        index: usize,
        /// Reason why it ends early.
        error: Option<ApiError>,
    },
    /// The text is finished, and was spoken to its end.
    Done {
        /// Number of sentences.
        n_sentences: usize,
    },
}

impl Speaker {
    /// Begins a text of a caller that is spoken in a manner.
    pub fn new(
        service: Arc<Service>,
        caller: Caller,
        manner: Arc<Prepared>,
        granularity: Granularity,
    ) -> Self {
        let (tts, language) = (manner.model.tts.clone(), &manner.request.language);
        Self {
            text: IncomingText::new(tts, language, granularity),
            seed: manner.request.seed,
            service,
            caller,
            manner,
            n_chars: 0,
            is_finished: false,
            waiting: VecDeque::new(),
            current: None,
            ahead: None,
            permit: None,
            n_begun: 0,
            pause: Duration::ZERO,
        }
    }

    /// Appends to the text.
    ///
    /// # Errors
    /// Returns an error if the text is too long.
    pub async fn push(&mut self, text: &str) -> ApiResult<()> {
        let most = self.service.settings.limits.max_text_chars;
        self.n_chars += text.chars().count();
        if self.n_chars > most {
            let message = format!("the text has more than {most} characters");
            return Err(ApiError::invalid(message).param("text").code("string_above_max_length"));
        }
        let mut rest = text;
        while let Some((end, _)) = rest.char_indices().nth(SLICE) {
            let (slice, after) = rest.split_at(end);
            let sentences = self.text.push(slice)?;
            self.waiting.extend(sentences);
            rest = after;
            // Others have their turn.
            yield_now().await;
        }
        let sentences = self.text.push(rest)?;
        self.waiting.extend(sentences);
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    /// Returns an error if its rest cannot be split into sentences.
    pub fn finish(&mut self) -> ApiResult<()> {
        self.is_finished = true;
        let sentences = self.text.finish()?;
        self.waiting.extend(sentences);
        Ok(())
    }

    /// Returns true if text has come.
    pub fn has_text(&self) -> bool {
        self.n_chars > 0
    }

    /// Returns true after [`Self::finish`].
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Returns true if the next step does not need more text.
    pub fn is_busy(&self) -> bool {
        self.is_finished || self.current.is_some() || !self.waiting.is_empty()
    }

    /// Returns the sample rate in Hz.
    pub fn sample_rate(&self) -> u32 {
        self.manner.model.tts.sample_rate()
    }

    /// Waits for the next step. A call that is dropped loses nothing. After [`Step::Done`] there is
    /// none.
    pub async fn next(&mut self) -> Step {
        loop {
            if self.current.is_some() {
                return self.step().await;
            }
            self.current = match self.ahead.take() {
                None => self.waiting.pop_front().map(|sentence| self.begin(sentence)),
                ahead => ahead,
            };
            match &mut self.current {
                Some(current) => current.silence = std::mem::take(&mut self.pause),
                None if self.is_finished => {
                    self.permit = None;
                    return Step::Done { n_sentences: self.n_begun };
                }
                None => pending().await,
            }
        }
    }

    /// Waits for the next step of the current sentence.
    async fn step(&mut self) -> Step {
        let n_silent = self.n_silent();
        let current = self.current.as_mut().expect("a sentence is being spoken");
        let index = current.index;
        if !std::mem::replace(&mut current.is_announced, true) {
            return Step::Start { index, text: current.sentence.text.clone() };
        }
        let error = match &mut current.utterance {
            Ok(utterance) => match utterance.next().await {
                Some(Ok(samples)) => {
                    current.silence = Duration::ZERO;
                    let samples = after_silence(n_silent, samples);
                    self.begin_ahead();
                    return Step::Samples(samples);
                }
                Some(Err(error)) => Some(error),
                None => None,
            },
            Err(error) => Some(error.clone()),
        };
        self.pause = current.sentence.pause;
        self.current = None;
        Step::End { index, error }
    }

    /// Returns the number of samples of silence that are still to be heard. A faster speech has
    /// shorter ones.
    fn n_silent(&self) -> usize {
        let silence = self.current.as_ref().map_or(Duration::ZERO, |current| current.silence);
        let rate = self.sample_rate();
        let n_samples = silence.as_nanos() * u128::from(rate) / 1_000_000_000;
        self.manner.format.effects.begin(rate).position(n_samples as usize)
    }

    /// Begins the sentence after the current one, if there is room for it.
    fn begin_ahead(&mut self) {
        if self.ahead.is_some() {
            return;
        }
        let Some(sentence) = self.waiting.pop_front() else { return };
        let spoken = self.begin(sentence);
        match &spoken.utterance {
            Err(error) if error.retry_after.is_some() => {
                // There may be room when it is due.
                self.n_begun -= 1;
                self.waiting.push_front(spoken.sentence);
            }
            _ => self.ahead = Some(spoken),
        }
    }

    fn begin(&mut self, sentence: Sentence) -> Spoken {
        let utterance = self.speak(sentence.text.clone());
        if let Ok(utterance) = &utterance {
            // Without a seed in the request, the first sentence draws it.
            self.seed.get_or_insert(utterance.seed().wrapping_sub(self.n_begun as u64));
        }
        let index = self.n_begun;
        self.n_begun += 1;
        Spoken { index, sentence, silence: Duration::ZERO, is_announced: false, utterance }
    }

    fn speak(&mut self, text: String) -> ApiResult<Utterance> {
        let permit = match &self.permit {
            Some(permit) => permit.clone(),
            None => self.permit.insert(self.service.admit(&self.caller)?).clone(),
        };
        let Prepared { model, request, format } = &*self.manner;
        let mut request = request.clone();
        request.text = text;
        request.seed = self.seed.map(|seed| seed.wrapping_add(self.n_begun as u64));
        let prepared = Prepared { model: Arc::clone(model), request, format: *format };
        Utterance::begin(prepared, permit, Instant::now()).map_err(of_message)
    }
}

/// Names the text as messages do: they have `text` where a request has `input`.
fn of_message(error: ApiError) -> ApiError {
    match error.param.as_deref() {
        Some("input") => error.param("text"),
        _ => error,
    }
}

/// Puts silence before samples.
fn after_silence(n_silent: usize, samples: Vec<f32>) -> Vec<f32> {
    if n_silent == 0 {
        return samples;
    }
    let mut all = vec![0.0; n_silent];
    all.extend(samples);
    all
}
