//! Cloned voices, from the recording to the waveform, against the official package.

mod support;

use std::sync::Arc;

use qwen3_tts_pipeline::{
    AudioLimits, ClonedVoice, ReferenceAudio, SpeechRequest, Synthesizer, TextMode,
};
use qwen3_tts_testkit::{Golden, assert_close, cloning_goldens, noise};
use support::{load, options, recording, speak};

fn voice(base: &Synthesizer, golden: &Golden) -> ClonedVoice {
    let transcript = golden.optional_string("reference_text");
    base.clone_voice(&recording(golden.number("reference_samples")), transcript).unwrap()
}

fn request(golden: &Golden, voice: ClonedVoice) -> SpeechRequest {
    let request = SpeechRequest::new(golden.string("text"))
        .cloned(voice)
        .language(golden.string("language"))
        .max_frames(golden.number("max_frames"))
        .greedy();
    match golden.flag("non_streaming_text") {
        true => request.text_mode(TextMode::NonStreaming),
        // A cloned voice streams its text unless told otherwise.
        false => request,
    }
}

fn refused(result: qwen3_tts_pipeline::Result<impl Sized>, words: &[&str]) {
    let message = result.err().expect("a refusal").to_string();
    assert!(!message.contains('\n'), "{message}");
    for word in words {
        assert!(message.contains(word), "{message}: no {word:?}");
    }
}

#[test]
fn recordings_become_the_official_voices_codes_and_waveforms() {
    let goldens = cloning_goldens();
    assert!(goldens.len() >= 12);
    for name in goldens {
        println!("{name}");
        let golden = Golden::load(&name);
        let model = load(golden.string("checkpoint"));
        let voice = voice(&model, &golden);
        assert_close(&voice.speaker_embedding, &golden.f32("speaker_embedding").1, 1e-4);
        assert_eq!(voice.reference.is_some(), golden.has("reference_codes"));
        if let Some(reference) = &voice.reference {
            assert_eq!(reference.codes.concat(), golden.u32("reference_codes").1);
        }

        let speech = speak(&model, &request(&golden, voice));
        assert_eq!(speech.codes.codes.concat(), golden.u32("codes").1);
        assert_eq!(speech.stop_reason.name(), golden.string("stop_reason"));
        assert_eq!(
            speech.n_samples,
            golden.number("frames") * 1920,
            "the reference is cut off the speech"
        );
        let stride = golden.number("audio_stride");
        let strided: Vec<f32> = speech.audio.iter().copied().step_by(stride).collect();
        assert_close(&strided, &golden.f32("audio_strided").1, 1e-4);
        let sums: Vec<f32> =
            speech.audio.chunks_exact(1920).map(|frame| frame.iter().sum()).collect();
        assert_close(&sums, &golden.f32("audio_frame_sums").1, 1e-4 * 1920f32.sqrt());
    }
}

/// Resamplers that are as good but not the same lead to other codes: the golden counts them.
#[test]
fn recordings_at_other_rates_have_the_official_codes_and_embedding() {
    let model = load("base_0b6");
    for rate in [22_050, 44_100] {
        let golden = Golden::load(&format!("resampling/recording_{rate}"));
        assert!(golden.number("other_codes_by_soxr_vhq") > 10);
        let samples = noise(golden.number("samples"));
        let limits = AudioLimits::default();
        let audio = ReferenceAudio::from_samples(samples, rate, "noise", &limits).unwrap();
        let voice = model.clone_voice(&audio, Some("Noise.")).unwrap();
        assert_eq!(voice.reference.unwrap().codes.concat(), golden.u32("codes").1, "{rate} Hz");
        assert_close(&voice.speaker_embedding, &golden.f32("speaker_embedding").1, 1e-4);
    }
}

#[test]
fn a_voice_file_speaks_as_the_recording() {
    let golden = Golden::load("cloning/icl_longer_text");
    let model = load("base_0b6");
    let made = voice(&model, &golden);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ann.voice");
    made.save(&path).unwrap();
    let kept = ClonedVoice::load(&path).unwrap();
    let speech = speak(&model, &request(&golden, made));
    let again = speak(&model, &request(&golden, kept));
    assert_eq!(speech.audio, again.audio);
    assert_eq!(speech.codes, again.codes);
}

#[test]
fn voices_in_turn_do_not_disturb_each_other() {
    let model = load("base_0b6");
    let names =
        ["cloning/icl_longer_text", "cloning/icl_shorter_text", "cloning/x_vector_streaming"];
    let mut other = voice(&model, &Golden::load(names[0]));
    if let Some(reference) = &mut other.reference {
        reference.codes.reverse();
    }
    let requests: Vec<SpeechRequest> = names
        .iter()
        .map(|name| Golden::load(name))
        .map(|golden| request(&golden, voice(&model, &golden)))
        .chain([request(&Golden::load(names[0]), other)])
        .collect();
    let audio = |request: &SpeechRequest| speak(&model, request).audio;
    let first: Vec<_> = requests.iter().map(audio).collect();
    assert_ne!(first[0], first[3]);
    for (request, expected) in requests.iter().zip(&first).rev() {
        assert!(audio(request) == *expected);
    }
}

#[test]
fn invalid_requests_are_refused_before_anything_is_computed() {
    let golden = Golden::load("cloning/icl_longer_text");
    let base = load("base_0b6");
    let small = voice(&base, &golden);
    let text = || SpeechRequest::new("Hello.").max_frames(5);
    refused(base.check(&text()), &["cloned voice", "recording"]);
    refused(base.check(&text().speaker("ryan")), &["cloned voice"]);
    let cloned = || text().cloned(Arc::new(small.clone()));
    base.check(&cloned()).unwrap();
    refused(base.check(&cloned().instruct("Slowly.")), &["instruction"]);
    refused(base.check(&cloned().language("klingon")), &["klingon"]);

    let large = load("base_1b7");
    refused(large.check(&cloned()), &["made with", "64", "96"]);
    let preset = load("custom_voice_0b6");
    refused(preset.check(&cloned()), &["base model"]);
    refused(preset.clone_voice(&recording(24_000), None), &["base model"]);

    let mut broken = small.clone();
    broken.reference.as_mut().unwrap().codes[3][2] = 4096;
    refused(base.check(&text().cloned(Arc::new(broken))), &["frame 3", "4096"]);
    refused(base.clone_voice(&recording(24_000), Some(" ")), &["transcript", "empty"]);
    let alone = options().without_talker();
    let alone = Synthesizer::load(qwen3_tts_testkit::checkpoint("base_0b6"), &alone).unwrap();
    assert_eq!(alone.clone_voice(&recording(24_000), None).unwrap().speaker_embedding.len(), 64);
    refused(alone.speak(cloned()), &["without its talker"]);
    refused(alone.check(&cloned()), &["without its talker"]);
    assert!(alone.config().is_none() && alone.weight_types().is_none());
}
