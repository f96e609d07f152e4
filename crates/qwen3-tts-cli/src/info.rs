//! `info`: shows the configuration and weights of a checkpoint.

use std::fmt::Write;

use qwen3_tts_pipeline::{CheckpointInfo, ModelFiles};
use serde_json::{Value, json};

use crate::args::InfoArgs;
use crate::failure::Result;
use crate::model;
use crate::output::{print, print_json};
use crate::terminal;

pub fn run(args: &InfoArgs) -> Result {
    let files = model::local_files(args.model.as_deref())?;
    let info = CheckpointInfo::read(&files)?;
    match args.json {
        true => print_json(&format!("{:#}", as_json(&info, &files))),
        false => print(&as_text(&info)),
    }
}

fn as_json(info: &CheckpointInfo, files: &ModelFiles) -> Value {
    let model = &info.model;
    let talker = &model.talker_config;
    let predictor = &talker.code_predictor_config;
    let speakers = model.speakers();
    json!({
        "path": files.path(),
        "model_type": model.tts_model_type.to_string(),
        "model_size": model.tts_model_size.to_string(),
        "takes_instruct": model.takes_instruct(),
        "speakers": speakers
            .map(|s| json!({ "name": s.name, "dialect": s.dialect }))
            .collect::<Vec<_>>(),
        "languages": model.languages().collect::<Vec<_>>(),
        "talker": {
            "layers": talker.num_hidden_layers,
            "hidden_size": talker.hidden_size,
            "parameters": info.talker_parameters,
            "dtypes": info.talker_dtypes,
        },
        "code_predictor": {
            "layers": predictor.num_hidden_layers,
            "hidden_size": predictor.hidden_size,
        },
        "speech_tokenizer": {
            "codebooks": info.speech_tokenizer_config.decoder_config.num_quantizers,
            "codebook_size": info.speech_tokenizer_config.decoder_config.codebook_size,
            "frame_rate": info.speech_tokenizer_config.frame_rate(),
            "sample_rate": info.speech_tokenizer_config.output_sample_rate,
            "parameters": info.speech_tokenizer_parameters,
            "dtypes": info.speech_tokenizer_dtypes,
        },
        "max_frames": info.generation.max_new_tokens - 1,
        "files": info.files.iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes }))
            .collect::<Vec<_>>(),
    })
}

fn as_text(info: &CheckpointInfo) -> String {
    let model = &info.model;
    let talker = &model.talker_config;
    let predictor = &talker.code_predictor_config;
    let codec = &info.speech_tokenizer_config;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<17} {}", terminal::message(&value));
    };
    line("model", format!("{} {}", model.tts_model_size, model.tts_model_type));
    let instruct = if model.takes_instruct() { "supported" } else { "not supported" };
    line("instructions", instruct.to_owned());
    let speakers: Vec<_> = model
        .speakers()
        .map(|s| s.dialect.map_or(s.name.to_owned(), |dialect| format!("{} ({dialect})", s.name)))
        .collect();
    line("speakers", or_none(&speakers));
    line("languages", or_none(&model.languages().map(str::to_owned).collect::<Vec<_>>()));
    line("talker", format!("{} layers of {}", talker.num_hidden_layers, talker.hidden_size));
    let (layers, width) = (predictor.num_hidden_layers, predictor.hidden_size);
    line("code predictor", format!("{layers} layers of {width}"));
    let (n, size) = (codec.decoder_config.num_quantizers, codec.decoder_config.codebook_size);
    let (frames, rate) = (codec.frame_rate(), codec.output_sample_rate);
    line(
        "speech tokenizer",
        format!("{n} codebooks of {size}, {frames} frames per second, {rate} Hz"),
    );
    line("weights", weights(info.talker_parameters, &info.talker_dtypes));
    let codec_weights = weights(info.speech_tokenizer_parameters, &info.speech_tokenizer_dtypes);
    line("codec weights", codec_weights);
    line("longest speech", format!("{} frames", info.generation.max_new_tokens - 1));
    for (i, (name, bytes)) in info.files.iter().enumerate() {
        line(if i == 0 { "files" } else { "" }, format!("{name} ({} bytes)", grouped(*bytes)));
    }
    text
}

fn weights(parameters: u64, dtypes: &[String]) -> String {
    format!("{} parameters, {}", grouped(parameters), or_none(dtypes))
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Formats a number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
