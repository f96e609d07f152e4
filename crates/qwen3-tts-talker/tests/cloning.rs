//! Cloning against the official package in float32, on every device: the prompt of every layout,
//! and the codes.
//!
//! The speaker embedding and the codes of the reference recording are the golden's own.

use std::collections::BTreeSet;

use qwen3_tts_config::{GenerationConfig, ModelConfig};
use qwen3_tts_nn::{Device, Tensor, Weights};
use qwen3_tts_talker::{
    GenerationParams, Prompt, Reference, SamplingParams, Speaker, StopReason, Talker, TextMode,
};
use qwen3_tts_testkit::{Golden, assert_close, checkpoint, cloning_goldens};

struct Case {
    golden: Golden,
    talker: Talker,
    prompt: Prompt,
    params: GenerationParams,
    device: Device,
}

impl Case {
    fn load(name: &str, device: &Device) -> Self {
        let golden = Golden::load(name);
        let dir = checkpoint(golden.string("checkpoint"));
        let config = ModelConfig::from_file(dir.join("config.json")).unwrap();
        let generation = GenerationConfig::from_file(dir.join("generation_config.json")).unwrap();
        let weights = Weights::open(&dir).unwrap();
        let prompt = Prompt {
            input_ids: golden.u32("input_ids").1,
            instruct_ids: None,
            speaker: Some(Speaker::Embedding(golden.f32("speaker_embedding").1)),
            reference: golden.has("reference_codes").then(|| Reference {
                text_ids: golden.u32("reference_ids").1,
                frames: frames(&golden, "reference_codes"),
            }),
            language: config.language_token(golden.string("language"), None).unwrap(),
            text_mode: match golden.flag("non_streaming_text") {
                true => TextMode::NonStreaming,
                false => TextMode::Streaming,
            },
        };
        let params = GenerationParams {
            talker: SamplingParams {
                repetition_penalty: generation.repetition_penalty,
                ..SamplingParams::GREEDY
            },
            subtalker: SamplingParams::GREEDY,
            max_frames: golden.number("max_frames"),
            seed: 0,
        };
        let talker = Talker::load(&config, &weights, device).unwrap();
        Self { golden, talker, prompt, params, device: device.clone() }
    }
}

fn frames(golden: &Golden, name: &str) -> Vec<Vec<u32>> {
    let (shape, codes) = golden.u32(name);
    codes.chunks_exact(shape[1]).map(<[u32]>::to_vec).collect()
}

fn for_all(check: impl Fn(&Case)) {
    for device in Device::all() {
        for name in cloning_goldens() {
            println!("{name} on {}", device.name());
            check(&Case::load(&name, &device));
        }
    }
}

/// What decides the layout of a prompt: sizes, speaker vector or recording, mode, language, and
/// on which side of the recording's codes a streamed text ends.
#[test]
fn the_goldens_cover_every_layout() {
    let mut layouts = BTreeSet::new();
    let mut overhangs = BTreeSet::new();
    for name in cloning_goldens() {
        let Case { golden, prompt, .. } = Case::load(&name, &Device::cpu(1));
        let streaming = prompt.text_mode == TextMode::Streaming;
        let model = golden.string("checkpoint").to_owned();
        layouts.insert((model, prompt.reference.is_some(), streaming));
        layouts.insert((format!("auto {}", prompt.language.is_none()), false, streaming));
        if let Some(reference) = prompt.reference.filter(|_| streaming) {
            let n_text = reference.transcript_ids().len() + golden.u32("input_ids").1.len() - 8;
            overhangs.insert((n_text as i64 - reference.frames.len() as i64).clamp(-1, 2));
        }
    }
    assert_eq!(layouts.len(), 2 * 2 * 2 + 2 * 2);
    assert_eq!(overhangs, BTreeSet::from([-1, 0, 1, 2]));
}

#[test]
fn prompt_embeddings_are_the_official_ones() {
    for_all(|case| {
        let embeddings = case.talker.embed_prompt(&case.prompt).unwrap();
        for (actual, name) in [
            (embeddings.prefill, "talker_input_embeds"),
            (embeddings.trailing_text, "trailing_text_hidden"),
        ] {
            let (shape, expected) = case.golden.f32(name);
            assert_eq!(actual.shape().dims()[1..], shape, "{name}");
            assert_close(&actual.to_vec(), &expected, 2e-5);
        }
    });
}

#[test]
fn first_logits_after_the_official_prompt_are_the_official_ones() {
    for_all(|case| {
        let (shape, values) = case.golden.f32("talker_input_embeds");
        let prefill = Tensor::from_vec(values, &[1, shape[0], shape[1]], &case.device);
        let hidden = case.talker.step(&prefill, &mut case.talker.new_state()).last_step();
        let (shape, expected) = case.golden.f32("talker_logits");
        assert_close(&case.talker.logits(&hidden).to_vec(), &expected[..shape[1]], 2e-4);
    });
}

#[test]
fn free_running_greedy_codes_are_the_official_ones_in_all_codebooks() {
    for_all(|case| {
        let mut generation = case.talker.start(&case.prompt, &case.params).unwrap();
        for (frame, expected) in frames(&case.golden, "codes").iter().enumerate() {
            let codes = case.talker.next_frame(&mut generation).unwrap();
            assert_eq!(codes.as_ref(), Some(expected), "frame {frame}");
        }
        assert_eq!(case.talker.next_frame(&mut generation).unwrap(), None);
        assert_eq!(generation.stop_reason(), Some(StopReason::MaxFrames));
    });
}

/// Codes that did not depend on the voice would prove nothing about it.
#[test]
fn another_speaker_or_other_reference_codes_give_other_codes() {
    let case = Case::load("cloning/icl_longer_text", &Device::cpu(2));
    let expected = frames(&case.golden, "codes");
    let codes = |prompt: &Prompt| -> Vec<Vec<u32>> {
        let mut generation = case.talker.start(prompt, &case.params).unwrap();
        std::iter::from_fn(|| case.talker.next_frame(&mut generation).unwrap()).collect()
    };
    assert_eq!(codes(&case.prompt), expected);

    let mut other = case.prompt.clone();
    let Some(Speaker::Embedding(values)) = &mut other.speaker else { panic!("a vector") };
    values.rotate_left(1);
    assert_ne!(codes(&other), expected);

    let mut other = case.prompt.clone();
    other.reference.as_mut().unwrap().frames.reverse();
    assert_ne!(codes(&other), expected);
}
