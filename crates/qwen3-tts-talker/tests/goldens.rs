//! The talker against the official package in float32, stage by stage, on every device.

use qwen3_tts_config::{GenerationConfig, ModelConfig};
use qwen3_tts_nn::{Device, Ids, Tensor, Weights};
use qwen3_tts_talker::{
    GenerationParams, Prompt, SamplingParams, Speaker, StopReason, Talker, TextMode,
};
use qwen3_tts_testkit::{Golden, assert_close, checkpoint, speech_goldens};

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
        let talker = Talker::load(&config, &weights, device).unwrap();
        let speaker = golden.optional_string("speaker");
        let ids = |key: &str| golden.has(key).then(|| golden.u32(key).1);
        let prompt = Prompt {
            input_ids: ids("input_ids").unwrap(),
            instruct_ids: ids("instruct_ids"),
            speaker: speaker.map(|name| Speaker::Preset(config.speaker(name).unwrap().id)),
            reference: None,
            language: config.language_token(golden.string("language"), speaker).unwrap(),
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
        Self { golden, talker, prompt, params, device: device.clone() }
    }

    fn codes(&self) -> Vec<Vec<u32>> {
        let (shape, codes) = self.golden.u32("codes");
        codes.chunks_exact(shape[1]).map(<[u32]>::to_vec).collect()
    }

    fn rows(&self, name: &str) -> Tensor {
        let (shape, values) = self.golden.f32(name);
        Tensor::from_vec(values, &[1, shape[0], shape[1]], &self.device)
    }
}

fn for_all(check: impl Fn(&Case)) {
    let names = speech_goldens();
    assert!(names.len() >= 12, "found {} goldens", names.len());
    for device in Device::all() {
        for name in &names {
            println!("{name} on {}", device.name());
            check(&Case::load(name, &device));
        }
    }
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
fn teacher_forced_hidden_states_and_logits_are_the_official_ones() {
    for_all(|case| {
        let mut state = case.talker.new_state();
        let prefill = case.talker.step(&case.rows("talker_input_embeds"), &mut state).last_step();
        let steps = case.talker.step(&case.rows("talker_step_embeds"), &mut state);
        let hidden = Tensor::cat(&[&prefill, &steps], 1);
        let (_, expected) = case.golden.f32("talker_hidden");
        assert_close(&hidden.to_vec(), &expected, 5e-5);

        let logits = case.talker.logits(&hidden);
        let (shape, expected) = case.golden.f32("talker_logits");
        let stride = case.golden.number("talker_logits_stride");
        for (i, expected) in expected.chunks_exact(shape[1]).enumerate() {
            assert_close(&logits.narrow(1, i * stride, 1).to_vec(), expected, 2e-4);
        }
    });
}

#[test]
fn teacher_forced_code_predictor_logits_are_the_official_ones() {
    for_all(|case| {
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
    for_all(|case| {
        let mut generation = case.talker.start(&case.prompt, &case.params).unwrap();
        for (frame, expected) in case.codes().iter().enumerate() {
            let codes = case.talker.next_frame(&mut generation).unwrap();
            assert_eq!(codes.as_ref(), Some(expected), "frame {frame}");
        }
        assert_eq!(case.talker.next_frame(&mut generation).unwrap(), None);
        let stop = match case.golden.string("stop_reason") {
            "eos" => StopReason::Eos,
            "max_frames" => StopReason::MaxFrames,
            other => panic!("stop reason {other}"),
        };
        assert_eq!(generation.stop_reason(), Some(stop));
        assert_eq!(case.talker.next_frame(&mut generation).unwrap(), None, "it stays ended");
    });
}

#[test]
fn a_talker_can_be_loaded_here_and_run_there() {
    for device in Device::all() {
        let case = Case::load("speech/streaming_english", &device);
        let expected = case.codes();
        let Case { talker, prompt, params, .. } = case;
        let run = move || -> Vec<Vec<u32>> {
            let mut generation = talker.start(&prompt, &params).unwrap();
            std::iter::from_fn(|| talker.next_frame(&mut generation).unwrap()).collect()
        };
        assert_eq!(std::thread::spawn(run).join().expect("the other thread"), expected);
    }
}
