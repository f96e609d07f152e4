//! Requests: what they may contain, and the errors of those that are refused.

mod support;

use qwen3_tts_talker::{
    Device, Error, Generation, GenerationConfig, GenerationParams, ModelConfig, NnError, Prompt,
    PromptEmbeddings, Reference, Sampling, SamplingParams, Speaker, Talker, TextMode, Weights,
};
use qwen3_tts_testkit::{
    Damage, Golden, TempCheckpoint, assert_close, checkpoint, largest_difference,
};
use support::sampled;

fn talker(change: impl FnOnce(&mut ModelConfig)) -> Talker {
    let dir = checkpoint("custom_voice_0b6");
    let mut config = ModelConfig::from_file(dir.join("config.json")).unwrap();
    change(&mut config);
    Talker::load(&config, &Weights::open(&dir).unwrap(), &Device::cpu(1)).unwrap()
}

fn prompt(text_mode: TextMode) -> Prompt {
    let (_, input_ids) = Golden::load("speech/streaming_english").u32("input_ids");
    Prompt::new(input_ids).text_mode(text_mode)
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
    let other = frames(&talker, &prompt, &params(12).seed(8));
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
        let params = params(40).seed(seed);
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
    let reference = Reference::new(vec![1; 9], vec![frame; 3]);
    for bits in 0..16 {
        let has = |bit: u32| bits >> bit & 1 == 1;
        for text_mode in [TextMode::NonStreaming, TextMode::Streaming] {
            let prompt = prompt(text_mode)
                .instruct_ids(has(0).then(|| vec![1; 6]))
                .speaker(has(1).then_some(Speaker::Preset(1)))
                .reference(has(2).then(|| reference.clone()))
                .language(has(3).then_some(1));
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
    let speaker = good.clone().speaker(Speaker::Preset(1 << 20));
    let language = good.clone().language(1 << 20);
    let instruct = good.instruct_ids(vec![u32::MAX]);
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
    let empty = prompt(TextMode::Streaming).instruct_ids(Vec::new());
    assert!(talker.start(&empty, &params(5)).is_err());
}

#[test]
fn invalid_sampling_is_refused_by_name() {
    let talker = talker(|_| ());
    let base = params(5).talker;
    for (sampling, name) in [
        (base.temperature(0.0), "temperature"),
        (base.temperature(f32::NAN), "temperature"),
        (base.temperature(1e-38), "temperature must be a number of at least 0.001"),
        (base.temperature(f32::from_bits(1)), "temperature"),
        (base.temperature(f32::INFINITY), "temperature"),
        (base.top_p(0.0), "top-p"),
        (base.top_p(1.5), "top-p"),
        (base.repetition_penalty(-1.0), "repetition penalty"),
        (base.repetition_penalty(1e-38), "repetition penalty must be from 0.001 to 1000"),
        (base.repetition_penalty(1e38), "repetition penalty"),
        (base.repetition_penalty(f32::NAN), "repetition penalty"),
    ] {
        let (mut talker_params, mut subtalker_params) = (params(5), params(5));
        talker_params.talker = sampling;
        subtalker_params.subtalker = sampling;
        for (params, part) in [(talker_params, "talker"), (subtalker_params, "subtalker")] {
            let error = talker.start(&prompt(TextMode::NonStreaming), &params).err().unwrap();
            let message = error.to_string();
            assert!(message.starts_with(part) && message.contains(name), "{message}");
        }
    }
    assert!(talker.start(&prompt(TextMode::NonStreaming), &params(0)).is_err());
}

#[test]
fn extreme_sampling_gives_codes() {
    let talker = talker(|_| ());
    let base = params(5).talker;
    let spoken = |sampling| {
        let mut params = params(5);
        (params.talker, params.subtalker) = (sampling, sampling);
        frames(&talker, &prompt(TextMode::NonStreaming), &params)
    };
    for sampling in [
        base.temperature(SamplingParams::MIN_TEMPERATURE),
        base.temperature(f32::MAX),
        base.repetition_penalty(*SamplingParams::PENALTIES.start()),
        base.repetition_penalty(*SamplingParams::PENALTIES.end()),
        base.top_k(usize::MAX),
    ] {
        assert!(!spoken(sampling).is_empty(), "{sampling:?}");
    }
    let greedy = spoken(base.do_sample(false));
    for sampling in [base.top_p(1e-38), base.top_p(f32::from_bits(1)), base.top_k(1)] {
        assert_eq!(spoken(sampling), greedy, "{sampling:?}");
    }
}

#[test]
fn changes_to_the_sampling_replace_the_published_values() {
    let published = GenerationConfig::default();
    let params = GenerationParams::new(&published, &Sampling::default());
    let sampled = SamplingParams::GREEDY
        .do_sample(true)
        .temperature(0.9)
        .top_k(50)
        .top_p(1.0)
        .repetition_penalty(1.05);
    assert_eq!(params.talker, sampled);
    assert_eq!(params.subtalker, sampled.repetition_penalty(1.0));
    assert_eq!((params.max_frames, params.seed), (2047, 0));

    let mut changes = Sampling::greedy();
    changes.temperature = Some(0.5);
    changes.top_k = Some(7);
    changes.top_p = Some(0.25);
    changes.repetition_penalty = Some(1.5);
    changes.subtalker_temperature = Some(0.75);
    changes.subtalker_top_k = Some(9);
    changes.subtalker_top_p = Some(0.125);
    let params = GenerationParams::new(&published, &changes);
    let talker = SamplingParams::GREEDY
        .do_sample(false)
        .temperature(0.5)
        .top_k(7)
        .top_p(0.25)
        .repetition_penalty(1.5);
    let subtalker = SamplingParams::GREEDY
        .do_sample(false)
        .temperature(0.75)
        .top_k(9)
        .top_p(0.125)
        .repetition_penalty(1.0);
    assert_eq!((params.talker, params.subtalker), (talker, subtalker));
}

#[test]
fn unknown_tensors_are_refused() {
    let load = |name: &str, damage: &Damage| {
        let copy = TempCheckpoint::new(name);
        copy.damage("model.safetensors", damage);
        let config = ModelConfig::from_file(copy.file("config.json")).unwrap();
        Talker::load(&config, &Weights::open(copy.path()).unwrap(), &Device::cpu(1))
    };
    // The tensor's bytes become those of a tensor called `unused`.
    let dropped = Damage::DropTensor("speaker_encoder.fc.bias".to_owned());
    let error = load("base_0b6", &dropped).err().unwrap();
    let Error::Nn(NnError::UnknownTensors { name, count: 1, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!(name, "unused");
}

/// Fails to compile unless the types can be sent, and without MLX shared, between threads.
#[test]
fn one_talker_serves_several_threads() {
    fn is_sent<T: Send + 'static>() {}
    is_sent::<Talker>();
    is_sent::<Generation>();
    is_sent::<Prompt>();
    is_sent::<PromptEmbeddings>();
    is_sent::<GenerationParams>();
    is_sent::<Error>();
    #[cfg(not(feature = "mlx"))]
    {
        fn is_shared<T: Sync>() {}
        is_shared::<Talker>();
        is_shared::<Generation>();
        is_shared::<Error>();
        let talker = std::sync::Arc::new(talker(|_| ()));
        let prompt = prompt(TextMode::Streaming);
        let alone: Vec<_> =
            (0..3).map(|seed| frames(&talker, &prompt, &params(12).seed(seed))).collect();
        let threads: Vec<_> = (0..3)
            .map(|seed| {
                let (talker, prompt) = (std::sync::Arc::clone(&talker), prompt.clone());
                std::thread::spawn(move || frames(&talker, &prompt, &params(12).seed(seed)))
            })
            .collect();
        let together: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(together, alone);
    }
}

/// The rows of the codec embedding are read from the checkpoint's file and mixed in float64.
#[test]
fn a_blend_is_the_weighted_sum_of_its_speakers() {
    let talker = talker(|_| ());
    let weights = Weights::open(checkpoint("custom_voice_0b6")).unwrap();
    let (rows, width) = (talker.config().vocab_size, talker.config().hidden_size);
    let table = weights.to_vec("talker.model.codec_embedding.weight", &[rows, width]).unwrap();
    let parts = [(1077, 0.7), (1081, 0.2), (891, 0.1)];
    let mixed = (0..width).map(|column| {
        let value = |(id, weight): (usize, f64)| weight * f64::from(table[id * width + column]);
        parts.map(value).iter().sum::<f64>() as f32
    });
    let mixed = Speaker::Embedding(mixed.collect());
    let blend = Speaker::Blend(parts.map(|(id, weight)| (id as u32, weight as f32)).to_vec());
    let prefill = |speaker: Speaker| {
        let prompt = prompt(TextMode::NonStreaming).speaker(speaker);
        talker.embed_prompt(&prompt).unwrap().prefill.to_vec()
    };
    let (found, expected) = (prefill(blend.clone()), prefill(mixed));
    assert_close(&found, &expected, 1e-6);
    // Each speaker has a part in it.
    for (id, _) in parts {
        let alone = prefill(Speaker::Preset(id as u32));
        assert!(largest_difference(&found, &alone).is_some_and(|worst| worst.absolute > 1e-3));
        assert!(alone == prefill(Speaker::Blend(vec![(id as u32, 1.0)])), "bit for bit");
    }
    let codes = frames(&talker, &prompt(TextMode::NonStreaming).speaker(blend), &params(6));
    assert_eq!(codes.len(), 6);
}

#[test]
fn invalid_blends_are_refused_by_name() {
    let talker = talker(|_| ());
    let refused = |parts: &[(u32, f32)]| {
        let prompt = prompt(TextMode::NonStreaming).speaker(Speaker::Blend(parts.to_vec()));
        talker.start(&prompt, &params(5)).err().unwrap()
    };
    assert!(matches!(refused(&[]), Error::EmptyBlend));
    assert!(matches!(refused(&[(1, 1.0), (1 << 20, 1.0)]), Error::IdOutOfRange { .. }));
    let error = refused(&[(1, 0.5), (2, f32::NAN)]);
    assert!(matches!(error, Error::NonFiniteWeight { id: 2, .. }), "{error}");
}
