//! The handle to a model.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use qwen3_tts_config::{GenerationConfig, ModelConfig, SpeechTokenizerConfig};

use super::codes::SpeechCodes;
use super::delivery::Delivery;
use super::handle::{Speech, SpeechControl, SpeechFacts};
use super::incremental::IncrementalText;
use super::job::Job;
use super::load::{DeviceKind, LoadOptions};
use super::model::{Model, no_talker};
use super::output::StageTimings;
use super::plan::{Planner, random_seed, refuse};
use super::request::SpeechRequest;
use super::scheduler::{Command, Occupancy, Scheduler};
use super::script::{Script, check_marks, split_text};
use super::task::{CloneVoice, Decode, Encode, Task, Work, guarded};
use super::thread::ModelThread;
use crate::audio::ReferenceAudio;
use crate::checkpoint::ModelFiles;
use crate::error::{Error, Result};
use crate::text::TextPiece;
use crate::text::split::Sizes;
use crate::voice::ClonedVoice;

/// A handle to a loaded model. `Clone + Send + Sync + 'static`; clones are handles to the same
/// model.
///
/// The model is loaded, used and freed on a separate thread. Requests that are active at the same
/// time are generated together and share each read of the weights. A request joins and leaves
/// between frames, and has the same codes and samples as alone. The model is freed when the last
/// handle and the last [`Speech`] are dropped, which waits for it, or by
/// [`Synthesizer::shutdown`].
///
/// ```no_run
/// use qwen3_tts_pipeline::{LoadOptions, SpeechRequest, Synthesizer};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let tts = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
/// let speech = tts.speak(SpeechRequest::new("Hello!").speaker("Ryan"))?.collect_audio()?;
/// println!("{:?} of speech", speech.duration());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Synthesizer {
    shared: Arc<Shared>,
}

struct Shared {
    thread: Arc<ModelThread>,
    occupancy: Arc<Occupancy>,
    facts: Facts,
    options: LoadOptions,
    load_time: Duration,
}

/// Properties of a loaded model.
struct Facts {
    planner: Option<Arc<Planner>>,
    codec: SpeechTokenizerConfig,
    threads: usize,
    weight_types: Option<String>,
}

impl Synthesizer {
    /// Loads a checkpoint: that in a directory, or with the feature `hub` the one of a hub id such
    /// as `Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice`, which is downloaded once.
    ///
    /// # Errors
    /// Returns an error if there is no such checkpoint, if a file is missing or damaged, or if the
    /// files do not fit each other.
    pub fn load(model: impl AsRef<Path>, options: &LoadOptions) -> Result<Self> {
        Self::from_files(&ModelFiles::resolve(model)?, options)
    }

    /// Loads a checkpoint from its files.
    ///
    /// # Errors
    /// Returns an error as [`Self::load`] does.
    pub fn from_files(files: &ModelFiles, options: &LoadOptions) -> Result<Self> {
        let begin = Instant::now();
        let (commands, received) = mpsc::channel();
        let (loaded, facts) = mpsc::channel();
        let occupancy = Arc::new(Occupancy::default());
        let thread = {
            let (files, options) = (files.clone(), *options);
            let occupancy = Arc::clone(&occupancy);
            std::thread::Builder::new()
                .name("qwen3-tts".to_owned())
                .spawn(move || match guarded(|| Model::load(&files, &options)) {
                    Ok(model) => {
                        // The caller waits for it.
                        let _ = loaded.send(Ok(Facts::of(&model)));
                        Scheduler::new(model, received, occupancy, &options).run();
                    }
                    Err(error) => drop(loaded.send(Err(error))),
                })
                .map_err(|error| Error::Internal(format!("no thread for the model: {error}")))?
        };
        let thread = Arc::new(ModelThread::new(commands, thread));
        let facts = facts.recv().map_err(|_| Error::Stopped)??;
        let shared =
            Shared { thread, occupancy, facts, options: *options, load_time: begin.elapsed() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Speaks a text. Long texts are split as the request says.
    ///
    /// # Errors
    /// Returns an error if the model cannot honour the request, [`Error::Busy`] if too many
    /// requests wait, and [`Error::Stopped`] after [`Self::shutdown`]. Later errors come from the
    /// [`Speech`].
    pub fn speak(&self, request: SpeechRequest) -> Result<Speech> {
        let begin = Instant::now();
        let script = Script::new(self.planner()?, request)?;
        let (pieces, seed) = (Arc::clone(&script.pieces), script.seed);
        let request = Some((Arc::clone(&script.request), Arc::clone(&script.text)));
        self.submit(
            script.request.buffered_chunks,
            SpeechFacts { sample_rate: self.sample_rate(), seed, pieces, request },
            |delivery| Job::new(script, delivery, self.sample_rate(), begin),
        )
    }

    /// Speaks a text while it is being written to the returned [`IncrementalText`], from any
    /// thread. The text of the request is ignored. Each frame is given one token, and the speech
    /// pauses while it has caught up with its text.
    ///
    /// # Errors
    /// Returns an error as [`Self::speak`] does, and if the request wants the whole text first.
    pub fn speak_incremental(&self, request: SpeechRequest) -> Result<(IncrementalText, Speech)> {
        let begin = Instant::now();
        let planner = self.shared.facts.planner.as_ref().ok_or_else(no_talker)?;
        let seed = request.seed.unwrap_or_else(random_seed);
        let plan = planner.plan_open(&request, seed)?;
        let (text, feed) = IncrementalText::new(Arc::clone(planner), self.waker())?;
        let (sample_rate, pieces) = (self.sample_rate(), Arc::new([]));
        let facts = SpeechFacts { sample_rate, seed, pieces, request: None };
        let speech = self.submit(request.buffered_chunks, facts, |delivery| {
            Job::incremental((plan, feed, request.chunks), delivery, self.sample_rate(), begin)
        })?;
        Ok((text, speech))
    }

    /// Clones the voice of a recording, with the encoders of a base checkpoint. With a transcript,
    /// which has to cover the whole recording, speech continues the recording; without one, speech
    /// has its speaker embedding (x-vector) only.
    ///
    /// The calling thread waits. The encoders are loaded at their first use, and work in slices
    /// between the frames of speeches under way.
    ///
    /// # Errors
    /// Returns an error if the checkpoint is not a base checkpoint, if the transcript is empty or
    /// the recording too short, [`Error::Busy`], and [`Error::Stopped`].
    pub fn clone_voice(
        &self,
        audio: &ReferenceAudio,
        transcript: Option<&str>,
    ) -> Result<ClonedVoice> {
        self.clone_voice_timed(audio, transcript).map(|(voice, _)| voice)
    }

    /// Clones the voice of a recording, as [`Self::clone_voice`], and reports the time of each
    /// encoder.
    ///
    /// # Errors
    /// Returns an error as [`Self::clone_voice`] does.
    pub fn clone_voice_timed(
        &self,
        audio: &ReferenceAudio,
        transcript: Option<&str>,
    ) -> Result<(ClonedVoice, StageTimings)> {
        if transcript.is_some_and(|transcript| transcript.trim().is_empty()) {
            return Err(refuse(
                "the transcript of the recording is empty: give the words that are spoken in it, \
                 or clone the speaker embedding only",
            ));
        }
        self.run(CloneVoice::new(audio.samples.clone(), transcript.map(str::to_owned)))
    }

    /// Encodes a recording to codes: one frame for each 80 ms or part of them. The calling thread
    /// waits, as in [`Self::clone_voice`].
    ///
    /// # Errors
    /// Returns an error if the recording is empty, [`Error::Busy`], and [`Error::Stopped`].
    pub fn encode(&self, audio: &ReferenceAudio) -> Result<SpeechCodes> {
        self.run(Encode::new(audio.samples.clone()))
    }

    /// Decodes codes to mono samples in [−1, 1] at [`Self::sample_rate`]. The calling thread waits.
    ///
    /// # Errors
    /// Returns [`Error::Codes`] if the codes do not fit the codec, [`Error::Busy`], and
    /// [`Error::Stopped`].
    pub fn decode(&self, codes: &SpeechCodes) -> Result<Vec<f32>> {
        codes.validate(&self.shared.facts.codec, "codes")?;
        self.run(Decode::new(codes.clone()))
    }

    /// Checks that the model can honour a request. Nothing is computed.
    ///
    /// # Errors
    /// Returns an error with the reason if it cannot.
    pub fn check(&self, request: &SpeechRequest) -> Result<()> {
        Script::new(self.planner()?, request.clone()).map(drop)
    }

    /// Checks all of a request but its voice, which is still to be cloned. A text that is still to
    /// be written is `None`.
    ///
    /// # Errors
    /// Returns an error as [`Self::check`] does.
    pub fn check_before_cloning(&self, request: &SpeechRequest, has_text: bool) -> Result<()> {
        let planner = self.planner()?;
        if has_text {
            check_marks(planner, request)?;
        }
        planner.check_before_cloning(request)
    }

    /// Splits a text into pieces of at most `piece_tokens` tokens, like a
    /// [`LongText`](crate::LongText).
    ///
    /// Sentences, which end by the rules of the language, are kept whole as long as they fit, then
    /// clauses, and words always. Every character of the text but white space is in a piece, in its
    /// order. For `auto` the rules of all languages are used together.
    ///
    /// # Errors
    /// Returns an error for a speech tokenizer alone, and if the model has no such language.
    pub fn split_text(
        &self,
        text: &str,
        language: &str,
        piece_tokens: usize,
    ) -> Result<Vec<TextPiece>> {
        let sizes = Sizes { budget: piece_tokens, each_sentence: false };
        split_text(self.planner()?, text, language, sizes)
    }

    /// Splits a text into its sentences, as [`LongText::each_sentence`](crate::LongText::each_sentence)
    /// does. A sentence of more than `piece_tokens` tokens is several pieces.
    ///
    /// # Errors
    /// Returns an error as [`Self::split_text`] does.
    pub fn split_sentences(
        &self,
        text: &str,
        language: &str,
        piece_tokens: usize,
    ) -> Result<Vec<TextPiece>> {
        let sizes = Sizes { budget: piece_tokens, each_sentence: true };
        split_text(self.planner()?, text, language, sizes)
    }

    /// Cancels all requests, frees the model and waits until it is freed. Later requests fail with
    /// [`Error::Stopped`].
    pub fn shutdown(&self) {
        self.shared.thread.shutdown();
    }

    /// Returns the configuration of the checkpoint; `None` for a speech tokenizer alone.
    pub fn config(&self) -> Option<&ModelConfig> {
        self.shared.facts.planner.as_ref().map(|planner| &planner.config)
    }

    /// Returns the configuration of the speech tokenizer.
    pub fn speech_tokenizer_config(&self) -> &SpeechTokenizerConfig {
        &self.shared.facts.codec
    }

    /// Returns the sample rate of all speech in Hz.
    pub fn sample_rate(&self) -> u32 {
        self.shared.facts.codec.output_sample_rate
    }

    /// Returns the device that computes.
    pub fn device(&self) -> DeviceKind {
        self.shared.options.device
    }

    /// Returns the number of threads that compute.
    pub fn threads(&self) -> usize {
        self.shared.facts.threads
    }

    /// Returns the data types that the weights of talker and code predictor are kept in: `bf16`, or
    /// `q4, code predictor q8` if they differ. `None` for a speech tokenizer alone.
    pub fn weight_types(&self) -> Option<&str> {
        self.shared.facts.weight_types.as_deref()
    }

    /// Returns the sampling defaults of the checkpoint; `None` for a speech tokenizer alone.
    pub fn generation_config(&self) -> Option<&GenerationConfig> {
        self.shared.facts.planner.as_deref().map(|planner| &planner.generation)
    }

    /// Returns the time that loading took.
    pub fn load_time(&self) -> Duration {
        self.shared.load_time
    }

    /// Returns the number of speeches that have begun, paused ones included.
    pub fn active_requests(&self) -> usize {
        self.shared.occupancy.active.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that wait for their turn.
    pub fn waiting_requests(&self) -> usize {
        let present = self.shared.occupancy.present.load(Ordering::Relaxed);
        present.saturating_sub(self.active_requests())
    }

    fn planner(&self) -> Result<&Planner> {
        self.shared.facts.planner.as_deref().ok_or_else(no_talker)
    }

    fn submit(
        &self,
        buffered_chunks: usize,
        facts: SpeechFacts,
        job: impl FnOnce(Delivery) -> Job,
    ) -> Result<Speech> {
        let (delivery, messages, gauge) = Delivery::new(buffered_chunks);
        self.send(Command::Speak(Box::new(job(delivery))))?;
        Ok(Speech::new(messages, SpeechControl::new(gauge, self.waker()), facts))
    }

    /// Runs a task on the model's thread and waits for its result.
    fn run<W: Work>(&self, work: W) -> Result<W::Output> {
        let (task, result): (_, Receiver<_>) = Task::new(work);
        self.send(Command::Task(task))?;
        result.recv().map_err(|_| Error::Stopped)?
    }

    /// Sends a request, if there is room for it.
    fn send(&self, command: Command) -> Result<()> {
        let options = &self.shared.options;
        let most = options.max_active.max(1).saturating_add(options.max_waiting);
        let counter = &self.shared.occupancy.present;
        let present = counter.fetch_add(1, Ordering::Relaxed);
        if present >= most {
            counter.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Busy { present });
        }
        self.shared.thread.send(command).inspect_err(|_| {
            counter.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// Returns a function that wakes the model's thread.
    fn waker(&self) -> impl Fn() + Send + Sync + 'static {
        let thread = Arc::clone(&self.shared.thread);
        move || thread.wake()
    }
}

impl Facts {
    fn of(model: &Model) -> Self {
        Self {
            planner: model.speaker().ok().map(|speaker| Arc::clone(&speaker.planner)),
            codec: model.config.clone(),
            threads: model.device.threads(),
            weight_types: model.weight_types(),
        }
    }
}
