//! Whole requests against what the official package answered.

use qwen3_tts_pipeline::{
    LoadOptions, SpeechRequest, StopReason, Synthesizer, TextMode, stop_reason_name,
};
use qwen3_tts_testkit::{Golden, assert_close, checkpoint, speech_goldens};

fn request(golden: &Golden) -> SpeechRequest {
    let mut request = SpeechRequest::new(golden.string("text"))
        .language(golden.string("language"))
        .max_frames(golden.number("max_frames"))
        .greedy();
    if let Some(speaker) = golden.optional_string("speaker") {
        request = request.speaker(speaker);
    }
    if let Some(instruct) = golden.optional_string("instruct") {
        request = request.instruct(instruct);
    }
    if !golden.flag("non_streaming_text") {
        request = request.text_mode(TextMode::Streaming);
    }
    request
}

fn load(checkpoint_name: &str) -> Synthesizer {
    Synthesizer::load(
        checkpoint(checkpoint_name),
        &LoadOptions { threads: Some(2), ..LoadOptions::default() },
    )
    .unwrap()
}

#[test]
fn text_becomes_the_official_codes_and_waveform() {
    let goldens = speech_goldens();
    assert!(goldens.len() >= 10);
    for name in goldens {
        let golden = Golden::load(&name);
        let model = load(golden.string("checkpoint"));
        let speech = model.synthesize(&request(&golden)).unwrap();

        assert_eq!(speech.codes.codes.concat(), golden.u32("codes").1, "{name}");
        assert_eq!(stop_reason_name(speech.stop_reason), golden.string("stop_reason"), "{name}");
        if golden.has("audio") {
            assert_close(&speech.audio, &golden.f32("audio").1, 1e-4);
        } else {
            let stride = golden.number("audio_stride");
            let audio: Vec<f32> = speech.audio.iter().copied().step_by(stride).collect();
            assert_close(&audio, &golden.f32("audio_strided").1, 1e-4);
        }
    }
}

#[test]
fn a_result_adds_up() {
    let model = load("custom_voice_0b6");
    let mut heard = Vec::new();
    let request = SpeechRequest::new("One two three.").greedy().max_frames(100).seed(5);
    let speech = model.synthesize_with(&request, &mut |progress| heard.push(progress)).unwrap();

    let frames = speech.token_count;
    assert_eq!(
        heard.iter().map(|p| p.frames).collect::<Vec<_>>(),
        (1..=frames).collect::<Vec<_>>()
    );
    assert_eq!(speech.codes.codes.len(), frames);
    assert_eq!(speech.code_count, frames * 16);
    assert_eq!(speech.n_samples, frames * 1920);
    assert_eq!(speech.audio.len(), speech.n_samples);
    assert_eq!((speech.sample_rate, speech.segment_idx, speech.seed), (24_000, 0, 5));
    assert_eq!(speech.audio_duration.as_millis(), frames as u128 * 80);
    let rtf = speech.processing_time.as_secs_f64() / speech.audio_duration.as_secs_f64();
    assert!((speech.real_time_factor - rtf).abs() < 1e-9);
    let timings = speech.timings;
    let stages = timings.prefill + timings.talker + timings.code_predictor + timings.codec;
    assert!(stages <= speech.processing_time && stages.as_nanos() > 0);
    assert!(timings.time_to_first_audio <= speech.processing_time);
    assert!(speech.prompt.tokens > 8 && speech.prompt.tokens_per_second > 0.0);
}

#[test]
fn a_seed_is_a_voice() {
    let model = load("custom_voice_0b6");
    let speak = |seed: Option<u64>| {
        let mut request = SpeechRequest::new("One two three.").max_frames(12);
        request.seed = seed;
        model.synthesize(&request).unwrap()
    };
    let first = speak(Some(1));
    assert_eq!(first.codes, speak(Some(1)).codes);
    assert_eq!(first.audio, speak(Some(1)).audio);
    assert_ne!(first.codes, speak(Some(2)).codes);
    let drawn = speak(None);
    assert_eq!(drawn.codes, speak(Some(drawn.seed)).codes);
    assert_ne!(drawn.seed, speak(None).seed);
}

#[test]
fn without_a_name_the_first_speaker_speaks() {
    let model = load("custom_voice_0b6");
    let request = SpeechRequest::new("One two three.").greedy().max_frames(4);
    let first = model.config().speakers().next().unwrap().name.to_owned();
    let other = model.config().speakers().nth(1).unwrap().name.to_owned();
    let codes = |request: &SpeechRequest| model.synthesize(request).unwrap().codes;
    assert_eq!(codes(&request), codes(&request.clone().speaker(first)));
    assert_ne!(codes(&request), codes(&request.clone().speaker(other)));
}

#[test]
fn the_limit_that_was_asked_for_is_kept() {
    let model = load("custom_voice_0b6");
    let speech = model.synthesize(&SpeechRequest::new("One two three.").greedy().max_frames(1));
    let speech = speech.unwrap();
    assert_eq!((speech.token_count, speech.stop_reason), (1, StopReason::MaxFrames));
}
