//! Handles used from any thread, on every device, with every kind of voice.

mod support;

use std::sync::Arc;
use std::thread;

use qwen3_tts_nn::Device;
use qwen3_tts_pipeline::{
    AudioChunk, DeviceKind, IncrementalText, LoadOptions, Speech, SpeechControl, SpeechOutput,
    SpeechRequest, Synthesizer,
};
use qwen3_tts_testkit::{assert_close, checkpoint};
use support::{options, recording, speak};

fn request() -> SpeechRequest {
    SpeechRequest::new("One two three.").max_frames(4).greedy()
}

/// Returns a request with a voice of every kind, and the checkpoint for it.
fn requests(options: &LoadOptions) -> Vec<(&'static str, SpeechRequest)> {
    let base = Synthesizer::load(checkpoint("base_0b6"), options).unwrap();
    let voices = thread::spawn(move || {
        [None, Some("What is said.")]
            .map(|text| Arc::new(base.clone_voice(&recording(30_000), text).unwrap()))
    });
    let [vector, reference] = voices.join().expect("the thread that clones");
    vec![
        ("custom_voice_0b6", request().speaker("ryan")),
        ("voice_design_1b7", request().instruct("A deep voice.")),
        ("base_0b6", request().cloned(vector)),
        ("base_0b6", request().cloned(reference)),
    ]
}

#[test]
fn a_model_speaks_with_every_kind_of_voice_from_any_thread() {
    let devices = Device::all().into_iter().map(|device| match device.name() {
        "cpu" => DeviceKind::Cpu,
        _ => DeviceKind::Mlx,
    });
    for device in devices {
        let options = options().device(device);
        for (name, request) in requests(&options) {
            println!("{name} on {device:?}");
            let load = move || Synthesizer::load(checkpoint(name), &options).unwrap();
            let model = thread::spawn(load).join().expect("the thread that loads");
            assert_eq!(model.device(), device);
            let here = speak(&model, &request);
            let there = thread::spawn(move || speak(&model, &request));
            let there = there.join().expect("the thread that speaks");
            assert_eq!(here.codes, there.codes, "{name}");
            assert_close(&there.audio, &here.audio, 1e-5);
        }
    }
}

#[test]
fn handles_and_speeches_are_owned_and_can_be_sent() {
    fn is_handle<T: Clone + Send + Sync + 'static>() {}
    fn is_sent<T: Send + 'static>() {}
    is_handle::<Synthesizer>();
    is_handle::<SpeechControl>();
    is_sent::<Speech>();
    is_sent::<IncrementalText>();
    is_sent::<AudioChunk>();
    is_sent::<SpeechOutput>();
}
