//! Cloned voices, from the recording to the waveform, against what the official package answered.

use std::sync::Arc;

use qwen3_tts_pipeline::{
    AudioLimits, ClonedVoice, DeviceKind, LoadOptions, ModelFiles, Quantize, ReferenceAudio,
    SpeechRequest, Synthesizer, TextMode, VoiceEncoder, stop_reason_name,
};
use qwen3_tts_testkit::{Golden, assert_close, checkpoint, cloning_goldens, signal};

const OPTIONS: LoadOptions = LoadOptions {
    device: DeviceKind::Cpu,
    threads: Some(2),
    quantize: Quantize { talker: None, code_predictor: None },
};

fn files(name: &str) -> ModelFiles {
    ModelFiles::directory(checkpoint(name))
}

fn recording(n_samples: usize) -> ReferenceAudio {
    let limits = AudioLimits::default();
    ReferenceAudio::from_samples(signal(n_samples), 24_000, "signal", &limits).unwrap()
}

fn voice(golden: &Golden) -> ClonedVoice {
    let encoder = VoiceEncoder::load(&files(golden.string("checkpoint")), &OPTIONS).unwrap();
    let transcript = golden.optional_string("reference_text");
    encoder.encode(&recording(golden.number("reference_samples")), transcript).unwrap()
}

fn request(golden: &Golden, voice: ClonedVoice) -> SpeechRequest {
    let request = SpeechRequest::new(golden.string("text"))
        .cloned(Arc::new(voice))
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
        let voice = voice(&golden);
        assert_close(&voice.speaker_embedding, &golden.f32("speaker_embedding").1, 1e-4);
        assert_eq!(voice.reference.is_some(), golden.has("reference_codes"));
        if let Some(reference) = &voice.reference {
            assert_eq!(reference.codes.concat(), golden.u32("reference_codes").1);
        }

        let model = Synthesizer::from_files(&files(golden.string("checkpoint")), &OPTIONS).unwrap();
        let speech = model.synthesize(&request(&golden, voice)).unwrap();
        assert_eq!(speech.codes.codes.concat(), golden.u32("codes").1);
        assert_eq!(stop_reason_name(speech.stop_reason), golden.string("stop_reason"));
        assert_eq!(speech.n_samples, golden.number("frames") * 1920, "the reference is cut off");
        let stride = golden.number("audio_stride");
        let strided: Vec<f32> = speech.audio.iter().copied().step_by(stride).collect();
        assert_close(&strided, &golden.f32("audio_strided").1, 1e-4);
        let sums: Vec<f32> =
            speech.audio.chunks_exact(1920).map(|frame| frame.iter().sum()).collect();
        assert_close(&sums, &golden.f32("audio_frame_sums").1, 1e-4 * 1920f32.sqrt());
    }
}

#[test]
fn a_voice_file_speaks_as_the_recording() {
    let golden = Golden::load("cloning/icl_longer_text");
    let model = Synthesizer::from_files(&files("base_0b6"), &OPTIONS).unwrap();
    let made = voice(&golden);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ann.voice");
    made.save(&path).unwrap();
    let kept = ClonedVoice::load(&path).unwrap();
    let speech = model.synthesize(&request(&golden, made)).unwrap();
    let again = model.synthesize(&request(&golden, kept)).unwrap();
    assert_eq!(speech.audio, again.audio);
    assert_eq!(speech.codes, again.codes);
}

#[test]
fn voices_in_turn_do_not_disturb_each_other() {
    let model = Synthesizer::from_files(&files("base_0b6"), &OPTIONS).unwrap();
    let names =
        ["cloning/icl_longer_text", "cloning/icl_shorter_text", "cloning/x_vector_streaming"];
    let mut other = voice(&Golden::load(names[0]));
    if let Some(reference) = &mut other.reference {
        reference.codes.reverse();
    }
    let requests: Vec<SpeechRequest> = names
        .iter()
        .map(|name| Golden::load(name))
        .map(|golden| request(&golden, voice(&golden)))
        .chain([request(&Golden::load(names[0]), other)])
        .collect();
    let speak = |request: &SpeechRequest| model.synthesize(request).unwrap().audio;
    let first: Vec<_> = requests.iter().map(speak).collect();
    assert_ne!(first[0], first[3]);
    for (request, audio) in requests.iter().zip(&first).rev() {
        assert!(speak(request) == *audio);
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_computed() {
    let golden = Golden::load("cloning/icl_longer_text");
    let small = voice(&golden);
    let base = Synthesizer::from_files(&files("base_0b6"), &OPTIONS).unwrap();
    let text = || SpeechRequest::new("Hello.").max_frames(5);
    refused(base.check(&text()), &["cloned voice", "recording"]);
    refused(base.check(&text().speaker("ryan")), &["cloned voice"]);
    let cloned = || text().cloned(Arc::new(small.clone()));
    base.check(&cloned()).unwrap();
    refused(base.check(&cloned().instruct("Slowly.")), &["instruction"]);
    refused(base.check(&cloned().language("klingon")), &["klingon"]);

    let large = Synthesizer::from_files(&files("base_1b7"), &OPTIONS).unwrap();
    refused(large.check(&cloned()), &["made with", "64", "96"]);
    let preset = Synthesizer::from_files(&files("custom_voice_0b6"), &OPTIONS).unwrap();
    refused(preset.check(&cloned()), &["base model"]);
    refused(VoiceEncoder::load(&files("custom_voice_0b6"), &OPTIONS), &["base model"]);

    let mut broken = small.clone();
    broken.reference.as_mut().unwrap().codes[3][2] = 4096;
    refused(base.check(&text().cloned(Arc::new(broken))), &["frame 3", "4096"]);
    let encoder = VoiceEncoder::load(&files("base_0b6"), &OPTIONS).unwrap();
    refused(encoder.encode(&recording(24_000), Some(" ")), &["transcript", "empty"]);
}
