//! A loaded model.

use numpy::{PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use qwen3_tts_config::{GenerationConfig, ModelConfig};
use qwen3_tts_pipeline::{
    DeviceKind, Error, LoadOptions, ModelFiles, Quantize, SpeechRequest, Synthesizer,
};

use crate::error::{OrRaise, invalid_request};
use crate::fields::{BOOL, COUNT, TEXT, field};
use crate::options::Options;
use crate::output::{character_ranges, codes_array, codes_of};
use crate::process::Process;
use crate::recording::Recording;
use crate::stream::Stream;
use crate::text::Text;
use crate::voice::Voice;
use crate::wait;

/// A loaded model.
#[pyclass(frozen, module = "qwen3_tts._native")]
pub struct Model {
    synthesizer: Synthesizer,
    process: Process,
}

/// Returns the options that a dictionary names.
fn load_options(py: Python<'_>, load: &Bound<'_, PyDict>) -> PyResult<LoadOptions> {
    let mut options = LoadOptions::default();
    if let Some(name) = field::<String>(load, "device", TEXT)? {
        options.device = device(py, &name)?;
    }
    options.threads = field(load, "threads", "an integer of at least 1")?;
    if options.threads == Some(0) {
        return Err(invalid_request(py, "threads: expected an integer of at least 1, not 0"));
    }
    options.float32_cache = field(load, "float32_cache", BOOL)?.unwrap_or(false);
    options.talker = field(load, "talker", BOOL)?.unwrap_or(true);
    options.max_active = field(load, "max_active", COUNT)?.unwrap_or(options.max_active);
    options.max_waiting = field(load, "max_waiting", COUNT)?.unwrap_or(options.max_waiting);
    if let Some(quantize) = field::<String>(load, "quantize", TEXT)? {
        let quantize = quantize.parse::<Quantize>();
        options.quantize =
            quantize.map_err(|reason| invalid_request(py, format!("quantize: {reason}")))?;
    }
    Ok(options)
}

fn device(py: Python<'_>, name: &str) -> PyResult<DeviceKind> {
    match name {
        "cpu" => Ok(DeviceKind::Cpu),
        "mlx" => Ok(DeviceKind::Mlx),
        "mlx-float32" => Ok(DeviceKind::MlxFloat32),
        _ => {
            let message = format!("device: expected cpu, mlx or mlx-float32, not {name:?}");
            Err(invalid_request(py, message))
        }
    }
}

/// Returns the files of a model.
fn files(model: Option<String>, is_base: bool) -> Result<ModelFiles, Error> {
    match (model, is_base) {
        (Some(model), _) => ModelFiles::resolve(model),
        (None, false) => Ok(ModelFiles::embedded(qwen3_tts_demo::custom_voice())),
        (None, true) => Ok(ModelFiles::embedded(qwen3_tts_demo::base())),
    }
}

impl Model {
    fn synthesizer(&self) -> PyResult<&Synthesizer> {
        self.process.check()?;
        Ok(&self.synthesizer)
    }

    fn request(text: &str, options: &Bound<'_, PyDict>) -> PyResult<SpeechRequest> {
        Options(options).request(text)
    }
}

#[pymethods]
impl Model {
    /// Loads a directory or a hub id; without one, the built-in voice: its speakers, or with
    /// `is_base` the checkpoint that clones.
    #[new]
    fn new(
        py: Python<'_>,
        model: Option<String>,
        is_base: bool,
        load: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let options = load_options(py, load)?;
        let loaded = wait::run(py, move || {
            files(model, is_base).and_then(|files| Synthesizer::from_files(&files, &options))
        })?;
        Ok(Self { synthesizer: loaded.or_raise(py)?, process: Process::current() })
    }

    /// Properties of the model.
    fn facts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tts = self.synthesizer()?;
        let facts = PyDict::new(py);
        facts.set_item("sample_rate", tts.sample_rate())?;
        facts.set_item("device", tts.device().name())?;
        facts.set_item("threads", tts.threads())?;
        facts.set_item("weight_types", tts.weight_types())?;
        facts.set_item("load_seconds", tts.load_time().as_secs_f64())?;
        let codec = tts.speech_tokenizer_config();
        facts.set_item("codebooks", codec.decoder_config.num_quantizers)?;
        facts.set_item("encode_downsample_rate", codec.encode_downsample_rate)?;
        facts.set_item("decode_upsample_rate", codec.decode_upsample_rate)?;
        facts.set_item("input_sample_rate", codec.input_sample_rate)?;
        if let Some(config) = tts.config() {
            add_config(&facts, config)?;
        }
        if let Some(config) = tts.generation_config() {
            facts.set_item("generation", generation(py, config)?)?;
        }
        Ok(facts)
    }

    /// Speaks a text.
    fn speak(&self, py: Python<'_>, text: &str, options: &Bound<'_, PyDict>) -> PyResult<Stream> {
        let tts = self.synthesizer()?;
        let request = Self::request(text, options)?;
        let speech = py.detach(|| tts.speak(request)).or_raise(py)?;
        Ok(Stream::new(speech, self.process))
    }

    /// Speaks a text while it is being written.
    fn speak_incremental(
        &self,
        py: Python<'_>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<(Text, Stream)> {
        let tts = self.synthesizer()?;
        let request = Self::request("", options)?;
        let (text, speech) = py.detach(|| tts.speak_incremental(request)).or_raise(py)?;
        Ok((Text::new(text, self.process), Stream::new(speech, self.process)))
    }

    /// Checks that the model can honour a request.
    fn check(&self, py: Python<'_>, text: &str, options: &Bound<'_, PyDict>) -> PyResult<()> {
        let tts = self.synthesizer()?;
        let request = Self::request(text, options)?;
        py.detach(|| tts.check(&request)).or_raise(py)
    }

    /// Splits a text as `speak` does with these options. Returns the range of each piece in characters,
    /// and the silence after it in seconds.
    fn split_text(
        &self,
        py: Python<'_>,
        text: &str,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Vec<(usize, usize, f64)>> {
        let tts = self.synthesizer()?;
        let request = Self::request(text, options)?;
        let (language, long_text) = (&request.language, &request.long_text);
        let tokens = long_text.piece_tokens.unwrap_or(usize::MAX);
        let pieces = py.detach(|| match long_text.each_sentence {
            false => tts.split_text(text, language, tokens),
            true => tts.split_sentences(text, language, tokens),
        });
        let pieces = pieces.or_raise(py)?;
        let ranges = character_ranges(text, pieces.iter().map(|piece| piece.range.clone()));
        let pause = |(index, piece)| match index + 1 == pieces.len() {
            true => 0.0,
            false => long_text.pause_after(piece).as_secs_f64(),
        };
        let pauses = pieces.iter().enumerate().map(pause);
        Ok(ranges.into_iter().zip(pauses).map(|(it, pause)| (it.start, it.end, pause)).collect())
    }

    /// Clones the voice of a recording.
    fn clone_voice(
        &self,
        py: Python<'_>,
        recording: &Recording,
        transcript: Option<String>,
    ) -> PyResult<Voice> {
        let tts = self.synthesizer()?.clone();
        let audio = recording.audio().clone();
        let voice = wait::run(py, move || tts.clone_voice(&audio, transcript.as_deref()))?;
        voice.or_raise(py).map(Voice::from)
    }

    /// Encodes a recording to codes, frames × codebooks.
    fn encode<'py>(
        &self,
        py: Python<'py>,
        recording: &Recording,
    ) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let tts = self.synthesizer()?.clone();
        let audio = recording.audio().clone();
        let codes = wait::run(py, move || tts.encode(&audio))?.or_raise(py)?;
        codes_array(py, &codes.codes)
    }

    /// Decodes codes, frames × codebooks, to samples.
    fn decode<'py>(
        &self,
        py: Python<'py>,
        codes: PyReadonlyArray2<'py, i64>,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let tts = self.synthesizer()?.clone();
        let codes = codes_of(py, &codes)?;
        let samples = wait::run(py, move || tts.decode(&codes))?.or_raise(py)?;
        Ok(PyArray1::from_vec(py, samples))
    }

    /// Returns the numbers of speeches that have begun and that wait.
    fn requests(&self) -> (usize, usize) {
        (self.synthesizer.active_requests(), self.synthesizer.waiting_requests())
    }

    /// Cancels all requests and frees the model.
    fn shutdown(&self, py: Python<'_>) -> PyResult<()> {
        let tts = self.synthesizer()?;
        py.detach(|| tts.shutdown());
        Ok(())
    }
}

fn generation<'py>(py: Python<'py>, config: &GenerationConfig) -> PyResult<Bound<'py, PyDict>> {
    let defaults = PyDict::new(py);
    defaults.set_item("do_sample", config.do_sample)?;
    defaults.set_item("top_k", config.top_k)?;
    defaults.set_item("top_p", decimal(config.top_p))?;
    defaults.set_item("temperature", decimal(config.temperature))?;
    defaults.set_item("repetition_penalty", decimal(config.repetition_penalty))?;
    defaults.set_item("subtalker_dosample", config.subtalker_dosample)?;
    defaults.set_item("subtalker_top_k", config.subtalker_top_k)?;
    defaults.set_item("subtalker_top_p", decimal(config.subtalker_top_p))?;
    defaults.set_item("subtalker_temperature", decimal(config.subtalker_temperature))?;
    defaults.set_item("max_new_tokens", config.max_new_tokens)?;
    Ok(defaults)
}

/// Returns the `f64` that is written as the number is: 0.9 rather than 0.8999999761581421.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| number.into())
}

fn add_config(facts: &Bound<'_, PyDict>, config: &ModelConfig) -> PyResult<()> {
    facts.set_item("model_type", config.tts_model_type.to_string())?;
    facts.set_item("model_size", config.tts_model_size.name())?;
    let speakers: Vec<_> = config.speakers().map(|speaker| speaker.name).collect();
    facts.set_item("speakers", speakers)?;
    facts.set_item("languages", config.languages().collect::<Vec<_>>())
}
