//! `info`: shows the configuration and weights of a checkpoint.

use std::collections::BTreeSet;

use qwen3_tts_pipeline::{CheckpointInfo, ModelFiles};
use serde_json::{Value, json};

use crate::args::InfoArgs;
use crate::facts::{self, Fact};
use crate::failure::Result;
use crate::model;
use crate::output::{print, print_json};

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
        "codebooks": codec.decoder_config.num_quantizers,
        "codebook_size": codec.decoder_config.codebook_size,
        "frame_rate": codec.frame_rate(),
        "sample_rate": codec.output_sample_rate,
        "input_sample_rate": codec.encoder_config.as_ref()
            .map(|_| codec.input_sample_rate),
        "parameters": info.speech_tokenizer_parameters,
        "dtypes": info.speech_tokenizer_dtypes,
        "quantization": groups_json(&info.speech_tokenizer_groups),
    });
    let mut json = model_json(info);
    json["path"] = json!(files.path());
    json["speech_tokenizer"] = speech_tokenizer;
    json["files"] =
        info.files.iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes })).collect();
    json
}

/// Returns the facts about the part that speaks; no fields for a speech tokenizer alone.
fn model_json(info: &CheckpointInfo) -> Value {
    let Some(config) = &info.model else { return json!({}) };
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
            "parameters": info.parameters,
            "dtypes": info.dtypes,
            "quantization": groups_json(&info.groups),
        },
        "code_predictor": {
            "layers": predictor.num_hidden_layers,
            "hidden_size": predictor.hidden_size,
            "quantization": groups_json(&info.code_predictor_groups),
        },
        "max_frames": max_frames(info),
    })
}

fn groups_json(groups: &BTreeSet<(usize, usize)>) -> Value {
    let groups = groups.iter();
    groups.map(|(bits, size)| json!({ "bits": bits, "group_size": size })).collect()
}

fn as_text(info: &CheckpointInfo) -> String {
    let mut lines = model_lines(info);
    let codec = &info.speech_tokenizer;
    let (n, size) = (codec.decoder_config.num_quantizers, codec.decoder_config.codebook_size);
    let (frames, rate) = (codec.frame_rate(), codec.output_sample_rate);
    let quantized = groups_text(&info.speech_tokenizer_groups);
    lines.push((
        "speech tokenizer",
        format!("{n} codebooks of {size}, {frames} frames per second, {rate} Hz{quantized}"),
    ));
    if info.model.is_some() {
        lines.push(("weights", weights(info.parameters, &info.dtypes)));
    }
    let (parameters, dtypes) = (info.speech_tokenizer_parameters, &info.speech_tokenizer_dtypes);
    lines.push(("codec weights", weights(parameters, dtypes)));
    if let Some(frames) = max_frames(info) {
        lines.push(("longest speech", format!("{frames} frames")));
    }
    for (i, (name, bytes)) in info.files.iter().enumerate() {
        let line = format!("{name} ({} bytes)", grouped(*bytes));
        lines.push((if i == 0 { "files" } else { "" }, line));
    }
    facts::lines(lines)
}

fn model_lines(info: &CheckpointInfo) -> Vec<Fact> {
    let Some(config) = &info.model else {
        return vec![("model", "speech tokenizer alone: encodes, decodes".to_owned())];
    };
    let talker = &config.talker_config;
    let predictor = &talker.code_predictor_config;
    let instruct = if config.takes_instruct() { "supported" } else { "not supported" };
    let speakers: Vec<_> = config
        .speakers()
        .map(|s| s.dialect.map_or(s.name.to_owned(), |dialect| format!("{} ({dialect})", s.name)))
        .collect();
    let languages: Vec<_> = config.languages().map(str::to_owned).collect();
    let layers = |layers: usize, width: usize, groups: &BTreeSet<(usize, usize)>| {
        format!("{layers} layers of {width}{}", groups_text(groups))
    };
    let (groups, predictor_groups) = (&info.groups, &info.code_predictor_groups);
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
fn groups_text(groups: &BTreeSet<(usize, usize)>) -> String {
    groups.iter().map(|(bits, size)| format!(", {bits} bits in groups of {size}")).collect()
}

fn weights(parameters: u64, dtypes: &[String]) -> String {
    format!("{} parameters, {}", grouped(parameters), or_none(dtypes))
}

/// Returns the number of frames of the longest speech.
fn max_frames(info: &CheckpointInfo) -> Option<usize> {
    info.generation.as_ref().map(|generation| generation.max_new_tokens - 1)
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
