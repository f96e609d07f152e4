//! From a model and a request to speech.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qwen3_tts_config::{ModelConfig, SpeechTokenizerConfig};
use qwen3_tts_nn::{Device, Precision};
use qwen3_tts_talker::Talker;

use crate::codec::DECODED_TOGETHER;
use crate::request::{Planner, check_text};
use crate::{
    ChunkSchedule, Error, ModelFiles, Quantize, Result, SpeechRequest, SpeechResult, SpeechStream,
    SpeechTokenizer, TextStream, TextTokenizer,
};

/// A loaded model that speaks.
///
/// ```no_run
/// use qwen3_tts_pipeline::{LoadOptions, SpeechRequest, Synthesizer};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let model = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
/// let speech = model.synthesize(&SpeechRequest::new("Hello!").speaker("Ryan"))?;
/// println!("{} of speech", speech.audio_duration_str());
/// # Ok(())
/// # }
/// ```
pub struct Synthesizer {
    pub(crate) planner: Arc<Planner>,
    pub(crate) talker: Talker,
    pub(crate) speech_tokenizer: SpeechTokenizer,
    pub(crate) device: Device,
    load_time: Duration,
}

/// How a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadOptions {
    /// Where it computes.
    pub device: DeviceKind,
    /// Threads that compute on the CPU; without a number, as many as the machine has.
    pub threads: Option<usize>,
    /// What the weights are quantised to as they are read.
    pub quantize: Quantize,
}

/// Where a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceKind {
    /// On the CPU.
    #[default]
    Cpu,
    /// On MLX, the GPU of a Mac with Apple silicon, where the feature `mlx` is compiled in, in the
    /// type of the checkpoint.
    Mlx,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameProgress {
    /// Frames that are there.
    pub frames: usize,
    /// Frames that the text will take, as a guess from its length.
    pub expected_frames: usize,
    /// The most frames there can be.
    pub max_frames: usize,
}

impl LoadOptions {
    pub(crate) fn device(&self) -> Result<Device> {
        match self.device {
            DeviceKind::Cpu => Ok(self.threads.map_or_else(Device::default_cpu, Device::cpu)),
            DeviceKind::Mlx => Ok(Device::mlx_in(Precision::Checkpoint)?),
        }
    }
}

impl Synthesizer {
    /// Loads the checkpoint in a directory.
    ///
    /// # Errors
    /// If a file is missing or damaged, or if the files do not fit each other.
    pub fn load(directory: impl Into<PathBuf>, options: &LoadOptions) -> Result<Self> {
        Self::from_files(&ModelFiles::directory(directory), options)
    }

    /// Loads a checkpoint from wherever its files are.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_files(files: &ModelFiles, options: &LoadOptions) -> Result<Self> {
        let begin = Instant::now();
        let config = files.model_config()?;
        let generation = files.generation_config()?;
        let device = options.device()?;
        // The tokenizer takes as long as the weights, and has a thread of its own meanwhile.
        let (tokenizer, models) = std::thread::scope(|scope| {
            let tokenizer = scope.spawn(|| TextTokenizer::load(files));
            let models = load_models(files, &config, &device, options.quantize);
            (tokenizer.join(), models)
        });
        let tokenizer = match tokenizer {
            Ok(tokenizer) => tokenizer?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let (talker, speech_tokenizer) = models?;
        let planner = Arc::new(Planner { config, generation, tokenizer });
        let load_time = begin.elapsed();
        Ok(Self { planner, talker, speech_tokenizer, device, load_time })
    }

    /// What the checkpoint is.
    pub fn config(&self) -> &ModelConfig {
        &self.planner.config
    }

    /// What its speech tokenizer is.
    pub fn speech_tokenizer_config(&self) -> &SpeechTokenizerConfig {
        self.speech_tokenizer.config()
    }

    /// Where it computes: `cpu` or `mlx`.
    pub fn device(&self) -> &'static str {
        self.device.name()
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.device.threads()
    }

    /// How the weights are kept in memory: `bf16`, `f32`, or quantised, as `q8`; where talker and
    /// code predictor differ, as `q4, code predictor q8`.
    pub fn weight_type(&self) -> String {
        let talker = self.talker.weight_dtype();
        let code_predictor = self.talker.code_predictor().weight_dtype();
        match talker == code_predictor {
            true => talker.to_string(),
            false => format!("{talker}, code predictor {code_predictor}"),
        }
    }

    /// How long loading took.
    pub fn load_time(&self) -> Duration {
        self.load_time
    }

    /// Says whether the model can honour a request, without computing anything.
    ///
    /// # Errors
    /// [`Error::Request`] or [`Error::Voice`] with the reason if it cannot.
    pub fn check(&self, request: &SpeechRequest) -> Result<()> {
        self.planner.plan(request).map(drop)
    }

    /// Says whether there is something to say in a text.
    ///
    /// # Errors
    /// [`Error::Request`] if there is not.
    pub fn check_text(&self, text: &str) -> Result<()> {
        check_text(text)
    }

    /// As [`Self::check`], for a request whose voice is still to be cloned: looks at everything but
    /// its voice and its text.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_before_cloning(&self, request: &SpeechRequest) -> Result<()> {
        self.planner.check_before_cloning(request)
    }

    /// Speaks a text.
    ///
    /// # Errors
    /// If the model cannot honour the request, or its weights turn out to be damaged.
    pub fn synthesize(&self, request: &SpeechRequest) -> Result<SpeechResult> {
        self.synthesize_with(request, &mut |_| ())
    }

    /// As [`Self::synthesize`], and `progress` hears of every frame.
    ///
    /// # Errors
    /// As [`Self::synthesize`].
    pub fn synthesize_with(
        &self,
        request: &SpeechRequest,
        progress: &mut dyn FnMut(FrameProgress),
    ) -> Result<SpeechResult> {
        let mut stream = self.stream_with(request, ChunkSchedule::every(DECODED_TOGETHER))?;
        let mut audio = Vec::new();
        while !stream.is_done() {
            let frames = stream.progress().frames;
            audio.extend(stream.step()?.into_iter().flat_map(|chunk| chunk.samples));
            let now = stream.progress();
            if now.frames > frames {
                progress(now);
            }
        }
        Ok(stream.finish_with(audio))
    }

    /// Speaks a text while one listens: the first chunk is there after one frame.
    ///
    /// # Errors
    /// As [`Self::synthesize`]; what fails later comes from the stream.
    pub fn stream(&self, request: &SpeechRequest) -> Result<SpeechStream<'_>> {
        self.stream_with(request, ChunkSchedule::default())
    }

    /// As [`Self::stream`], in chunks as long as `schedule` says.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub fn stream_with(
        &self,
        request: &SpeechRequest,
        schedule: ChunkSchedule,
    ) -> Result<SpeechStream<'_>> {
        let begin = Instant::now();
        let plan = self.planner.plan(request)?;
        SpeechStream::start(self, plan, None, schedule, begin)
    }

    /// Speaks a text that is still coming, whatever text `request` has itself: what is pushed into
    /// the [`TextStream`], from any thread, is spoken as it comes. It is given to the model one
    /// token with each frame, and a chunk that needs more of it waits.
    ///
    /// # Errors
    /// As [`Self::stream`]; if the request wants the whole text to come first.
    pub fn stream_text(
        &self,
        request: &SpeechRequest,
        schedule: ChunkSchedule,
    ) -> Result<(TextStream, SpeechStream<'_>)> {
        let begin = Instant::now();
        let plan = self.planner.plan_open(request)?;
        let (text, feed) = TextStream::new(Arc::clone(&self.planner))?;
        Ok((text, SpeechStream::start(self, plan, Some(feed), schedule, begin)?))
    }
}

fn load_models(
    files: &ModelFiles,
    config: &ModelConfig,
    device: &Device,
    quantize: Quantize,
) -> Result<(Talker, SpeechTokenizer)> {
    let speech_tokenizer = SpeechTokenizer::on_device(files, device)?;
    let fits = speech_tokenizer.config.validate_for(config);
    fits.map_err(|source| Error::Config { file: files.name_of("config.json"), source })?;
    let weights = files.talker_weights()?.quantize(quantize.policy());
    let talker = Talker::load(config, &weights, device)?;
    Ok((talker, speech_tokenizer))
}
