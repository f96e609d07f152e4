//! `codec decode` and `codec encode`: codes to an audio file, and a recording to codes.

use std::io;
use std::path::Path;

use qwen3_tts_audio::Metadata;
use qwen3_tts_pipeline::{AudioLimits, SpeechCodes, Synthesizer};

use crate::args::{DecodeArgs, EncodeArgs};
use crate::failure::Result;
use crate::identity::{DistinctFiles, is_stdin};
use crate::output::{AudioOutput, Destination};
use crate::{demo, model, progress, recording};

pub fn decode(args: DecodeArgs) -> Result {
    let mut distinct = DistinctFiles::default();
    distinct.input("the file of codes", &args.codes)?;
    distinct.output("-o", &args.output.path())?;
    let (codes, name) = read_codes(&args.codes)?;
    let mut output = AudioOutput::check(&args.output)?;
    if let Some(title) = &args.output.title {
        output.set_metadata(Metadata::default().title(title));
    }
    let show_progress = progress::is_wanted(crate::args::When::Auto);
    let files = model::files(args.model.model.as_deref(), demo::Use::Preset, show_progress)?;
    distinct.model(&files)?;
    let codec = Synthesizer::from_files(&files, &model::options(&args.model).without_talker())?;
    codes.validate(codec.speech_tokenizer_config(), &name)?;
    let audio = args.output.effects.effects().apply(&codec.decode(&codes)?, codec.sample_rate());
    output.write(&audio, codec.sample_rate())
}

/// Reads a file of codes, or standard input, and returns them with the name of the input.
fn read_codes(path: &Path) -> Result<(SpeechCodes, String)> {
    let name =
        if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
    let codes = match is_stdin(path) {
        true => SpeechCodes::from_reader(io::stdin().lock(), &name)?,
        false => SpeechCodes::from_file(path)?,
    };
    Ok((codes, name))
}

pub fn encode(args: EncodeArgs) -> Result {
    let mut distinct = DistinctFiles::default();
    distinct.input("the recording", &args.audio)?;
    distinct.output("-o", &args.output)?;
    let audio = recording::read(&args.audio, &AudioLimits::any())?;
    let output = Destination::check(&args.output)?;
    let show_progress = progress::is_wanted(crate::args::When::Auto);
    let files = model::files(args.model.model.as_deref(), demo::Use::Preset, show_progress)?;
    distinct.model(&files)?;
    let codec = Synthesizer::from_files(&files, &model::options(&args.model).without_talker())?;
    let json = serde_json::json!({ "codes": codec.encode(&audio)?.codes });
    output.write(format!("{json}\n").as_bytes())
}
