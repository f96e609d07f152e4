//! Whole requests against the official package.

mod support;

use qwen3_tts_pipeline::{ChunkSchedule, SpeechRequest, StopReason, TextMode};
use qwen3_tts_testkit::{Golden, assert_close, speech_goldens};
use support::{load, speak};

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

#[test]
fn text_becomes_the_official_codes_and_waveform() {
    let goldens = speech_goldens();
    assert!(goldens.len() >= 10);
    for name in goldens {
        let golden = Golden::load(&name);
        let model = load(golden.string("checkpoint"));
        let speech = speak(&model, &request(&golden));

        assert_eq!(speech.codes.codes.concat(), golden.u32("codes").1, "{name}");
        assert_eq!(speech.stop_reason.name(), golden.string("stop_reason"), "{name}");
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
fn an_output_adds_up() {
    let model = load("custom_voice_0b6");
    let request = SpeechRequest::new("One two three.").greedy().max_frames(100).seed(5);
    let mut speech = model.speak(request.chunks(ChunkSchedule::every(1))).unwrap();
    assert_eq!((speech.sample_rate(), speech.seed(), speech.pieces().len()), (24_000, 5, 1));
    let mut n_chunks = 0;
    while let Some(chunk) = speech.next() {
        n_chunks += 1;
        let chunk = chunk.unwrap();
        assert_eq!((chunk.piece, chunk.first_frame, chunk.n_frames), (0, n_chunks - 1, 1));
        let progress = speech.progress();
        assert!(progress.frames >= n_chunks && progress.max_frames == 100);
    }

    let output = speech.output().unwrap();
    let frames = output.n_frames();
    assert_eq!((n_chunks, speech.progress().frames), (frames, frames));
    assert_eq!(output.codes.codes.len(), frames);
    assert!(output.codes.codes.iter().all(|frame| frame.len() == 16));
    assert_eq!(output.n_samples, frames * 1920);
    assert!(output.audio.is_empty(), "the chunks contained the audio");
    assert_eq!((output.sample_rate, output.seed), (24_000, 5));
    assert_eq!(output.duration().as_millis(), frames as u128 * 80);
    let rtf = output.processing_time.as_secs_f64() / output.duration().as_secs_f64();
    assert!((output.real_time_factor() - rtf).abs() < 1e-9);
    let timings = output.timings;
    let stages = timings.prefill + timings.talker + timings.code_predictor + timings.codec;
    assert!(stages <= output.processing_time && stages.as_nanos() > 0);
    assert!(timings.time_to_first_audio <= output.processing_time);
    assert!(output.prompt_tokens > 8);
    let [piece] = &output.pieces[..] else { panic!("one piece") };
    assert_eq!((piece.index, piece.range.clone(), piece.attempts), (0, 0..14, 1));
    assert_eq!((piece.codes.clone(), piece.seed), (output.codes.clone(), 5));
    assert!(piece.pause.is_zero() && !piece.is_runaway);
}

#[test]
fn a_seed_is_a_voice() {
    let model = load("custom_voice_0b6");
    let speak_with = |seed: Option<u64>| {
        let mut request = SpeechRequest::new("One two three.").max_frames(12);
        request.seed = seed;
        speak(&model, &request)
    };
    let first = speak_with(Some(1));
    assert_eq!(first.codes, speak_with(Some(1)).codes);
    assert_eq!(first.audio, speak_with(Some(1)).audio);
    assert_ne!(first.codes, speak_with(Some(2)).codes);
    let drawn = speak_with(None);
    assert_eq!(drawn.codes, speak_with(Some(drawn.seed)).codes);
    assert_ne!(drawn.seed, speak_with(None).seed);
}

#[test]
fn without_a_name_the_first_speaker_speaks() {
    let model = load("custom_voice_0b6");
    let request = SpeechRequest::new("One two three.").greedy().max_frames(4);
    let first = model.config().unwrap().speakers().next().unwrap().name.to_owned();
    let other = model.config().unwrap().speakers().nth(1).unwrap().name.to_owned();
    let codes = |request: &SpeechRequest| speak(&model, request).codes;
    assert_eq!(codes(&request), codes(&request.clone().speaker(first)));
    assert_ne!(codes(&request), codes(&request.clone().speaker(other)));
}

#[test]
fn the_limit_that_was_asked_for_is_kept() {
    let model = load("custom_voice_0b6");
    let speech = speak(&model, &SpeechRequest::new("One two three.").greedy().max_frames(1));
    assert_eq!((speech.n_frames(), speech.stop_reason), (1, StopReason::MaxFrames));
}
