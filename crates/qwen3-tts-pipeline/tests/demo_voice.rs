//! Tests of the demo voice that random weights cannot support: each sentence ends with eos, is
//! about as long as its teacher's, and sounds like that sentence and like no other.

mod support;

use std::path::PathBuf;

use ndarray::Array2;
use qwen3_tts_dsp::{MelConfig, MelSpectrogram};
use qwen3_tts_pipeline::{
    AudioLimits, ClonedVoice, LoadOptions, ModelFiles, ReferenceAudio, SpeechOutput, SpeechRequest,
    StopReason, Synthesizer, TextMode,
};
use qwen3_tts_testkit::fixtures_dir;
use serde::Deserialize;
use support::speak;

/// Upper bound of the mean distance of log-mel bands; see [`spectral_distance`].
const BOUND: f32 = 0.45;

/// A sentence outside the training data, its teacher's recording, and the results of the official
/// package with this checkpoint.
#[derive(Deserialize)]
struct Sentence {
    speaker: String,
    text: String,
    file: String,
    n_frames: usize,
    /// Codes of the recording.
    heard_codes: Vec<Vec<u32>>,
    greedy_codes: Vec<Vec<u32>>,
    /// Codes spoken with a voice cloned from the previous recording.
    cloned_codes: Option<Vec<Vec<u32>>>,
}

fn goldens() -> PathBuf {
    fixtures_dir().join("goldens/demo_voice")
}

fn sentences() -> Vec<Sentence> {
    let text = std::fs::read_to_string(goldens().join("sentences.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn recording(sentence: &Sentence) -> ReferenceAudio {
    ReferenceAudio::read(goldens().join(&sentence.file), &AudioLimits::any()).unwrap()
}

fn teacher(sentence: &Sentence) -> Vec<f32> {
    recording(sentence).samples
}

fn demo() -> ModelFiles {
    ModelFiles::embedded(qwen3_tts_demo::custom_voice())
}

fn base() -> ModelFiles {
    ModelFiles::embedded(qwen3_tts_demo::base())
}

fn load(quantize: &str) -> Synthesizer {
    let options = LoadOptions::default().quantize(quantize.parse().unwrap());
    Synthesizer::from_files(&demo(), &options).unwrap()
}

#[test]
fn written_to_a_directory_it_speaks_the_same() {
    let dir = tempfile::tempdir().unwrap();
    for (path, bytes) in qwen3_tts_demo::custom_voice() {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let written = Synthesizer::load(dir.path().to_str().unwrap(), &LoadOptions::default()).unwrap();
    let request = SpeechRequest::new("A short sentence.").seed(1);
    assert_eq!(speak(&written, &request).codes, speak(&load("none"), &request).codes);
}

fn say(model: &Synthesizer, sentence: &Sentence, seed: u64) -> SpeechOutput {
    let request = SpeechRequest::new(&sentence.text).speaker(&sentence.speaker).seed(seed);
    speak(model, &request)
}

fn assert_ends_in_time(speech: &SpeechOutput, sentence: &Sentence, most: f64) {
    let ratio = speech.n_frames() as f64 / sentence.n_frames as f64;
    assert_eq!(speech.stop_reason, StopReason::Eos, "{}", sentence.text);
    assert!((0.7..most).contains(&ratio), "{}: {ratio} of the teacher's length", sentence.text);
}

/// Returns log-mel bands 20 ms apart, after normalising the loudness.
fn log_mel(samples: &[f32]) -> Array2<f32> {
    let power = samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32;
    let level: Vec<f32> = samples.iter().map(|x| x * 0.05 / power.sqrt()).collect();
    let config =
        MelConfig::default().hop_length(480).win_length(600).n_mels(40).f_min(50.0).f_max(8_000.0);
    let mel = MelSpectrogram::new(config).unwrap();
    // Above the noise floor of quantised audio.
    mel.compute(&level[..]).unwrap().mapv(|x| (x.exp() + 3e-3).ln())
}

/// Returns the mean distance of the bands along the cheapest path through both signals (dynamic
/// time warping).
fn spectral_distance(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (log_mel(a), log_mel(b));
    let (rows, columns) = (a.nrows(), b.nrows());
    let mut row = vec![(0.0f32, 0usize); columns + 1];
    for cell in &mut row[1..] {
        cell.0 = f32::INFINITY;
    }
    for i in 0..rows {
        let mut corner = row[0];
        row[0] = (f32::INFINITY, 0);
        for j in 0..columns {
            let above = row[j + 1];
            let (cost, steps) =
                [corner, above, row[j]].into_iter().min_by(|x, y| x.0.total_cmp(&y.0)).unwrap();
            let local = (&a.row(i) - &b.row(j)).mapv(f32::abs).mean().unwrap();
            corner = above;
            row[j + 1] = (cost + local, steps + 1);
        }
    }
    let (cost, steps) = row[columns];
    cost / steps as f32
}

fn noise(n_samples: usize) -> Vec<f32> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state as f32 / u32::MAX as f32 - 0.5
    };
    (0..n_samples).map(|_| next()).collect()
}

#[test]
fn sentences_end_with_eos_and_sound_like_their_teacher() {
    let model = load("none");
    for sentence in sentences() {
        for seed in 0..2 {
            let speech = say(&model, &sentence, seed);
            assert_ends_in_time(&speech, &sentence, 1.3);
            let distance = spectral_distance(&speech.audio, &teacher(&sentence));
            assert!(distance < BOUND, "{}: {distance}", sentence.text);
        }
    }
}

#[test]
fn greedy_codes_are_those_of_the_official_package() {
    let model = load("none");
    for sentence in sentences() {
        let request = SpeechRequest::new(&sentence.text).speaker(&sentence.speaker).greedy();
        let codes = speak(&model, &request).codes.codes;
        assert_eq!(codes, sentence.greedy_codes, "{}", sentence.text);
    }
}

#[test]
fn noise_and_other_sentences_are_distinguished() {
    let sentences = sentences();
    let recordings: Vec<Vec<f32>> = sentences.iter().map(teacher).collect();
    for (index, own) in recordings.iter().enumerate() {
        assert!(spectral_distance(&noise(own.len()), own) > BOUND);
        for (other, recording) in recordings.iter().enumerate() {
            let distance = spectral_distance(recording, own);
            assert_eq!(distance < BOUND, index == other, "{index} {other}: {distance}");
        }
    }
}

#[test]
fn quantised_weights_speak_the_sentence() {
    for bits in ["8", "4"] {
        let model = load(bits);
        for sentence in sentences().iter().step_by(2) {
            let speech = say(&model, sentence, 3);
            assert_ends_in_time(&speech, sentence, 1.3);
            let distance = spectral_distance(&speech.audio, &teacher(sentence));
            assert!(distance < BOUND, "{bits} bits: {}: {distance}", sentence.text);
        }
    }
}

#[test]
fn streaming_text_ends_with_eos() {
    let model = load("none");
    for sentence in sentences().iter().step_by(2) {
        let request = SpeechRequest::new(&sentence.text).speaker(&sentence.speaker).seed(1);
        let request = request.text_mode(TextMode::Streaming);
        let speech = speak(&model, &request);
        // The voice is silent until it has seen the next word.
        assert_ends_in_time(&speech, sentence, 2.0);
    }
}

#[test]
fn one_voice_is_low_and_one_high() {
    let model = load("none");
    /// Returns the autocorrelation of the signal at a lag in samples.
    fn likeness(samples: &[f32], lag: usize) -> f32 {
        let pairs = samples.iter().zip(&samples[lag..]);
        let power: f32 = samples.iter().map(|x| x * x).sum();
        pairs.map(|(a, b)| a * b).sum::<f32>() / power
    }
    let spoken = |speaker: &str| {
        let request = SpeechRequest::new("Many men are more nervous now.").speaker(speaker);
        speak(&model, &request.seed(1)).audio
    };
    // 100 Hz and 200 Hz at 24 kHz.
    let (low, high) = (spoken("arlo"), spoken("mina"));
    assert!(likeness(&low, 240) > likeness(&low, 120) + 0.2);
    assert!(likeness(&high, 120) > 0.5 && likeness(&low, 240) > 0.5);
}

#[test]
fn recordings_are_encoded_as_by_the_official_package() {
    let options = LoadOptions::default().without_talker();
    let codec = Synthesizer::from_files(&demo(), &options).unwrap();
    for sentence in sentences() {
        let codes = codec.encode(&recording(&sentence)).unwrap();
        assert_eq!(codes.codes, sentence.heard_codes, "{}", sentence.text);
        let again = codec.decode(&codes).unwrap();
        let distance = spectral_distance(&again, &teacher(&sentence));
        assert!(distance < BOUND, "{}: {distance}", sentence.text);
    }
}

#[test]
fn a_cloned_voice_speaks_like_the_recording() {
    let model = Synthesizer::from_files(&base(), &LoadOptions::default()).unwrap();
    for pair in sentences().chunks(2) {
        let [reference, sentence] = pair else { panic!("sentences come in pairs") };
        let voice = model.clone_voice(&recording(reference), Some(&reference.text)).unwrap();
        let vector = model.clone_voice(&recording(reference), None).unwrap();
        let request = |voice: &ClonedVoice| {
            let request = SpeechRequest::new(&sentence.text).cloned(voice.clone()).seed(1);
            request.text_mode(TextMode::NonStreaming)
        };
        let greedy = speak(&model, &request(&voice).greedy());
        assert_eq!(Some(greedy.codes.codes), sentence.cloned_codes, "{}", sentence.text);
        for voice in [voice, vector] {
            let speech = speak(&model, &request(&voice));
            assert_ends_in_time(&speech, sentence, 1.3);
            let distance = spectral_distance(&speech.audio, &teacher(sentence));
            assert!(distance < BOUND, "{} as {}: {distance}", sentence.text, reference.speaker);
        }
    }
}

#[test]
fn capitals_and_typographic_marks_are_read_like_plain_ones() {
    let model = load("none");
    let codes = |text: &str| {
        let request = SpeechRequest::new(text).speaker("mina").greedy();
        speak(&model, &request).codes
    };
    let plain = codes("don't stop the music.");
    assert_eq!(codes("Don’t stop the music."), plain);
    assert_eq!(codes("DON'T stop the MUSIC."), plain);
    assert_ne!(codes("don't stop the movie."), plain);
}
