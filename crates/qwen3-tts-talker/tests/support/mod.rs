//! A golden as a request to the talker, and the assertions for all of them.

// Each test file uses a part of this.
#![allow(dead_code)]

use std::path::Path;

use qwen3_tts_talker::{
    Device, GenerationConfig, GenerationParams, KvType, ModelConfig, Prompt, Reference, Sampling,
    Speaker, StopReason, Talker, Tensor, TextMode, Weights,
};
use qwen3_tts_testkit::{Golden, assert_close, checkpoint};

/// A golden, the talker of its checkpoint, and its request. The speaker embedding and the codes of
/// a reference recording are the golden's own.
pub struct Case {
    pub golden: Golden,
    pub talker: Talker,
    pub prompt: Prompt,
    pub params: GenerationParams,
    pub device: Device,
    kv_type: KvType,
}

impl Case {
    pub fn load(name: &str, device: &Device) -> Self {
        let golden = Golden::load(name);
        let dir = checkpoint(golden.string("checkpoint"));
        Self::of(golden, &dir, device, |_| ())
    }

    /// Returns the case with another data type of cached keys and values.
    fn with_kv_type(self, kv_type: KvType) -> Self {
        Self { talker: self.talker.with_kv_type(kv_type), kv_type, ..self }
    }

    /// Returns the tolerance for a tensor that float32 keys and values give within `float32`.
    pub fn tolerance(&self, float32: f32) -> f32 {
        match self.kv_type {
            KvType::F32 => float32,
            KvType::I16 => 4.0 * float32,
        }
    }

    /// Loads a golden with this checkpoint and changes to its configuration.
    pub fn of(
        golden: Golden,
        dir: &Path,
        device: &Device,
        change: impl FnOnce(&mut ModelConfig),
    ) -> Self {
        let mut config = ModelConfig::from_file(dir.join("config.json")).unwrap();
        change(&mut config);
        let generation = GenerationConfig::from_file(dir.join("generation_config.json")).unwrap();
        let weights = Weights::open(dir).unwrap();
        let talker = Talker::load(&config, &weights, device).unwrap();
        let prompt = prompt(&golden, &config);
        let params = GenerationParams::new(&generation, &Sampling::greedy())
            .max_frames(golden.number("max_frames"));
        let kv_type = KvType::I16;
        Self { golden, talker, prompt, params, device: device.clone(), kv_type }
    }

    /// Returns the golden's codes, a row for each frame.
    pub fn codes(&self) -> Vec<Vec<u32>> {
        frames(&self.golden, "codes")
    }

    /// Returns a tensor of the golden as `[1, rows, channels]`.
    pub fn rows(&self, name: &str) -> Tensor {
        let (shape, values) = self.golden.f32(name);
        Tensor::from_vec(values, &[1, shape[0], shape[1]], &self.device)
    }

    pub fn assert_prompt_embeddings(&self) {
        let embeddings = self.talker.embed_prompt(&self.prompt).unwrap();
        assert_eq!(self.prompt.positions(), embeddings.prefill.dim(1), "positions");
        for (actual, name) in [
            (embeddings.prefill, "talker_input_embeds"),
            (embeddings.trailing_text, "trailing_text_hidden"),
        ] {
            let (shape, expected) = self.golden.f32(name);
            assert_eq!(actual.shape().dims()[1..], shape, "{name}");
            assert_close(&actual.to_vec(), &expected, 2e-5);
        }
    }

    pub fn assert_greedy_codes(&self) {
        let mut generation = self.talker.start(&self.prompt, &self.params).unwrap();
        for (frame, expected) in self.codes().iter().enumerate() {
            let codes = self.talker.next_frame(&mut generation).unwrap();
            assert_eq!(codes.as_ref(), Some(expected), "frame {frame}");
        }
        assert_eq!(self.talker.next_frame(&mut generation).unwrap(), None);
        let stop = match self.golden.string("stop_reason") {
            "eos" => StopReason::Eos,
            "max_frames" => StopReason::MaxFrames,
            other => panic!("stop reason {other}"),
        };
        assert_eq!(generation.stop_reason(), Some(stop));
        assert_eq!(self.talker.next_frame(&mut generation).unwrap(), None, "it stays ended");
    }
}

/// Returns the published parameters, which draw at random.
pub fn sampled(max_frames: usize, seed: u64) -> GenerationParams {
    let published = GenerationConfig::default();
    GenerationParams::new(&published, &Sampling::default()).max_frames(max_frames).seed(seed)
}

/// Checks every golden on every device, with each data type of cached keys and values.
pub fn for_all(names: &[String], check: impl Fn(&Case)) {
    assert!(names.len() >= 12, "found {} goldens", names.len());
    for device in Device::all() {
        for name in names {
            println!("{name} on {}", device.name());
            let case = Case::load(name, &device);
            check(&case);
            check(&case.with_kv_type(KvType::F32));
        }
    }
}

fn prompt(golden: &Golden, config: &ModelConfig) -> Prompt {
    let preset = golden.optional_string("speaker");
    let ids = |key: &str| golden.has(key).then(|| golden.u32(key).1);
    let speaker = match golden.has("speaker_embedding") {
        true => Some(Speaker::Embedding(golden.f32("speaker_embedding").1)),
        false => preset.map(|name| Speaker::Preset(config.speaker(name).unwrap().id)),
    };
    let reference = golden
        .has("reference_codes")
        .then(|| Reference::new(ids("reference_ids").unwrap(), frames(golden, "reference_codes")));
    Prompt::new(ids("input_ids").unwrap())
        .instruct_ids(ids("instruct_ids"))
        .speaker(speaker)
        .reference(reference)
        .language(config.language_token(golden.string("language"), preset).unwrap())
        .text_mode(match golden.flag("non_streaming_text") {
            true => TextMode::NonStreaming,
            false => TextMode::Streaming,
        })
}

fn frames(golden: &Golden, name: &str) -> Vec<Vec<u32>> {
    let (shape, codes) = golden.u32(name);
    codes.chunks_exact(shape[1]).map(<[u32]>::to_vec).collect()
}
