//! `info`: shows the configuration and weights of a checkpoint.

use std::collections::BTreeSet;

use qwen3_tts_pipeline::{CheckpointInfo, Groups, ModelFiles, ModelInfo, WeightsInfo};
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
    let codec = &info.speech_tokenizer;
    let speech_tokenizer = json!({
        "codebooks": codec.config.decoder_config.num_quantizers,
        "codebook_size": codec.config.decoder_config.codebook_size,
        "frame_rate": codec.config.frame_rate(),
        "sample_rate": codec.config.output_sample_rate,
        "input_sample_rate": codec.config.encoder_config.as_ref()
            .map(|_| codec.config.input_sample_rate),
        "parameters": codec.weights.parameters,
        "dtypes": codec.weights.dtypes,
        "quantization": groups_json(&codec.weights.groups),
    });
    let mut json = info.model.as_ref().map_or(json!({}), model_json);
    json["path"] = json!(files.path());
    json["speech_tokenizer"] = speech_tokenizer;
    json["files"] =
        info.files.iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes })).collect();
    json
}

fn model_json(model: &ModelInfo) -> Value {
    let config = &model.config;
    let talker = &config.talker_config;
    let predictor = &talker.code_predictor_config;
    json!({
        "model_type": config.tts_model_type.to_string(),
        "model_size": config.tts_model_size.to_string(),
        "takes_instruct": config.takes_instruct(),
        "speakers": config
            .speakers()
            .map(|s| json!({ "name": s.name, "dialect": s.dialect }))
            .collect::<Vec<_>>(),
        "languages": config.languages().collect::<Vec<_>>(),
        "talker": {
            "layers": talker.num_hidden_layers,
            "hidden_size": talker.hidden_size,
            "parameters": model.weights.parameters,
            "dtypes": model.weights.dtypes,
            "quantization": groups_json(&model.weights.groups),
        },
        "code_predictor": {
            "layers": predictor.num_hidden_layers,
            "hidden_size": predictor.hidden_size,
            "quantization": groups_json(&model.weights.code_predictor_groups),
        },
        "max_frames": model.generation.max_new_tokens - 1,
    })
}

fn groups_json(groups: &BTreeSet<Groups>) -> Value {
    groups.iter().map(|g| json!({ "bits": g.bits, "group_size": g.group_size })).collect()
}

fn as_text(info: &CheckpointInfo) -> String {
    let mut lines = match &info.model {
        Some(model) => model_lines(model),
        None => vec![("model", "speech tokenizer alone: encodes, decodes".to_owned())],
    };
    let codec = &info.speech_tokenizer;
    let config = &codec.config;
    let (n, size) = (config.decoder_config.num_quantizers, config.decoder_config.codebook_size);
    let (frames, rate) = (config.frame_rate(), config.output_sample_rate);
    let quantized = groups_text(&codec.weights.groups);
    lines.push((
        "speech tokenizer",
        format!("{n} codebooks of {size}, {frames} frames per second, {rate} Hz{quantized}"),
    ));
    if let Some(model) = &info.model {
        lines.push(("weights", weights(&model.weights)));
    }
    lines.push(("codec weights", weights(&codec.weights)));
    if let Some(model) = &info.model {
        let frames = model.generation.max_new_tokens - 1;
        lines.push(("longest speech", format!("{frames} frames")));
    }
    for (i, (name, bytes)) in info.files.iter().enumerate() {
        let line = format!("{name} ({} bytes)", grouped(*bytes));
        lines.push((if i == 0 { "files" } else { "" }, line));
    }
    lines
        .into_iter()
        .map(|(name, value)| format!("{name:<17} {}\n", terminal::message(&value)))
        .collect()
}

fn model_lines(model: &ModelInfo) -> Vec<(&'static str, String)> {
    let config = &model.config;
    let talker = &config.talker_config;
    let predictor = &talker.code_predictor_config;
    let instruct = if config.takes_instruct() { "supported" } else { "not supported" };
    let speakers: Vec<_> = config
        .speakers()
        .map(|s| s.dialect.map_or(s.name.to_owned(), |dialect| format!("{} ({dialect})", s.name)))
        .collect();
    let languages: Vec<_> = config.languages().map(str::to_owned).collect();
    let layers = |layers: usize, width: usize, groups: &BTreeSet<Groups>| {
        format!("{layers} layers of {width}{}", groups_text(groups))
    };
    let (groups, predictor_groups) = (&model.weights.groups, &model.weights.code_predictor_groups);
    vec![
        ("model", format!("{} {}", config.tts_model_size, config.tts_model_type)),
        ("instructions", instruct.to_owned()),
        ("speakers", or_none(&speakers)),
        ("languages", or_none(&languages)),
        ("talker", layers(talker.num_hidden_layers, talker.hidden_size, groups)),
        (
            "code predictor",
            layers(predictor.num_hidden_layers, predictor.hidden_size, predictor_groups),
        ),
    ]
}

/// Formats the groups of a part, after a comma; nothing for full precision.
fn groups_text(groups: &BTreeSet<Groups>) -> String {
    groups.iter().map(|g| format!(", {} bits in groups of {}", g.bits, g.group_size)).collect()
}

fn weights(weights: &WeightsInfo) -> String {
    format!("{} parameters, {}", grouped(weights.parameters), or_none(&weights.dtypes))
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
