//! All devices give the same results.

mod support;

use std::path::{Path, PathBuf};

use qwen3_tts_talker::{Device, Ids, Precision, Talker, Tensor};
use qwen3_tts_testkit::{Golden, checkpoint, cloning_goldens, relative_error, speech_goldens};
use support::Case;

const FRAMES: usize = 100;

/// Loads the request of a golden, with a model that cannot end the speech.
fn endless(name: &str, device: &Device) -> Case {
    let golden = Golden::load(name);
    let dir = checkpoint(golden.string("checkpoint"));
    Case::of(golden, &dir, device, |config| config.talker_config.codec_eos_token_id = u32::MAX)
}

/// The goldens' frames are far from a tie. Here are more frames, which are equal on every
/// instruction set tested so far; a code that differs may be a near tie on a machine that rounds
/// differently.
#[test]
fn a_hundred_greedy_frames_of_every_golden_are_the_same_on_every_device() {
    let goldens = [speech_goldens(), cloning_goldens()].concat();
    let frames = |name: &str, device: &Device| -> Vec<Vec<u32>> {
        let case = endless(name, device);
        let params = case.params.max_frames(FRAMES);
        let mut generation = case.talker.start(&case.prompt, &params).unwrap();
        std::iter::from_fn(|| case.talker.next_frame(&mut generation).unwrap()).collect()
    };
    let others = Device::all().split_off(1);
    for name in goldens.iter().filter(|_| !others.is_empty()) {
        let expected = frames(name, &Device::cpu(1));
        assert_eq!(expected.len(), FRAMES, "{name}");
        for device in &others {
            assert_eq!(frames(name, device), expected, "{name} on {}", device.name());
        }
    }
}

/// Teacher-forced logits of talker and code predictor.
struct Logits {
    talker: Vec<f32>,
    code_predictor: Vec<f32>,
}

fn logits(case: &Case) -> Logits {
    let Case { talker, device, .. } = case;
    let prompt = talker.embed_prompt(&case.prompt).unwrap();
    let mut state = talker.new_state();
    let mut hidden = talker.step(&prompt.prefill, &mut state).last_step();
    let mut logits = Logits { talker: talker.logits(&hidden).to_vec(), code_predictor: vec![] };
    for codes in case.codes() {
        let ids: Vec<Ids> = codes.iter().map(|code| Ids::new(&[*code], device)).collect();
        let code_0 = talker.codec_embedding().forward(&ids[0]);
        let predicted = talker.code_predictor().logits(&hidden, &code_0, &ids[1..]).unwrap();
        logits.code_predictor.extend(predicted.iter().flat_map(Tensor::to_vec));
        let input = frame_input(talker, code_0, &ids).add(&prompt.trailing_text);
        hidden = talker.step(&input, &mut state);
        logits.talker.extend(talker.logits(&hidden).to_vec());
    }
    logits
}

/// The sum of a frame's embeddings.
fn frame_input(talker: &Talker, code_0: Tensor, ids: &[Ids]) -> Tensor {
    let rest = ids.iter().enumerate().skip(1);
    rest.fold(code_0, |sum, (group, id)| sum.add(&talker.code_predictor().embed(group, id)))
}

/// Compares bf16 with mlx-audio's, with the same weights. Both differ from float32 by independent
/// rounding, so both should be about equally far from float32. A part in another type, or with an
/// extra rounding, would change the ratio; a wrong one would be far from both.
fn assert_bf16_is_as_good_as_that_of_mlx_audio(golden: &str, dir: &Path) {
    let Ok(device) = Device::mlx_in(Precision::Checkpoint) else { return };
    let case = |device: &Device| Case::of(Golden::load(golden), dir, device, |_| ());
    let exact = logits(&case(&Device::default_cpu()));
    let ours = logits(&case(&device));
    let theirs = Golden::load(golden);
    for (what, exact, ours, name) in [
        ("talker", exact.talker, ours.talker, "talker_logits"),
        ("code predictor", exact.code_predictor, ours.code_predictor, "code_predictor_logits"),
    ] {
        let theirs = theirs.f32(name).1;
        let (our_error, their_error) =
            (relative_error(&ours, &exact), relative_error(&theirs, &exact));
        let between = relative_error(&ours, &theirs);
        println!("{golden}, {what}: {our_error:.5}, mlx-audio {their_error:.5}, {between:.5}");
        assert!(ours != exact, "{what}: bf16 is not float32");
        assert!(our_error < 1.25 * their_error, "{what}: {our_error} and {their_error}");
        assert!(between < 2.0 * their_error, "{what}: {between} and {their_error}");
    }
}

#[test]
fn bf16_logits_are_as_near_to_float32_as_those_of_mlx_audio() {
    for name in ["custom_voice_0b6", "custom_voice_1b7"] {
        assert_bf16_is_as_good_as_that_of_mlx_audio(&format!("bf16/{name}"), &checkpoint(name));
    }
    // A full-size checkpoint, and the golden that `goldens_bf16.py` made of it, as `folder/name`.
    if let Some(dir) = std::env::var_os("QWEN3_TTS_BF16_CHECKPOINT").map(PathBuf::from) {
        let golden = std::env::var("QWEN3_TTS_BF16_GOLDEN").unwrap();
        assert_bf16_is_as_good_as_that_of_mlx_audio(&golden, &dir);
    }
}

/// Values from the host, such as a speaker embedding, do not widen what follows.
#[test]
fn every_prompt_stays_in_bf16() {
    let Ok(device) = Device::mlx_in(Precision::Checkpoint) else { return };
    let is_bf16 = |x: &f32| x.to_bits() & 0xffff == 0;
    for name in [speech_goldens(), cloning_goldens()].concat() {
        let Case { talker, prompt, .. } = Case::load(&name, &device);
        let prompt = talker.embed_prompt(&prompt).unwrap();
        let hidden = talker.step(&prompt.prefill, &mut talker.new_state()).last_step();
        let logits = talker.logits(&hidden.add(&prompt.trailing_text.time_step(0)));
        assert!(logits.to_finite_vec("logits").unwrap().iter().all(is_bf16), "{name}");
    }
}
