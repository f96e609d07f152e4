//! The talker compared with the official package in float32, stage by stage, on every device.

mod support;

use qwen3_tts_talker::{Device, Ids, Tensor};
use qwen3_tts_testkit::{assert_close, speech_goldens};
use support::{Case, for_all};

#[test]
fn prompt_embeddings_are_the_official_ones() {
    for_all(&speech_goldens(), Case::assert_prompt_embeddings);
}

#[test]
fn teacher_forced_hidden_states_and_logits_are_the_official_ones() {
    for_all(&speech_goldens(), |case| {
        let mut state = case.talker.new_state();
        let prefill = case.talker.step(&case.rows("talker_input_embeds"), &mut state).last_step();
        let steps = case.talker.step(&case.rows("talker_step_embeds"), &mut state);
        let hidden = Tensor::cat(&[&prefill, &steps], 1);
        let (_, expected) = case.golden.f32("talker_hidden");
        assert_close(&hidden.to_vec(), &expected, case.tolerance(5e-5));

        let logits = case.talker.logits(&hidden);
        let (shape, expected) = case.golden.f32("talker_logits");
        let stride = case.golden.number("talker_logits_stride");
        for (i, expected) in expected.chunks_exact(shape[1]).enumerate() {
            let logits = logits.narrow(1, i * stride, 1).to_vec();
            assert_close(&logits, expected, case.tolerance(2e-4));
        }
    });
}

#[test]
fn teacher_forced_code_predictor_logits_are_the_official_ones() {
    for_all(&speech_goldens(), |case| {
        let hidden = case.rows("talker_hidden");
        let (shape, expected) = case.golden.f32("code_predictor_logits");
        let (groups, vocab) = (shape[1], shape[2]);
        for (frame, codes) in case.codes().iter().take(shape[0]).enumerate() {
            let ids: Vec<Ids> = codes.iter().map(|code| Ids::new(&[*code], &case.device)).collect();
            let code_0 = case.talker.codec_embedding().forward(&ids[0]);
            let hidden = hidden.narrow(1, frame, 1);
            let logits = case.talker.code_predictor().logits(&hidden, &code_0, &ids[1..]).unwrap();
            assert_eq!(logits.len(), groups);
            for (group, logits) in logits.iter().enumerate() {
                let at = (frame * groups + group) * vocab;
                assert_close(&logits.to_vec(), &expected[at..at + vocab], 2e-4);
            }
        }
    });
}

#[test]
fn free_running_greedy_codes_are_the_official_ones_in_all_codebooks() {
    for_all(&speech_goldens(), Case::assert_greedy_codes);
}

#[test]
fn a_talker_runs_on_whatever_thread_loaded_it() {
    for device in Device::all() {
        let run = move || Case::load("speech/streaming_english", &device).assert_greedy_codes();
        std::thread::spawn(run).join().expect("the other thread");
    }
}

#[test]
fn a_talker_on_the_cpu_can_be_loaded_here_and_run_there() {
    let case = Case::load("speech/streaming_english", &Device::cpu(1));
    let run = move || case.assert_greedy_codes();
    std::thread::spawn(run).join().expect("the other thread");
}
