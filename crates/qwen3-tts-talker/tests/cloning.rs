//! Cloning compared with the official package in float32, on every device: the prompt of every
//! layout, and the codes.
//!
//! The speaker embedding and the codes of the reference recording are those of the golden.

mod support;

use std::collections::BTreeSet;

use qwen3_tts_talker::{Device, Prompt, Speaker, TextMode};
use qwen3_tts_testkit::{assert_close, cloning_goldens};
use support::{Case, for_all};

/// The layout of a prompt depends on the sizes, on speaker embedding or recording, text mode and
/// language, and on the side of the recording's codes on which a streamed text ends.
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
    for_all(&cloning_goldens(), Case::assert_prompt_embeddings);
}

#[test]
fn first_logits_after_the_official_prompt_are_the_official_ones() {
    for_all(&cloning_goldens(), |case| {
        let prefill = case.rows("talker_input_embeds");
        let hidden = case.talker.step(&prefill, &mut case.talker.new_state()).last_step();
        let (shape, expected) = case.golden.f32("talker_logits");
        let logits = case.talker.logits(&hidden).to_vec();
        assert_close(&logits, &expected[..shape[1]], case.tolerance(2e-4));
    });
}

#[test]
fn free_running_greedy_codes_are_the_official_ones_in_all_codebooks() {
    for_all(&cloning_goldens(), Case::assert_greedy_codes);
}

/// Codes that do not depend on the voice would prove nothing about it.
#[test]
fn another_speaker_or_other_reference_codes_give_other_codes() {
    let case = Case::load("cloning/icl_longer_text", &Device::cpu(2));
    let expected = case.codes();
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
