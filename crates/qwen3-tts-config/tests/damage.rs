//! Every damaged configuration is refused with an error that names the field.

use std::path::Path;

use qwen3_tts_config::{
    GenerationConfig, LayerQuantization, ModelConfig, Result, SpeechTokenizerConfig,
};
use serde_json::{Value, json};

fn published(file: &str) -> Value {
    let dir =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/Qwen3-TTS-12Hz-0.6B-CustomVoice");
    serde_json::from_str(&std::fs::read_to_string(dir.join(file)).unwrap()).unwrap()
}

fn model() -> Value {
    published("config.json")
}

fn codec() -> Value {
    published("speech_tokenizer/config.json")
}

/// Sets the value at a dotted path; `None` removes it.
fn edit(mut root: Value, path: &str, value: Option<Value>) -> Value {
    let (parent, field) = path.rsplit_once('.').unwrap_or(("", path));
    let mut section = &mut root;
    for key in parent.split('.').filter(|key| !key.is_empty()) {
        section = &mut section[key];
    }
    let section = section.as_object_mut().expect(path);
    match value {
        Some(value) => section.insert(field.to_owned(), value),
        None => section.remove(field),
    };
    root
}

/// Asserts that the error is one line that names the field.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, field: &str) {
    let message = result.expect_err(field).to_string();
    assert!(message.contains(&format!("`{field}`")), "{field}: {message}");
    assert!(!message.contains('\n'), "{message}");
}

fn model_refused(path: &str, value: Option<Value>) {
    refused(ModelConfig::from_json(&edit(model(), path, value).to_string()), path);
}

fn codec_refused(path: &str, value: Option<Value>) {
    refused(SpeechTokenizerConfig::from_json(&edit(codec(), path, value).to_string()), path);
}

#[test]
fn fields_of_the_architecture_are_required() {
    for field in [
        "tts_model_type",
        "tts_model_size",
        "tokenizer_type",
        "talker_config",
        "talker_config.code_predictor_config",
        "talker_config.hidden_size",
        "talker_config.intermediate_size",
        "talker_config.num_hidden_layers",
        "talker_config.num_attention_heads",
        "talker_config.num_key_value_heads",
        "talker_config.head_dim",
        "talker_config.vocab_size",
        "talker_config.text_vocab_size",
        "talker_config.rope_theta",
        "talker_config.num_code_groups",
        "talker_config.codec_eos_token_id",
        "talker_config.codec_bos_id",
        "talker_config.codec_pad_id",
        "talker_config.codec_nothink_id",
        "talker_config.code_predictor_config.rope_theta",
        "talker_config.code_predictor_config.num_code_groups",
        "talker_config.code_predictor_config.hidden_size",
    ] {
        model_refused(field, None);
    }
    for field in [
        "decoder_config",
        "decode_upsample_rate",
        "decoder_config.hidden_size",
        "decoder_config.head_dim",
        "decoder_config.codebook_dim",
        "decoder_config.upsample_rates",
    ] {
        codec_refused(field, None);
    }
}

#[test]
fn sizes_are_positive_and_plausible() {
    for field in [
        "talker_config.hidden_size",
        "talker_config.intermediate_size",
        "talker_config.text_hidden_size",
        "talker_config.num_hidden_layers",
        "talker_config.num_attention_heads",
        "talker_config.num_key_value_heads",
        "talker_config.head_dim",
        "talker_config.text_vocab_size",
        "talker_config.vocab_size",
        "talker_config.max_position_embeddings",
        "talker_config.num_code_groups",
        "talker_config.code_predictor_config.vocab_size",
        "talker_config.code_predictor_config.hidden_size",
        "talker_config.code_predictor_config.num_hidden_layers",
        "talker_config.code_predictor_config.head_dim",
        "talker_config.code_predictor_config.max_position_embeddings",
    ] {
        for value in [json!(0), json!(1u64 << 40), json!(u64::MAX), json!(-1), json!("many")] {
            model_refused(field, Some(value));
        }
    }
    for field in [
        "decoder_config.codebook_size",
        "decoder_config.codebook_dim",
        "decoder_config.latent_dim",
        "decoder_config.decoder_dim",
        "decoder_config.hidden_size",
        "decoder_config.sliding_window",
        "decoder_config.num_quantizers",
        "encoder_config.num_filters",
        "encoder_config.hidden_size",
        "encoder_config.compress",
    ] {
        for value in [json!(0), json!(1u64 << 40), json!(-1), json!(1.5)] {
            codec_refused(field, Some(value));
        }
    }
}

#[test]
fn values_that_disagree_are_refused() {
    for (field, value) in [
        ("model_type", json!("qwen3")),
        ("tokenizer_type", json!("qwen3_tts_tokenizer_25hz")),
        ("tts_model_type", json!("cloned")),
        ("tts_model_size", json!("4b")),
        ("talker_config.num_attention_heads", json!(13)),
        ("talker_config.head_dim", json!(127)),
        ("talker_config.rope_scaling.mrope_section", json!([24, 20, 19])),
        ("talker_config.rope_scaling.rope_type", json!("yarn")),
        ("talker_config.vocab_size", json!(1024)),
        ("talker_config.hidden_act", json!("swoosh")),
        ("talker_config.hidden_act", json!("gelu")),
        ("talker_config.code_predictor_config.hidden_act", json!("gelu")),
        ("talker_config.rms_norm_eps", json!(0)),
        ("talker_config.rope_theta", json!(-1e6)),
        ("talker_config.use_sliding_window", json!(true)),
        ("talker_config.code_predictor_config.num_code_groups", json!(8)),
        ("talker_config.code_predictor_config.layer_types", json!(["sliding_attention"])),
        ("talker_config.codec_eos_token_id", json!(3072)),
        ("talker_config.codec_language_id.english", json!(3072)),
        ("talker_config.spk_id.ryan", json!(99999)),
        ("talker_config.spk_is_dialect.eric", json!("martian_dialect")),
        ("tts_pad_token_id", json!(151_936)),
    ] {
        model_refused(field, Some(value));
    }
    for (field, value) in [
        ("model_type", json!("encodec")),
        ("decode_upsample_rate", json!(1919)),
        ("output_sample_rate", json!(48_000)),
        ("output_sample_rate", json!(0)),
        ("output_sample_rate", json!(u32::MAX)),
        ("output_sample_rate", json!(24_000.5)),
        ("decoder_config.rms_norm_eps", json!(1e-300)),
        ("encoder_config.rope_theta", json!(1e300)),
        ("encoder_valid_num_quantizers", json!(8)),
        ("decoder_config.decoder_dim", json!(1530)),
        ("decoder_config.codebook_dim", json!(511)),
        ("decoder_config.num_semantic_quantizers", json!(2)),
        ("decoder_config.hidden_act", json!(null)),
        ("decoder_config.hidden_act", json!("gelu")),
        ("encoder_config.num_filters", json!(63)),
        ("encoder_config.vector_quantization_hidden_dimension", json!(128)),
        ("encoder_config.pad_mode", json!("reflect")),
        ("encoder_config.use_causal_conv", json!(false)),
        ("encoder_config.use_conv_shortcut", json!(true)),
        ("encoder_config.hidden_act", json!("silu")),
        ("encoder_config.dilation_growth_rate", json!(1000)),
        ("encode_downsample_rate", json!(1000)),
        ("encoder_config.num_attention_heads", json!(9)),
    ] {
        codec_refused(field, Some(value));
    }
}

#[test]
fn a_speaker_id_is_a_number_or_a_list_of_one() {
    let path = "talker_config.spk_id.ryan";
    let listed = edit(model(), path, Some(json!([3061])));
    let config = ModelConfig::from_json(&listed.to_string()).unwrap();
    assert_eq!(config.speaker("ryan").unwrap().id, 3061);
    for value in [json!([1, 2]), json!([]), json!("3061"), json!(-1)] {
        model_refused(path, Some(value));
    }
    let yes = edit(model(), "talker_config.spk_is_dialect.ryan", Some(json!(true)));
    let error = ModelConfig::from_json(&yes.to_string()).unwrap_err().to_string();
    assert!(error.contains("talker_config.spk_is_dialect") && error.contains("ryan"), "{error}");
}

#[test]
fn tables_may_be_null_or_absent() {
    for value in [None, Some(json!(null))] {
        let mut json = model();
        for field in ["spk_id", "spk_is_dialect", "codec_language_id"] {
            json = edit(json, &format!("talker_config.{field}"), value.clone());
        }
        let config = ModelConfig::from_json(&json.to_string()).unwrap();
        assert_eq!(config.speakers().count(), 0);
        assert!(config.speaker("ryan").unwrap_err().to_string().contains("none"));
    }
}

#[test]
fn a_codec_of_another_model_is_refused() {
    let config = ModelConfig::from_json(&model().to_string()).unwrap();
    let with = |edits: &[(&str, Value)]| {
        let json =
            edits.iter().fold(codec(), |json, (path, value)| edit(json, path, Some(value.clone())));
        SpeechTokenizerConfig::from_json(&json.to_string()).unwrap().validate_for(&config)
    };
    with(&[]).unwrap();
    let quantizers =
        [("decoder_config.num_quantizers", json!(8)), ("encoder_valid_num_quantizers", json!(8))];
    refused(with(&quantizers), "talker_config.num_code_groups");
    let smaller = [("decoder_config.codebook_size", json!(1024))];
    refused(with(&smaller), "talker_config.vocab_size");
}

#[test]
fn mlx_quantization_is_parsed_and_other_schemes_are_refused() {
    let section = json!({
        "group_size": 64, "bits": 4, "mode": "affine",
        "talker.codec_head": false,
        "talker.model.layers.0.mlp.down_proj": {"group_size": 32, "bits": 8},
    });
    let json = edit(model(), "quantization", Some(section));
    let quantization = ModelConfig::from_json(&json.to_string()).unwrap().quantization.unwrap();
    assert_eq!((quantization.group_size, quantization.bits), (64, 4));
    assert_eq!(quantization.layers["talker.codec_head"], LayerQuantization::Quantized(false));
    assert_eq!(
        quantization.layers["talker.model.layers.0.mlp.down_proj"],
        LayerQuantization::Groups { group_size: 32, bits: 8, mode: None }
    );
    for (section, field) in [
        (json!({"group_size": 64, "bits": 7}), "quantization.bits"),
        (json!({"group_size": 64, "bits": 1}), "quantization.bits"),
        (json!({"group_size": 16, "bits": 8}), "quantization.group_size"),
        (json!({"group_size": 32, "bits": 4, "mode": "mxfp4"}), "quantization.mode"),
        (
            json!({
                "group_size": 64, "bits": 4,
                "talker.codec_head": {"group_size": 64, "bits": 1},
            }),
            "quantization.talker.codec_head.bits",
        ),
        (
            json!({"bits": 4, "talker.codec_head": {"bits": 4, "mode": "nvfp4"}}),
            "quantization.talker.codec_head.mode",
        ),
        (json!({"quant_method": "bitsandbytes"}), "quantization.quant_method"),
        (json!({"group_size": -1, "bits": 4}), "quantization.group_size"),
        (json!({"group_size": 64, "bits": u64::MAX}), "quantization.bits"),
    ] {
        let other = edit(model(), "quantization", Some(section));
        refused(ModelConfig::from_json(&other.to_string()), field);
    }
}

#[test]
fn what_other_tools_add_to_a_quantization_is_ignored() {
    let plain = json!({"group_size": 32, "bits": 5});
    let parsed = |field: &str, section: &Value| {
        let json = edit(model(), field, Some(section.clone()));
        let config = ModelConfig::from_json(&json.to_string()).unwrap();
        config.weight_quantization().unwrap().clone()
    };
    let expected = parsed("quantization", &plain);
    assert_eq!(expected.of_layer("talker.codec_head"), (32, 5));
    for (field, value) in [
        ("quant_method", json!("mlx")),
        ("mode", json!("affine")),
        ("mode", json!(null)),
        ("version", json!(2)),
        ("tool", json!("mlx-audio 0.6.2")),
        ("modules_to_not_convert", json!(["speaker_encoder"])),
        ("kv_cache_scheme", json!(null)),
        ("ratio", json!(0.5)),
    ] {
        let quantization = parsed("quantization", &edit(plain.clone(), field, Some(value)));
        let scheme = (quantization.group_size, quantization.bits, quantization.layers);
        let expected = expected.clone();
        assert_eq!(scheme, (expected.group_size, expected.bits, expected.layers), "{field}");
    }
    assert_eq!(parsed("quantization_config", &plain), expected);
    let layer = json!({"bits": 8, "talker.codec_head": {"group_size": 128, "mode": "affine"}});
    let quantization = parsed("quantization", &layer);
    assert_eq!(quantization.of_layer("talker.codec_head"), (128, 4), "MLX's default is 4 bits");
    assert_eq!(quantization.of_layer("talker.model.layers.0.mlp.down_proj"), (64, 8));

    let foreign = json!({"quant_method": "gptq", "bits": 4, "desc_act": true});
    let json = edit(model(), "quantization_config", Some(foreign.clone()));
    refused(ModelConfig::from_json(&json.to_string()), "quantization_config.quant_method");
    // The section under MLX's name counts.
    let json = edit(json, "quantization", Some(plain));
    assert_eq!(ModelConfig::from_json(&json.to_string()).unwrap().quantization, Some(expected));
}

#[test]
fn numbers_that_would_overflow_or_divide_by_zero_are_refused() {
    let refused_codec = |edits: &[(&str, Value)], field: &str| {
        let json =
            edits.iter().fold(codec(), |json, (path, value)| edit(json, path, Some(value.clone())));
        refused(SpeechTokenizerConfig::from_json(&json.to_string()), field);
    };
    let most = json!(u64::MAX);
    for (path, value) in [
        ("decoder_config.upsample_rates", json!([0, 5, 4, 3])),
        ("decoder_config.upsample_rates", json!([u64::MAX, 5, 4, 3])),
        ("decoder_config.upsampling_ratios", json!([2, 0])),
    ] {
        refused_codec(&[(path, value)], "decoder_config.upsample_rates and upsampling_ratios");
    }
    let product = "decoder_config.upsample_rates and upsampling_ratios, product";
    refused_codec(&[("decoder_config.upsample_rates", json!([1024usize; 16].as_slice()))], product);
    refused_codec(
        &[("decoder_config.upsample_rates", json!([1usize; 100].as_slice()))],
        "decoder_config.upsample_rates.length",
    );
    let ratios = "encoder_config.upsampling_ratios";
    refused_codec(&[(ratios, json!([8, 0, 5, 4]))], ratios);
    refused_codec(
        &[(ratios, json!([1024usize; 16].as_slice()))],
        "encoder_config.upsampling_ratios, product",
    );
    refused_codec(&[("encoder_config.compress", json!(0))], "encoder_config.compress");
    let layers = ("encoder_config.num_residual_layers", json!(8));
    let growth = "encoder_config.dilation_growth_rate";
    refused_codec(&[layers, (growth, json!(16))], growth);
    for path in ["decode_upsample_rate", "encode_downsample_rate"] {
        refused_codec(&[(path, json!(0))], path);
        refused_codec(&[(path, most.clone())], path);
    }
    for (path, value) in [
        ("talker_config.num_key_value_heads", json!(0)),
        ("talker_config.rms_norm_eps", json!(1e-60)),
        ("talker_config.rms_norm_eps", json!(1e60)),
        ("talker_config.rope_theta", json!(1e300)),
    ] {
        model_refused(path, Some(value));
    }
}

/// Writes the rotary positions of a section as transformers 5 does: everything in
/// `rope_parameters`, with `rope_theta` inside.
fn as_transformers_5(mut section: Value) -> Value {
    let fields = section.as_object_mut().unwrap();
    let mut parameters = match fields.remove("rope_scaling") {
        Some(Value::Object(scaling)) => Value::Object(scaling),
        _ => json!({}),
    };
    parameters["rope_theta"] = fields.remove("rope_theta").unwrap();
    parameters["rope_type"] = json!("default");
    fields.insert("rope_parameters".to_owned(), parameters);
    fields.insert("dtype".to_owned(), json!("bfloat16"));
    section
}

#[test]
fn configurations_of_transformers_5_have_the_same_values() {
    let old = ModelConfig::from_json(&model().to_string()).unwrap();
    let mut json = model();
    let talker = json["talker_config"].take();
    json["talker_config"] = as_transformers_5(talker);
    let predictor = json["talker_config"]["code_predictor_config"].take();
    json["talker_config"]["code_predictor_config"] = as_transformers_5(predictor);
    json["transformers_version"] = json!("5.24.0");
    let new = ModelConfig::from_json(&json.to_string()).unwrap();
    assert_eq!(new.talker_config.transformer(), old.talker_config.transformer());
    let [old, new] = [old, new].map(|config| config.talker_config);
    assert_eq!(new.rope.theta, 1e6);
    assert_eq!(new.rope.parameters.unwrap().mrope_section.unwrap(), [24, 20, 20]);
    let [old, new] = [old.code_predictor_config, new.code_predictor_config];
    assert_eq!(new.transformer(), old.transformer());

    let old = SpeechTokenizerConfig::from_json(&codec().to_string()).unwrap();
    let mut json = codec();
    for section in ["decoder_config", "encoder_config"] {
        let taken = json[section].take();
        json[section] = as_transformers_5(taken);
    }
    let new = SpeechTokenizerConfig::from_json(&json.to_string()).unwrap();
    assert_eq!(new.decoder_config.transformer(), old.decoder_config.transformer());
    let [old, new] = [old, new].map(|config| config.encoder_config.unwrap().transformer());
    assert_eq!((new, new.rope_theta), (old, 10_000.0));
}

#[test]
fn rotary_positions_that_are_not_implemented_are_refused_in_either_spelling() {
    let base = |parameters: Value| {
        edit(model(), "talker_config.rope_parameters", Some(parameters)).to_string()
    };
    let same = json!({"rope_theta": 1e6, "rope_type": "default"});
    assert_eq!(ModelConfig::from_json(&base(same)).unwrap().talker_config.rope.theta, 1e6);
    for (field, value) in [
        ("rope_type", json!("yarn")),
        ("type", json!("linear")),
        ("mrope_section", json!([24, 20, 19])),
        ("mrope_section", json!([u64::MAX, 2])),
        ("partial_rotary_factor", json!(0.5)),
        ("rope_theta", json!(10_000)),
        ("rope_theta", json!("1e6")),
        ("interleaved", json!(3)),
    ] {
        let named = if field == "type" { "rope_type" } else { field };
        let path = format!("talker_config.rope_parameters.{named}");
        refused(ModelConfig::from_json(&base(json!({ field: value }))), &path);
    }
    for theta in [json!(0), json!(-1), json!("many")] {
        let json = edit(model(), "talker_config.rope_theta", None);
        let parameters = Some(json!({ "rope_theta": theta }));
        let json = edit(json, "talker_config.rope_parameters", parameters);
        let error = ModelConfig::from_json(&json.to_string()).unwrap_err().to_string();
        assert!(error.contains("`talker_config.rope") && error.contains("theta`"), "{error}");
    }
    let text = json!("1e6");
    model_refused("talker_config.code_predictor_config.rope_theta", Some(text.clone()));
    codec_refused("encoder_config.rope_theta", Some(text.clone()));
    codec_refused("decoder_config.rope_theta", Some(text));
    codec_refused("encoder_config.rope_theta", None);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_configuration() {
    let text = format!("\u{feff}{}", model());
    let config = ModelConfig::from_json(&text).unwrap();
    assert_eq!(config, ModelConfig::from_json(&model().to_string()).unwrap());
    let dir = std::env::temp_dir().join(format!("qwen3-tts-config-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("config.json");
    std::fs::write(&path, text).unwrap();
    let read = ModelConfig::from_file(&path);
    std::fs::write(&path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n").unwrap();
    let pointer = ModelConfig::from_file(&path).unwrap_err().to_string();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(read.unwrap(), config);
    assert!(pointer.contains("config.json: a Git LFS pointer"), "{pointer}");
}

#[test]
fn sampling_values_are_checked() {
    for (field, value) in [
        ("temperature", json!(0)),
        ("temperature", json!(-1)),
        ("subtalker_temperature", json!(0)),
        ("repetition_penalty", json!(0)),
        ("top_p", json!(1.5)),
        ("top_p", json!(0)),
        ("subtalker_top_p", json!(-0.1)),
        ("top_k", json!(-1)),
        ("max_new_tokens", json!(1)),
        ("do_sample", json!("yes")),
    ] {
        let text = json!({ field: value }).to_string();
        refused(GenerationConfig::from_json(&text), field);
    }
}

#[test]
fn text_that_is_not_json_is_refused_in_one_line() {
    let text = model().to_string();
    for text in ["", "null", "[]", &text[..text.len() / 2], &format!("{text}{text}")] {
        let message = ModelConfig::from_json(text).unwrap_err().to_string();
        assert!(!message.is_empty() && !message.contains('\n'), "{message}");
    }
    let missing = ModelConfig::from_file("nowhere/config.json").unwrap_err().to_string();
    assert!(missing.contains("nowhere/config.json"), "{missing}");
}
