//! `codec decode` and `codec encode`: codes to a WAV file, and a recording to codes.

use std::path::Path;

use qwen3_tts_pipeline::{AudioLimits, ReferenceAudio, SpeechCodes, Synthesizer};

use crate::args::{DecodeArgs, EncodeArgs};
use crate::failure::Result;
use crate::output::{WavOutput, write_stdout};
use crate::output_file::OutputFile;
use crate::{demo, model, note::note, progress};

pub fn decode(args: DecodeArgs) -> Result {
    let codes = SpeechCodes::from_file(&args.codes)?;
    let output = WavOutput::check(&args.output)?;
    let show_progress = progress::is_wanted(crate::args::When::Auto);
    let files = model::files(args.model.model.as_deref(), demo::Use::Preset, show_progress)?;
    let codec = Synthesizer::from_files(&files, &model::options(&args.model).without_talker())?;
    codes.validate(codec.speech_tokenizer_config(), &args.codes.display().to_string())?;
    output.write(&codec.decode(&codes)?, codec.sample_rate())
}

pub fn encode(args: EncodeArgs) -> Result {
    let audio = ReferenceAudio::read(&args.audio, &AudioLimits::any())?;
    for warning in &audio.warnings {
        note(&format!("{}: {warning}", args.audio.display()));
    }
    let file = match args.output != Path::new("-") {
        true => Some(OutputFile::check(&args.output)?),
        false => None,
    };
    let show_progress = progress::is_wanted(crate::args::When::Auto);
    let files = model::files(args.model.model.as_deref(), demo::Use::Preset, show_progress)?;
    let codec = Synthesizer::from_files(&files, &model::options(&args.model).without_talker())?;
    let json = serde_json::json!({ "codes": codec.encode(&audio)?.codes });
    match file {
        Some(file) => file.write(format!("{json}\n").as_bytes()),
        None => write_stdout(format!("{json}\n").as_bytes()),
    }
}
