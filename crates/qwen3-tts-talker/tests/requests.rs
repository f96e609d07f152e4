//! What a request may ask, and what it is told when it asks too much.

mod support;

use qwen3_tts_config::ModelConfig;
use qwen3_tts_nn::{Device, Weights};
use qwen3_tts_talker::{
    Error, GenerationParams, Prompt, Reference, SamplingParams, Speaker, Talker, TextMode,
};
use qwen3_tts_testkit::{Golden, checkpoint};
use support::sampled;

fn talker(change: impl FnOnce(&mut ModelConfig)) -> Talker {
    let dir = checkpoint("custom_voice_0b6");
    let mut config = ModelConfig::from_file(dir.join("config.json")).unwrap();
    change(&mut config);
    Talker::load(&config, &Weights::open(&dir).unwrap(), &Device::cpu(1)).unwrap()
}

fn prompt(text_mode: TextMode) -> Prompt {
    Prompt {
        input_ids: Golden::load("speech/streaming_english").u32("input_ids").1,
        instruct_ids: None,
        speaker: None,
        reference: None,
        language: None,
        text_mode,
    }
}

fn params(max_frames: usize) -> GenerationParams {
    sampled(max_frames, 7)
}

fn frames(talker: &Talker, prompt: &Prompt, params: &GenerationParams) -> Vec<Vec<u32>> {
    let mut generation = talker.start(prompt, params).unwrap();
    std::iter::from_fn(|| talker.next_frame(&mut generation).unwrap()).collect()
}

#[test]
fn a_seed_gives_the_same_frames_whatever_ran_before() {
    let talker = talker(|_| ());
    let prompt = prompt(TextMode::NonStreaming);
    let first = frames(&talker, &prompt, &params(12));
    let other = frames(&talker, &prompt, &GenerationParams { seed: 8, ..params(12) });
    assert_eq!(first.len(), 12);
    assert_ne!(first, other);
    assert_eq!(first, frames(&talker, &prompt, &params(12)));
}

#[test]
fn generations_in_turn_do_not_disturb_each_other() {
    let talker = talker(|_| ());
    let prompts = [prompt(TextMode::NonStreaming), prompt(TextMode::Streaming)];
    let alone: Vec<_> = prompts.iter().map(|p| frames(&talker, p, &params(30))).collect();
    let mut generations = prompts.map(|p| talker.start(&p, &params(30)).unwrap());
    let mut together = vec![Vec::new(), Vec::new()];
    for _ in 0..30 {
        for (generation, frames) in generations.iter_mut().zip(&mut together) {
            frames.extend(talker.next_frame(generation).unwrap());
        }
    }
    assert_eq!(alone, together);
}

#[test]
fn only_codes_are_ever_chosen() {
    let talker = talker(|_| ());
    let n_codes = talker.config().vocab_size as u32 - 1024;
    for seed in 0..5 {
        let params = GenerationParams { seed, ..params(40) };
        for frame in frames(&talker, &prompt(TextMode::NonStreaming), &params) {
            assert!(frame[0] < n_codes, "{frame:?}");
        }
    }
}

#[test]
fn a_text_longer_than_the_model_is_refused_in_both_text_modes() {
    let talker = talker(|config| config.talker_config.max_position_embeddings = 20);
    for text_mode in [TextMode::NonStreaming, TextMode::Streaming] {
        let error = talker.start(&prompt(text_mode), &params(5)).err().unwrap();
        assert!(matches!(error, Error::TextTooLong { limit: 20, .. }), "{error}");
    }
}

#[test]
fn frames_end_where_the_positions_end() {
    let prompt = prompt(TextMode::NonStreaming);
    let positions = talker(|_| ()).start(&prompt, &params(1)).unwrap().prompt_positions();
    let talker = talker(|config| config.talker_config.max_position_embeddings = positions + 3);
    assert_eq!(frames(&talker, &prompt, &params(100)).len(), 3);
}

#[test]
fn a_prompt_takes_the_positions_that_it_counts() {
    let talker = talker(|_| ());
    let frame = vec![0; talker.config().num_code_groups];
    let reference = Reference { text_ids: vec![1; 9], frames: vec![frame; 3] };
    for bits in 0..16 {
        let has = |bit: u32| bits >> bit & 1 == 1;
        for text_mode in [TextMode::NonStreaming, TextMode::Streaming] {
            let prompt = Prompt {
                instruct_ids: has(0).then(|| vec![1; 6]),
                speaker: has(1).then_some(Speaker::Preset(1)),
                reference: has(2).then(|| reference.clone()),
                language: has(3).then_some(1),
                ..prompt(text_mode)
            };
            let generation = talker.start(&prompt, &params(1)).unwrap();
            assert_eq!(generation.prompt_positions(), prompt.positions(), "{prompt:?}");
        }
    }
}

#[test]
fn ids_outside_the_vocabulary_are_refused_by_name() {
    let talker = talker(|_| ());
    let good = prompt(TextMode::NonStreaming);
    let mut text = good.clone();
    text.input_ids[4] = u32::MAX;
    let speaker = Prompt { speaker: Some(Speaker::Preset(1 << 20)), ..good.clone() };
    let language = Prompt { language: Some(1 << 20), ..good.clone() };
    let instruct = Prompt { instruct_ids: Some(vec![u32::MAX]), ..good };
    for (prompt, name) in
        [(text, "text"), (speaker, "speaker"), (language, "language"), (instruct, "instruct")]
    {
        let message = talker.start(&prompt, &params(5)).err().unwrap().to_string();
        assert!(message.starts_with(name), "{message}");
    }
}

#[test]
fn prompts_without_text_are_refused() {
    let talker = talker(|_| ());
    for n in 0..9 {
        let mut prompt = prompt(TextMode::Streaming);
        prompt.input_ids.truncate(n);
        let error = talker.start(&prompt, &params(5)).err().unwrap();
        assert!(matches!(error, Error::TooShort { expected: 9, .. }), "{error}");
    }
    let empty = Prompt { instruct_ids: Some(vec![]), ..prompt(TextMode::Streaming) };
    assert!(talker.start(&empty, &params(5)).is_err());
}

#[test]
fn senseless_sampling_is_refused_by_name() {
    let talker = talker(|_| ());
    let base = params(5).talker;
    for (sampling, name) in [
        (SamplingParams { temperature: 0.0, ..base }, "temperature"),
        (SamplingParams { temperature: f32::NAN, ..base }, "temperature"),
        (SamplingParams { top_p: 0.0, ..base }, "top-p"),
        (SamplingParams { top_p: 1.5, ..base }, "top-p"),
        (SamplingParams { repetition_penalty: -1.0, ..base }, "repetition penalty"),
    ] {
        for (params, who) in [
            (GenerationParams { talker: sampling, ..params(5) }, "talker"),
            (GenerationParams { subtalker: sampling, ..params(5) }, "subtalker"),
        ] {
            let error = talker.start(&prompt(TextMode::NonStreaming), &params).err().unwrap();
            let message = error.to_string();
            assert!(message.starts_with(who) && message.contains(name), "{message}");
        }
    }
    assert!(talker.start(&prompt(TextMode::NonStreaming), &params(0)).is_err());
}
