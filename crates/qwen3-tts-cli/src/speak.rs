//! `speak`: a text into a WAV file, or to be heard at once.

mod live;
mod resume;
mod whole;

use std::path::{Path, PathBuf};
use std::time::Instant;

use qwen3_tts_pipeline::{
    LoadOptions, NarrationOptions, OutputFile, Sampling, SpeechRequest, Synthesizer, TextMode,
    Voice,
};

use crate::args::{SamplingArgs, SpeakArgs};
use crate::failure::{Failure, Result};
use crate::output::{WavOutput, write_file};
use crate::player::Player;
use crate::spoken::Spoken;
use crate::voice::VoiceSource;
use crate::{demo, model, note, progress, stdin};
use live::Listeners;

pub fn run(args: SpeakArgs) -> Result {
    let is_live = args.stream || args.play;
    // A text that is to come first as a whole cannot be spoken while it comes.
    let is_open = args.text == "-" && is_live && !args.non_streaming_text;
    let text = match args.text.as_str() {
        "-" if is_open => String::new(),
        "-" => stdin::read()?,
        text => text.to_owned(),
    };
    let outputs = Outputs::check(&args)?;
    let voice = VoiceSource::read(&args)?;
    let show_progress = progress::is_wanted(args.progress);

    let demo_use = demo::Use::new(voice.is_cloned());
    let files = model::files(args.model.model.as_deref(), demo_use, show_progress)?;
    let options = LoadOptions { quantize: args.quantize, ..model::options(&args.model) };
    let loading = progress::loading(show_progress);
    let model = Synthesizer::from_files(&files, &options)?;
    loading.finish_and_clear();
    let mut request = request(&args, text);
    if args.model.model.is_none() && !is_open {
        request.text_mode = request.text_mode.or(demo_use.text_mode());
    }
    if voice.is_recording() {
        // What is wrong with the rest is known before the recording is encoded.
        if !is_open {
            model.check_text(&request.text)?;
        }
        model.check_before_cloning(&request)?;
    }
    let (voice, voice_timings) = voice.voice(&files, &args.model)?;
    request.voice = voice;
    let mut job =
        Job { args: &args, model: &model, request, demo_use, show_progress, begin: Instant::now() };
    let Outputs { wav, player, codes, stats } = outputs;
    let spoken = match wav {
        Some(wav) if !is_live => whole::speak(&mut job, wav)?,
        wav if is_open => live::speak_stdin(&mut job, Listeners::new(wav, player))?,
        wav => live::speak(&mut job, Listeners::new(wav, player))?,
    };
    job.report(&spoken);
    if let Some(file) = codes {
        write_file(file, spoken.codes_json().as_bytes())?;
    }
    if let Some(file) = stats {
        write_file(file, spoken.stats_json(&model, voice_timings).as_bytes())?;
    }
    Ok(())
}

/// A request on its way.
struct Job<'a> {
    args: &'a SpeakArgs,
    model: &'a Synthesizer,
    request: SpeechRequest,
    /// What is asked of the built-in voice, if that speaks.
    demo_use: demo::Use,
    show_progress: bool,
    begin: Instant,
}

impl Job<'_> {
    fn options(&self) -> NarrationOptions {
        self.args.pieces.options(self.args.batch_size)
    }

    /// The request was not refused: now it can be said what speaks.
    fn has_begun(&self) {
        if self.args.model.model.is_none() {
            note(self.demo_use.note());
        }
    }

    fn report(&self, spoken: &Spoken) {
        if spoken.is_cut() && self.request.max_frames.is_none() {
            note(&format!(
                "the speech was cut at a limit, after {} frames in all; split the text, or raise \
                 --max-frames",
                spoken.frames()
            ));
        }
        if self.show_progress {
            note(&spoken.summary());
        }
    }
}

fn request(args: &SpeakArgs, text: String) -> SpeechRequest {
    SpeechRequest {
        text,
        voice: Voice::Default,
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
    let mut sampling = Sampling::default();
    sampling.greedy = args.greedy;
    sampling.temperature = args.temperature;
    sampling.top_k = args.top_k;
    sampling.top_p = args.top_p;
    sampling.repetition_penalty = args.repetition_penalty;
    sampling.subtalker_temperature = args.subtalker_temperature;
    sampling.subtalker_top_k = args.subtalker_top_k;
    sampling.subtalker_top_p = args.subtalker_top_p;
    sampling
}

/// Everything that is written, known to be writable before anything is computed.
struct Outputs {
    wav: Option<WavOutput>,
    player: Option<Player>,
    codes: Option<OutputFile>,
    stats: Option<OutputFile>,
}

impl Outputs {
    fn check(args: &SpeakArgs) -> Result<Self> {
        // What is played is written where somebody asked for it.
        let wav = (!args.play || args.output.output.is_some()).then_some(args.output.path());
        let files = [wav, args.codes.as_deref(), args.stats.as_deref()];
        let files: Vec<&Path> = files.into_iter().flatten().collect();
        for (i, file) in files.iter().enumerate() {
            if files[..i].contains(file) {
                return Err(Failure::request(format!("two outputs go to {}", file.display())));
            }
        }
        let check = |path: &PathBuf| OutputFile::check(path);
        Ok(Self {
            wav: wav.map(|_| WavOutput::check(&args.output)).transpose()?,
            player: args.play.then(Player::open).transpose()?,
            codes: args.codes.as_ref().map(check).transpose()?,
            stats: args.stats.as_ref().map(check).transpose()?,
        })
    }
}
