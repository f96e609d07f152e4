//! A model that was loaded, and has spoken, on one thread speaks on another, on every device.

use std::sync::Arc;
use std::thread;

use qwen3_tts_nn::Device;
use qwen3_tts_pipeline::{
    AudioLimits, DeviceKind, LoadOptions, ModelFiles, ReferenceAudio, SpeechRequest, Synthesizer,
    VoiceEncoder,
};
use qwen3_tts_testkit::{assert_close, checkpoint, signal};

fn request() -> SpeechRequest {
    SpeechRequest::new("One two three.").max_frames(4).greedy()
}

/// A request with a voice of every kind, and the checkpoint for it.
fn requests(options: &LoadOptions) -> Vec<(&'static str, SpeechRequest)> {
    let limits = AudioLimits::default();
    let audio = ReferenceAudio::from_samples(signal(30_000), 24_000, "signal", &limits).unwrap();
    let files = ModelFiles::directory(checkpoint("base_0b6"));
    let encoder = VoiceEncoder::load(&files, options).unwrap();
    // The encoders, too, may have been loaded elsewhere.
    let voices = thread::spawn(move || {
        [None, Some("What is said.")].map(|text| Arc::new(encoder.encode(&audio, text).unwrap()))
    });
    let [vector, reference] = voices.join().expect("the thread that encodes");
    vec![
        ("custom_voice_0b6", request().speaker("ryan")),
        ("voice_design_1b7", request().instruct("A deep voice.")),
        ("base_0b6", request().cloned(vector)),
        ("base_0b6", request().cloned(reference)),
    ]
}

#[test]
fn a_model_speaks_with_every_kind_of_voice_on_whatever_thread() {
    let devices = Device::all().into_iter().map(|device| match device.name() {
        "cpu" => DeviceKind::Cpu,
        _ => DeviceKind::Mlx,
    });
    for device in devices {
        let options = LoadOptions { device, threads: Some(2), ..LoadOptions::default() };
        for (name, request) in requests(&options) {
            println!("{name} on {device:?}");
            let load = move || Synthesizer::load(checkpoint(name), &options).unwrap();
            let model = thread::spawn(load).join().expect("the thread that loads");
            let here = model.synthesize(&request).unwrap();
            let speak = move || model.synthesize(&request).unwrap();
            let there = thread::spawn(speak).join().expect("the thread that speaks");
            assert_eq!(here.codes, there.codes, "{name}");
            assert_close(&there.audio, &here.audio, 1e-5);
        }
    }
}
