//! `speak`: a text into a WAV file.

use std::io::Read;
use std::path::PathBuf;

use qwen3_tts_pipeline::{
    LoadOptions, OutputFile, Sampling, SpeechRequest, SpeechResult, StopReason, Synthesizer,
    TextMode, Voice, VoiceTimings, stop_reason_name,
};
use serde_json::json;

use crate::args::{SamplingArgs, SpeakArgs};
use crate::failure::{Failure, Result};
use crate::output::{WavOutput, write_file};
use crate::progress::{self, SpeechBar};
use crate::voice::VoiceSource;
use crate::{demo, model, note};

/// More than any text that can be spoken.
const MAX_STDIN_BYTES: u64 = 1 << 20;

pub fn run(args: SpeakArgs) -> Result {
    let text = if args.text == "-" { read_stdin()? } else { args.text.clone() };
    let outputs = Outputs::check(&args)?;
    let voice = VoiceSource::read(&args)?;
    let show_progress = progress::is_wanted(args.progress);

    let files = model::files(args.model.model.as_deref(), show_progress)?;
    let options = LoadOptions { quantize: args.quantize, ..model::options(&args.model) };
    let loading = progress::loading(show_progress);
    let model = Synthesizer::from_files(&files, &options)?;
    loading.finish_and_clear();
    let (voice, voice_timings) = voice.voice(&files, &args.model)?;
    let request = request(&args, text, voice);
    model.check(&request)?;
    let is_demo = args.model.model.is_none();
    if is_demo {
        note(demo::NOTE);
    }
    let bar = SpeechBar::new(show_progress, model.speech_tokenizer_config().frame_rate());
    let speech = model.synthesize_with(&request, &mut |progress| bar.update(progress))?;
    bar.finish();
    // Random weights rarely know an end, which is no news.
    let is_cut = speech.stop_reason == StopReason::MaxFrames && request.max_frames.is_none();
    if is_cut && !is_demo {
        note(&format!(
            "the speech was cut at the limit of {} frames; split the text, or raise --max-frames",
            speech.token_count
        ));
    }
    if show_progress {
        note(&summary(&speech));
    }
    outputs.write(&model, &speech, voice_timings)
}

fn request(args: &SpeakArgs, text: String, voice: Voice) -> SpeechRequest {
    SpeechRequest {
        text,
        voice,
        language: args.language.clone(),
        instruct: args.instruct.clone(),
        text_mode: text_mode(args),
        sampling: sampling(&args.sampling),
        seed: args.sampling.seed,
        max_frames: args.max_frames,
    }
}

fn text_mode(args: &SpeakArgs) -> Option<TextMode> {
    match (args.streaming_text, args.non_streaming_text) {
        (true, _) => Some(TextMode::Streaming),
        (_, true) => Some(TextMode::NonStreaming),
        _ => None,
    }
}

fn sampling(args: &SamplingArgs) -> Sampling {
    Sampling {
        greedy: args.greedy,
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        repetition_penalty: args.repetition_penalty,
        subtalker_temperature: args.subtalker_temperature,
        subtalker_top_k: args.subtalker_top_k,
        subtalker_top_p: args.subtalker_top_p,
    }
}

/// The text on standard input, without the line end that closes it.
fn read_stdin() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_STDIN_BYTES).read_to_string(&mut text);
    read.map_err(|error| {
        Failure::request(format!("cannot read a text from standard input: {error}"))
    })?;
    Ok(text
        .strip_suffix('\n')
        .map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t))
        .to_owned())
}

/// Everything that is written, known to be writable before anything is computed.
struct Outputs {
    wav: WavOutput,
    codes: Option<OutputFile>,
    stats: Option<OutputFile>,
}

impl Outputs {
    fn check(args: &SpeakArgs) -> Result<Self> {
        let files = [Some(&args.output.output), args.codes.as_ref(), args.stats.as_ref()];
        let files: Vec<&PathBuf> = files.into_iter().flatten().collect();
        for (i, file) in files.iter().enumerate() {
            if files[..i].contains(file) {
                return Err(Failure::request(format!("two outputs go to {}", file.display())));
            }
        }
        let check = |path: &PathBuf| OutputFile::check(path);
        Ok(Self {
            wav: WavOutput::check(&args.output)?,
            codes: args.codes.as_ref().map(check).transpose()?,
            stats: args.stats.as_ref().map(check).transpose()?,
        })
    }

    fn write(
        self,
        model: &Synthesizer,
        speech: &SpeechResult,
        voice: Option<VoiceTimings>,
    ) -> Result {
        if let Some(file) = self.codes {
            write_file(file, speech.codes.to_json(speech.stop_reason).as_bytes())?;
        }
        if let Some(file) = self.stats {
            write_file(file, stats(model, speech, voice).as_bytes())?;
        }
        self.wav.write(&speech.audio, speech.sample_rate)
    }
}

/// What it took, as JSON.
fn stats(model: &Synthesizer, speech: &SpeechResult, voice: Option<VoiceTimings>) -> String {
    let timings = speech.timings;
    let stats = json!({
        "load_seconds": model.load_time().as_secs_f64(),
        "speaker_encoder_seconds": voice.map(|voice| voice.speaker.as_secs_f64()),
        "speech_encoder_seconds": voice.and_then(|voice| voice.speech).map(|t| t.as_secs_f64()),
        "prefill_seconds": timings.prefill.as_secs_f64(),
        "talker_seconds": timings.talker.as_secs_f64(),
        "code_predictor_seconds": timings.code_predictor.as_secs_f64(),
        "codec_seconds": timings.codec.as_secs_f64(),
        "processing_seconds": speech.processing_time.as_secs_f64(),
        "time_to_first_audio_seconds": timings.time_to_first_audio.as_secs_f64(),
        "frames": speech.token_count,
        "prompt_tokens": speech.prompt.tokens,
        "audio_seconds": speech.audio_duration.as_secs_f64(),
        "n_samples": speech.n_samples,
        "sample_rate": speech.sample_rate,
        "rtf": speech.real_time_factor,
        "peak_memory_bytes": speech.peak_memory_bytes,
        "threads": model.threads(),
        "device": model.device(),
        "weight_type": model.weight_type(),
        "stop_reason": stop_reason_name(speech.stop_reason),
        "seed": speech.seed,
    });
    format!("{stats:#}\n")
}

fn summary(speech: &SpeechResult) -> String {
    format!(
        "{} of speech in {:.1} s, {:.2}× real time",
        speech.audio_duration_str(),
        speech.processing_time.as_secs_f64(),
        1.0 / speech.real_time_factor
    )
}
