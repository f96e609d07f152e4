//! Conversions of the tiny checkpoints.

use std::fs;
use std::path::Path;

use qwen3_tts_config::ModelConfig;
use qwen3_tts_convert::{ConvertOptions, Error, FloatType, Layout, Quantization};
use qwen3_tts_nn::{Device, Dtype, Ids, Tensor, Weights};
use qwen3_tts_speaker::SpeakerEncoder;
use qwen3_tts_talker::Talker;
use qwen3_tts_testkit::{Damage, Golden, TempCheckpoint, checkpoint, relative_error};

use crate::{convert, converted, infos, quantized};

fn talker(dir: &Path) -> Talker {
    let config = ModelConfig::from_file(dir.join("config.json")).unwrap();
    Talker::load(&config, &Weights::open(dir).unwrap(), &Device::cpu(2)).unwrap()
}

/// Logits of talker and code predictor where the golden puts them.
fn logits(talker: &Talker, golden: &Golden) -> [Vec<f32>; 2] {
    let device = Device::cpu(2);
    let rows = |name: &str| {
        let (shape, values) = golden.f32(name);
        Tensor::from_vec(values, &[1, shape[0], shape[1]], &device)
    };
    let hidden = talker.step(&rows("talker_input_embeds"), &mut talker.new_state());
    let (_, codes) = golden.u32("codes");
    let ids: Vec<Ids> = codes[..16].iter().map(|code| Ids::new(&[*code], &device)).collect();
    let code_0 = talker.codec_embedding().forward(&ids[0]);
    let first = rows("talker_hidden").narrow(1, 0, 1);
    let predicted = talker.code_predictor().logits(&first, &code_0, &ids[1..]).unwrap();
    let predicted = predicted.iter().flat_map(|logits| logits.to_vec()).collect();
    [talker.logits(&hidden).to_vec(), predicted]
}

fn golden_of(name: &str) -> Golden {
    let goldens = qwen3_tts_testkit::speech_goldens();
    let mut goldens = goldens.iter().map(|golden| Golden::load(golden));
    goldens.find(|golden| golden.string("checkpoint") == name).unwrap()
}

#[test]
fn quantised_logits_are_those_of_the_dequantised_weights() {
    for name in ["custom_voice_0b6", "custom_voice_1b7"] {
        let (golden, published) = (golden_of(name), checkpoint(name));
        let full = logits(&talker(&published), &golden);
        // Each bit fewer doubles the relative error of the logits; a wrong order of values or
        // groups would make them unrelated. The widths must also differ from each other, and from
        // the published weights.
        let mut finer = 0.0;
        for (bits, kept) in [(8, Dtype::Q8), (6, Dtype::Q6), (4, Dtype::Q4)] {
            let bound = 10.0 * 0.5f64.powi(bits as i32);
            for group_size in [32, 64] {
                let small = converted(&published, &quantized(bits, group_size));
                let in_f32 = ConvertOptions::default().dtype(FloatType::F32);
                let wide = converted(&small.path, &in_f32);
                assert!(infos(&wide.path).iter().all(|tensor| tensor.dtype == "F32"));
                assert!(infos(&small.path).iter().any(|tensor| tensor.dtype == "U32"));
                let small = talker(&small.path);
                // The tiny 1.7B has a head of 96 inputs, which no group of mlx-audio's divides.
                let head = small.config().hidden_size.is_multiple_of(64);
                assert_eq!(small.weight_dtype() == kept, head);
                let small = logits(&small, &golden);
                for (small, wide) in small.iter().zip(logits(&talker(&wide.path), &golden)) {
                    // The kernels round activations to 16 bits; the packed weights are the same.
                    assert!(relative_error(small, &wide) < 3e-4);
                }
                let errors = [0, 1].map(|i| relative_error(&small[i], &full[i]));
                println!("{name}, {bits} bits by {group_size}: {errors:?}");
                assert!(errors.iter().all(|error| *error < bound), "{bits} bits: {errors:?}");
                if group_size == 64 {
                    assert!(errors[0] > 1.5 * finer, "{bits} bits: {errors:?}");
                    finer = errors[0];
                }
            }
        }
    }
}

#[test]
fn matrices_that_mlx_audio_does_not_quantise_are_kept() {
    let small = converted(&checkpoint("base_0b6"), &quantized(4, 64));
    let tensors = infos(&small.path);
    let dtype = |name: &str| {
        let found = tensors.iter().find(|tensor| tensor.name == name);
        found.unwrap_or_else(|| panic!("no {name}")).dtype.as_str()
    };
    for name in [
        "talker.model.codec_embedding.weight",
        "talker.model.text_embedding.weight",
        "talker.code_predictor.model.codec_embedding.0.weight",
        "talker.model.norm.weight",
        "speaker_encoder.fc.weight",
        // 80 inputs, and 96: 64 does not divide them.
        "talker.text_projection.linear_fc1.weight",
        "talker.code_predictor.model.layers.0.mlp.down_proj.weight",
    ] {
        assert_eq!(dtype(name), "BF16", "{name}");
    }
    for name in [
        "talker.codec_head",
        "talker.model.layers.2.mlp.down_proj",
        "talker.code_predictor.lm_head.14",
        "talker.code_predictor.model.layers.1.self_attn.q_proj",
    ] {
        assert_eq!(dtype(&format!("{name}.weight")), "U32", "{name}");
        assert_eq!(dtype(&format!("{name}.scales")), "BF16", "{name}");
        assert_eq!(dtype(&format!("{name}.biases")), "BF16", "{name}");
    }
    let config = ModelConfig::from_file(small.path.join("config.json")).unwrap();
    let section = config.quantization.unwrap();
    assert_eq!((section.bits, section.group_size), (4, 64));
    let speech = "speech_tokenizer/model.safetensors";
    let original = fs::read(checkpoint("base_0b6").join(speech)).unwrap();
    assert_eq!(fs::read(small.path.join(speech)).unwrap(), original);
}

#[test]
fn layouts_and_shards_survive_a_round_trip() {
    let published = checkpoint("base_0b6");
    let mlx = converted(&published, &ConvertOptions::default().shard_size(1 << 20));
    assert!(mlx.path.join("model-00002-of-00002.safetensors").is_file());
    assert!(!mlx.path.join("model.safetensors").exists());
    let shape = |dir: &Path| {
        let tensors = infos(dir);
        let name = "speaker_encoder.blocks.0.conv.weight";
        tensors.into_iter().find(|tensor| tensor.name == name).unwrap().shape
    };
    let [out, input, taps] = shape(&published)[..] else { panic!("three axes") };
    assert_eq!(shape(&mlx.path), [out, taps, input]);

    let recording: Vec<f32> = (0..24_000).map(|i| ((i * i) as f32 * 1e-4).sin()).collect();
    let vector = |dir: &Path| {
        let config = ModelConfig::from_file(dir.join("config.json")).unwrap();
        let (config, weights) =
            (config.speaker_encoder_config.unwrap(), Weights::open(dir).unwrap());
        let encoder = SpeakerEncoder::load(&config, &weights, &Device::cpu(1)).unwrap();
        encoder.embed(&recording).unwrap()
    };
    assert_eq!(vector(&mlx.path), vector(&published));

    let back = converted(&mlx.path, &ConvertOptions::default().layout(Layout::Pytorch));
    assert_eq!(infos(&back.path), infos(&published));
    let (back, published) = (Weights::open(&back.path), Weights::open(&published));
    let (back, published) = (back.unwrap(), published.unwrap());
    for tensor in published.infos() {
        let values = |weights: &Weights| weights.to_vec(&tensor.name, &tensor.shape).unwrap();
        assert_eq!(values(&back), values(&published), "{}", tensor.name);
    }
}

#[test]
fn an_invalid_source_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let refused = |input: &Path, complaint: &str| {
        let error = convert(input, &out, &quantized(8, 64)).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{error}");
    };
    refused(Path::new("gone"), "config.json");
    for (damage, complaint) in [
        (Damage::Missing, "neither model.safetensors nor pytorch_model.bin"),
        (Damage::Empty, "the file is empty"),
        (Damage::Halved, "truncated"),
        (Damage::HeaderLength(u64::MAX), "longer than the file"),
        (Damage::Truncated(100), "truncated: it has 100 of"),
    ] {
        let copy = TempCheckpoint::new("custom_voice_0b6");
        copy.damage("model.safetensors", &damage);
        refused(copy.path(), complaint);
    }
    let quantised = converted(&checkpoint("custom_voice_0b6"), &quantized(4, 32));
    let config = fs::read_to_string(quantised.path.join("config.json")).unwrap();
    let wrong = config.replace("\"group_size\": 32", "\"group_size\": 128");
    assert_ne!(wrong, config);
    fs::write(quantised.path.join("config.json"), wrong).unwrap();
    refused(&quantised.path, "6 or 8 bits in groups of 128");
}

#[test]
fn an_existing_directory_is_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let options = ConvertOptions::default();
    let error = convert(&checkpoint("custom_voice_0b6"), dir.path(), &options).unwrap_err();
    assert!(matches!(error, Error::OutputExists { .. }));
    assert!(error.to_string().contains("is there already"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn settings_out_of_range_are_refused() {
    for bits in [0, 1, 2, 3, 5, 7, 9, 16] {
        let error = Quantization::new(bits, 64).unwrap_err();
        assert!(matches!(error, Error::Bits { found } if found == bits));
    }
    for group_size in [0, 1, 16, 48, 256] {
        let error = Quantization::new(8, group_size).unwrap_err();
        assert!(matches!(error, Error::GroupSize { found } if found == group_size));
    }
    let quantization = Quantization::new(6, 128).unwrap();
    assert_eq!((quantization.bits(), quantization.group_size()), (6, 128));
}

#[test]
fn progress_goes_from_zero_to_the_total() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (mut seen, mut all) = (Vec::new(), 0);
    let source = checkpoint("custom_voice_0b6");
    let converted = qwen3_tts_convert::convert(&source, &out, &quantized(8, 64), &mut |progress| {
        assert!(progress.draft.is_dir() && !out.exists());
        assert!(all == 0 || all == progress.total);
        all = progress.total;
        seen.push(progress.done);
    });
    let converted = converted.unwrap();
    assert_eq!((seen[0], seen[seen.len() - 1]), (0, all));
    assert!(all > 0 && seen.is_sorted());
    assert_eq!(converted.tensors, infos(&source).len());
    let bytes: usize = infos(&out).iter().map(|tensor| tensor.bytes).sum();
    assert_eq!(converted.bytes, bytes as u64);
}

#[test]
fn tensors_that_would_get_the_same_name_are_refused() {
    let copy = TempCheckpoint::new("custom_voice_0b6");
    let path = copy.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + len]).unwrap();
    // Another tensor takes the name that the scales of the head get.
    let scales = header.replace("\"talker.model.norm.weight\"", "\"talker.codec_head.scales\"");
    assert_ne!(scales, header);
    let len = (scales.len() as u64).to_le_bytes();
    fs::write(&path, [&len[..], scales.as_bytes(), &bytes[8 + header.len()..]].concat()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let error = convert(copy.path(), &out, &quantized(8, 64)).unwrap_err();
    assert!(matches!(&error, Error::Malformed { path: file, .. } if *file == path));
    assert!(error.to_string().contains("second tensor `talker.codec_head.scales`"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    // Without quantisation the name is free.
    convert(copy.path(), &out, &ConvertOptions::default()).unwrap();
}
