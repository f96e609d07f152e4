//! `codec decode`: codes into a WAV file.

use qwen3_tts_pipeline::{SpeechCodes, SpeechTokenizer};

use crate::args::DecodeArgs;
use crate::failure::Result;
use crate::model;
use crate::output::WavOutput;
use crate::progress;

pub fn decode(args: DecodeArgs) -> Result {
    let codes = SpeechCodes::from_file(&args.codes)?;
    let output = WavOutput::check(&args.output)?;
    let show_progress = progress::is_wanted(crate::args::When::Auto);
    let files = model::files(args.model.model.as_deref(), show_progress)?;
    let tokenizer = SpeechTokenizer::load(&files, &model::options(&args.model))?;
    let audio = tokenizer.decode(&codes, &args.codes.display().to_string())?;
    output.write(&audio, tokenizer.config().output_sample_rate)
}
