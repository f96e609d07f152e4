//! Recordings of every format, valid and damaged.

mod damage;
mod formats;
mod headers;
mod names;

use std::f64::consts::TAU;
use std::fs;
use std::path::PathBuf;

use hound::{SampleFormat, WavSpec, WavWriter};
use proptest::prelude::*;
use qwen3_tts_audio::{Encoding, Format, Metadata};
use qwen3_tts_pipeline::{AudioError, AudioLimits, AudioWarning, Error, ReferenceAudio};

const RATES: [u32; 4] = [16_000, 22_050, 44_100, 48_000];
/// Rates with a small or no common divisor with 24 000, and a power-of-two multiple.
const ODD_RATES: [u32; 7] = [4_000, 8_000, 11_025, 23_999, 32_001, 96_000, 191_999];
const FORMATS: [&str; 5] = ["flac", "mp3", "ogg", "m4a", "opus"];

fn file(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/audio").join(name)).unwrap()
}

fn fixture(extension: &str) -> Vec<u8> {
    file(&format!("tone.{extension}"))
}

fn sine(hz: f64, rate: u32, samples: usize) -> Vec<f64> {
    (0..samples).map(|i| (TAU * hz * i as f64 / f64::from(rate)).sin()).collect()
}

/// A WAV file of interleaved samples in −1..1.
fn wav(samples: &[f64], channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let spec = WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: bits,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    let scale = 2f64.powi(i32::from(bits) - 1);
    for sample in samples {
        writer.write_sample((sample * scale).round().min(scale - 1.0) as i32).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn float_wav(samples: &[f32], rate: u32) -> Vec<u8> {
    let encoding =
        Encoding::new(Format::Wav).with_sample_format(qwen3_tts_audio::SampleFormat::F32);
    encoding.unwrap().encode(samples, rate, Metadata::default()).unwrap()
}

fn tone_wav() -> Vec<u8> {
    wav(&sine(440.0, 44_100, 22_050).iter().map(|s| 0.5 * s).collect::<Vec<_>>(), 1, 44_100, 16)
}

fn read(bytes: &[u8]) -> ReferenceAudio {
    ReferenceAudio::from_bytes(bytes, "a", &AudioLimits::default()).unwrap()
}

fn refuse(bytes: &[u8]) -> AudioError {
    let refused = ReferenceAudio::from_bytes(bytes, "ann.wav", &AudioLimits::default());
    let error = refused.map(|audio| audio.warnings).expect_err("a refusal");
    let message = error.to_string();
    assert!(message.starts_with("ann.wav: ") && !message.contains('\n'), "{message}");
    match error {
        Error::Audio { source, .. } => source,
        error => panic!("{error:?}"),
    }
}

/// The signal-to-noise ratio in dB of the middle of `found`, past the edges, where a filter meets
/// the silence around a recording.
fn snr(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let middle = found.len() / 5..4 * found.len() / 5;
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let signal = power(&mut expected[middle.clone()].iter().copied());
    let noise = power(&mut middle.map(|i| f64::from(found[i]) - expected[i]));
    10.0 * (signal / noise).log10()
}

#[test]
fn samples_of_every_width_are_what_was_written() {
    let samples = [0.0, 0.5, -0.5, 0.25, -1.0, 0.75].repeat(2000);
    for bits in [8, 16, 24, 32] {
        let expected: Vec<f32> = samples.iter().map(|&s| s as f32).collect();
        assert_eq!(read(&wav(&samples, 1, 24_000, bits)).samples, expected, "{bits} bits");
        assert_eq!(read(&float_wav(&expected, 24_000)).samples, expected);
    }
}

#[test]
fn channels_become_their_mean() {
    let frames = [[0.5, 0.25, 0.0, 0.25], [-0.5, 0.5, 0.5, 0.5]].repeat(5000);
    for channels in 1..=4 {
        let cut: Vec<f64> = frames.iter().flat_map(|frame| frame[..channels].to_vec()).collect();
        let audio = read(&wav(&cut, channels as u16, 24_000, 16));
        let mean =
            |frame: &[f64; 4]| (frame[..channels].iter().sum::<f64>() / channels as f64) as f32;
        assert_eq!(audio.samples, frames.iter().map(mean).collect::<Vec<_>>());
        assert_eq!(audio.source_channels, channels);
    }
}

/// Neither bent nor shifted: a shift by a hundredth of a sample leaves 52 dB at 1 kHz.
#[test]
fn a_sine_stays_a_sine_at_every_rate() {
    for rate in RATES.into_iter().chain(ODD_RATES) {
        for hz in [100.0, 1000.0, 3000.0, 7000.0] {
            if hz > 0.45 * f64::from(rate) {
                continue;
            }
            let samples: Vec<f32> =
                sine(hz, rate, rate as usize).iter().map(|&s| 0.5 * s as f32).collect();
            let audio = read(&float_wav(&samples, rate));
            let expected: Vec<f64> =
                sine(hz, 24_000, audio.samples.len()).iter().map(|s| 0.5 * s).collect();
            let snr = snr(&audio.samples, &expected);
            assert!(snr > 95.0, "{hz} Hz at {rate} Hz: {snr:.1} dB");
        }
    }
}

/// The steepness of `librosa.resample` 0.11 with soxr 1.1, which the official package uses, on
/// sines at a share of half the lower rate: gains that it gave.
#[test]
fn frequencies_pass_as_in_the_official_package() {
    let gains = [(0.5, 1.0), (0.9, 1.0), (0.95, 0.72), (0.96, 0.395), (0.98, 0.02)];
    for rate in RATES {
        for (share, gain) in gains {
            let hz = share * f64::from(rate.min(24_000)) / 2.0;
            let samples = sine(hz, rate, rate as usize).iter().map(|&s| s as f32).collect();
            let limits = AudioLimits::default();
            let audio = ReferenceAudio::from_samples(samples, rate, "a", &limits).unwrap();
            let middle = &audio.samples[6_000..18_000];
            let power = middle.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / 12_000.0;
            let found = (2.0 * power).sqrt();
            assert!((found - gain).abs() < 0.15, "{share} of {rate}: {found:.3} for {gain}");
        }
    }
}

#[test]
fn what_24_khz_cannot_hold_is_gone() {
    for rate in [44_100, 48_000, 96_000] {
        let samples: Vec<f32> =
            sine(14_000.0, rate, rate as usize).iter().map(|&s| s as f32).collect();
        let limits = AudioLimits::default().allow_silence(true);
        let audio = ReferenceAudio::from_samples(samples, rate, "a", &limits).unwrap();
        let middle = &audio.samples[4_000..20_000];
        let peak = middle.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        assert!(peak < 1e-4, "{rate}: {peak}");
    }
}

/// The length is rounded up, as in the official package: in its arithmetic, which can add a sample.
#[test]
fn lengths_are_rounded_up() {
    for rate in RATES.into_iter().chain(ODD_RATES) {
        for frames in [rate / 2, rate / 2 + 1, rate / 2 + 2] {
            let samples = vec![0.5; frames as usize];
            let audio = ReferenceAudio::from_samples(samples, rate, "a", &AudioLimits::default());
            let expected = (f64::from(frames) * (24_000.0 / f64::from(rate))).ceil();
            assert_eq!(audio.unwrap().samples.len(), expected as usize, "{frames} at {rate}");
        }
    }
}

#[test]
fn every_format_gives_the_tone() {
    for (extension, needed) in [("flac", 90.0), ("mp3", 20.0), ("ogg", 20.0), ("m4a", 20.0)] {
        let audio = read(&fixture(extension));
        assert_eq!((audio.source_sample_rate, audio.source_channels), (44_100, 2), "{extension}");
        assert_eq!(audio.warnings, []);
        assert!((0.6..0.65).contains(&audio.seconds()), "{extension}: {}", audio.seconds());
        // Some encoders put silence in front: the tone is compared at its best place.
        let best = (0..100).map(|shift| {
            let rest = &audio.samples[shift..];
            let tone: Vec<f64> =
                sine(440.0, 24_000, rest.len()).iter().map(|s| 0.375 * s).collect();
            snr(rest, &tone)
        });
        let best = best.fold(f64::NEG_INFINITY, f64::max);
        assert!(best > needed, "{extension}: {best:.1} dB");
    }
}

#[test]
fn a_file_is_read_by_its_content_not_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ann.wav");
    fs::write(&path, fixture("flac")).unwrap();
    let audio = ReferenceAudio::read(&path, &AudioLimits::default()).unwrap();
    assert_eq!(audio, read(&fixture("flac")));
}

#[test]
fn what_is_too_long_is_cut_and_said() {
    let limits = AudioLimits::default().max_seconds(0.4);
    for bytes in FORMATS.map(fixture).into_iter().chain([tone_wav()]) {
        let audio = ReferenceAudio::from_bytes(&bytes, "a", &limits).unwrap();
        assert_eq!(audio.samples.len(), 9_600);
        assert_eq!(audio.warnings, [AudioWarning::Cut { seconds: 0.4 }]);
        let said = audio.warnings[0].to_string();
        assert!(said.contains("0.4 s") && said.contains("transcript"), "{said}");
    }
    let exact = read(&tone_wav());
    assert_eq!((exact.samples.len(), exact.warnings.len()), (12_001, 0));
}

#[test]
fn too_short_silent_and_unreal_samples_are_named() {
    let short = wav(&sine(440.0, 24_000, 7_000), 1, 24_000, 16);
    assert!(matches!(refuse(&short), AudioError::TooShort { needed: 0.3, .. }));
    let quiet: Vec<f64> = sine(440.0, 24_000, 24_000).iter().map(|s| 0.0009 * s).collect();
    assert!(matches!(refuse(&wav(&quiet, 1, 24_000, 24)), AudioError::Silent { .. }));
    assert!(matches!(refuse(&wav(&[0.0; 24_000], 1, 24_000, 16)), AudioError::Silent { .. }));
    let audible: Vec<f64> = sine(440.0, 24_000, 24_000).iter().map(|s| 0.0011 * s).collect();
    read(&wav(&audible, 1, 24_000, 24));
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut samples = vec![0.1; 24_000];
        samples[12_000] = value;
        let error = refuse(&float_wav(&samples, 24_000));
        assert!(matches!(error, AudioError::NonFinite { seconds: 0.5, .. }), "{error}");
    }
    assert!(matches!(refuse(&wav(&[], 1, 24_000, 16)), AudioError::Empty));
}

#[test]
fn any_recording_can_be_asked_for() {
    let limits = AudioLimits::any();
    let audio = ReferenceAudio::from_bytes(&wav(&[0.0; 10], 1, 24_000, 16), "a", &limits).unwrap();
    assert_eq!(audio.samples, [0.0; 10]);
    assert!(matches!(
        ReferenceAudio::from_bytes(&wav(&[], 1, 24_000, 16), "a", &limits),
        Err(Error::Audio { source: AudioError::Empty, .. })
    ));
}

#[test]
fn clipping_is_noticed_and_a_full_scale_sine_is_not_clipped() {
    let clipped = |gain: f64| -> Vec<f64> {
        let sine = sine(440.0, 24_000, 24_000);
        sine.iter().map(|s| (gain * s).clamp(-1.0, 32_767.0 / 32_768.0)).collect()
    };
    assert_eq!(read(&wav(&clipped(0.999), 1, 24_000, 16)).warnings, []);
    let warnings = read(&wav(&clipped(2.0), 1, 24_000, 16)).warnings;
    let [AudioWarning::Clipped { share }] = warnings[..] else { panic!("{warnings:?}") };
    // A sine of twice the height is above full scale for two thirds of its time.
    assert!((share - 2.0 / 3.0).abs() < 0.1, "{share}");
}

#[test]
fn silence_is_appended_on_request() {
    let audio = read(&tone_wav());
    let longer = audio.clone().with_trailing_silence(0.5).unwrap();
    let (samples, silence) = longer.samples.split_at(audio.samples.len());
    assert_eq!(samples, audio.samples);
    assert_eq!(silence, [0.0; 12_000]);
    assert_eq!(audio.clone().with_trailing_silence(0.0).unwrap(), audio);
    for seconds in [-0.1, 10.1, f64::NAN, f64::INFINITY] {
        let error = audio.clone().with_trailing_silence(seconds).unwrap_err();
        assert!(matches!(error, Error::Request(_)), "{error}");
    }
}

#[test]
fn what_is_no_recording_is_refused_by_name() {
    for bytes in [&b""[..], b"Hello!", b"RIFF", &[0; 1000], b"\x7fELF\x02\x01\x01"] {
        let error = refuse(bytes);
        let message = error.to_string();
        assert!(
            matches!(
                error,
                AudioError::UnknownFormat
                    | AudioError::Foreign { .. }
                    | AudioError::Empty
                    | AudioError::Damaged { .. }
            ),
            "{message}"
        );
        assert!(message.contains("WAV") || message.contains("again"), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("none.wav")] {
        let error = ReferenceAudio::read(&path, &AudioLimits::default()).unwrap_err();
        let name = path.display().to_string();
        assert!(matches!(&error, Error::Read { file, .. } if *file == name), "{error}");
    }
}

#[test]
fn a_cut_off_file_says_so() {
    let limits = AudioLimits::default().min_seconds(0.0);
    let said = |bytes: &[u8]| ReferenceAudio::from_bytes(bytes, "a", &limits).unwrap().warnings;
    let tone = tone_wav();
    for length in [1_000, 20_000, 20_001] {
        let warnings = said(&tone[..length]);
        let [AudioWarning::Incomplete { promised: Some(promised), found }] = warnings[..] else {
            panic!("{warnings:?}")
        };
        assert_eq!((promised, found), (0.5, ((length - 44) / 2) as f64 / 44_100.0));
        let message = warnings[0].to_string();
        assert!(message.contains("promises 0.50 s"), "{message}");
    }
    assert!(matches!(said(&fixture("flac")[..8_000])[..], [AudioWarning::Incomplete { .. }]));
    let index_is_missing = refuse(&fixture("m4a")[..3_000]);
    assert!(matches!(index_is_missing, AudioError::Damaged { .. }), "{index_is_missing}");
}

/// A WAV file with `value` at `at` of its header.
fn patched(at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = tone_wav();
    assert_eq!((&bytes[..4], &bytes[36..40]), (&b"RIFF"[..], &b"data"[..]));
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}

#[test]
fn lying_headers_are_refused_or_said() {
    // Two hours of samples in half a second's file.
    let bytes = 2 * 3600 * 44_100 * 2_u32;
    let mut hours = patched(40, &bytes.to_le_bytes());
    hours[4..8].copy_from_slice(&(bytes + 36).to_le_bytes());
    let warnings = read(&hours).warnings;
    assert_eq!(warnings, [AudioWarning::Incomplete { promised: Some(7200.0), found: 0.5 }]);
    // Channels, then rate.
    for channels in [0_u16, 33, 1000, u16::MAX] {
        refuse(&patched(22, &channels.to_le_bytes()));
    }
    for rate in [0_u32, 1, 3_999, 384_001, u32::MAX] {
        let error = refuse(&patched(24, &rate.to_le_bytes()));
        assert!(matches!(error, AudioError::SampleRate { found, .. } if found == rate), "{error}");
    }
    for bits in [0_u16, 1, 17, 33, u16::MAX] {
        refuse(&patched(34, &bits.to_le_bytes()));
    }
}

/// Some of these make the decoder panic, which is an error like any other.
#[test]
fn every_field_of_a_container_can_lie() {
    let bytes = file("fragments.m4a");
    for value in [0_u32, 0x7fff_ffff, u32::MAX] {
        for at in 0..bytes.len().min(1_600) - 4 {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
            if let Err(error) = ReferenceAudio::from_bytes(&bytes, "ann", &AudioLimits::any()) {
                let message = error.to_string();
                assert!(message.starts_with("ann: ") && !message.contains('\n'), "{message}");
            }
        }
    }
}

#[test]
fn a_file_that_was_written_into_a_pipe_is_as_long_as_it_is() {
    // As ffmpeg, sox and espeak-ng write the sizes that they do not know.
    for size in [u32::MAX, 0x7fff_ffff, 0x7fff_f000] {
        let mut bytes = patched(40, &size.to_le_bytes());
        bytes[4..8].copy_from_slice(&size.saturating_add(36).to_le_bytes());
        assert_eq!(read(&bytes), read(&tone_wav()), "{size:x}");
    }
}

/// A way to damage a file.
#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    Set(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Set(at, values) => {
                let start = at.index(bytes.len());
                bytes.iter_mut().skip(start).zip(values).for_each(|(byte, value)| *byte = *value);
            }
            Self::Remove(at, length) => {
                let start = at.index(bytes.len());
                let end = bytes.len().min(start + length);
                bytes.drain(start..end);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let extremes = prop_oneof![
        any::<[u8; 4]>().prop_map(Vec::from),
        Just(vec![0; 4]),
        Just(vec![0xff; 4]),
        Just(vec![0x7f, 0xff, 0xff, 0xff]),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    // Half of the damage is to the header, where it does most.
    let place = any::<prop::sample::Index>();
    prop_oneof![
        1 => place.clone().prop_map(Damage::Cut),
        4 => (place.clone(), extremes).prop_map(|(at, values)| Damage::Set(at, values)),
        1 => (place, 1_usize..64).prop_map(|(at, length)| Damage::Remove(at, length)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever happened to a file: a recording with sound samples, or one line that names it.
    #[test]
    fn damaged_files_are_read_or_refused(
        which in 0_usize..6,
        header_only in any::<bool>(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let mut bytes = if which == 5 { tone_wav() } else { fixture(FORMATS[which]) };
        let rest = bytes.split_off(if header_only { 200 } else { bytes.len() });
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        bytes.extend(rest);
        match ReferenceAudio::from_bytes(&bytes, "ann", &AudioLimits::default()) {
            Ok(audio) => {
                prop_assert!(audio.samples.iter().all(|sample| sample.is_finite()));
                prop_assert!(audio.seconds() <= 30.0);
            }
            Err(error) => {
                let message = error.to_string();
                prop_assert!(message.starts_with("ann: ") && !message.contains('\n'), "{}", message);
            }
        }
    }
}
