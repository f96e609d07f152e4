//! Every format: recordings of a sweep, whose formula is known, and `docs/recordings.md`, which lists
//! them.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use qwen3_tts_pipeline::{AudioLimits, AudioWarning, ReferenceAudio};
use qwen3_tts_testkit::fixtures_dir;

use crate::headers;

/// A file, and what is known of its encoder.
struct Case {
    file: &'static str,
    /// Sample rate in Hz and channels.
    source: (u32, usize),
    /// Samples at 24 kHz, from and to.
    samples: (usize, usize),
    /// Number of samples before the sweep.
    delay: usize,
    /// Expected level of the sweep: its channels are at 1, 1/2, 1/4 … of it, before their mean.
    level: f64,
}

const fn exact(file: &'static str, rate: u32) -> Case {
    Case { file, source: (rate, 1), samples: (24_000, 24_000), delay: 0, level: 1.0 }
}

const fn stereo(file: &'static str, rate: u32) -> Case {
    Case { source: (rate, 2), level: 0.75, ..exact(file, rate) }
}

/// A file that does not say where its audio begins and ends, as an encoder with `delay` wrote it in
/// packets of `packet` samples.
const fn padded(file: &'static str, delay: usize, packet: usize) -> Case {
    let samples = (24_000 + delay).div_ceil(packet) * packet;
    Case { samples: (samples, samples), delay, ..exact(file, 24_000) }
}

/// Encoders: ffmpeg's AAC has a delay of 1024 samples, LAME one of 1105, MP2 one of 481. LAME turns
/// its input down to 0.95.
const CASES: &[Case] = &[
    exact("aac.m4a", 24_000),
    exact("aac_first.m4a", 24_000),
    exact("aac_96k.m4a", 96_000),
    padded("aac_no_edits.m4a", 1024, 1024),
    padded("aac_pieces.m4a", 1024, 1024),
    padded("aac.aac", 1024, 1024),
    padded("aac.mka", 1024, 1024),
    exact("alac.m4a", 24_000),
    exact("alac.caf", 24_000),
    exact("flac.flac", 24_000),
    exact("flac.oga", 24_000),
    Case { level: 0.95, ..exact("mp3.mp3", 24_000) },
    Case { level: 0.7125, ..stereo("mp3_stereo.mp3", 24_000) },
    Case { samples: (25_344, 25_344), ..padded("mp3_no_tag.mp3", 1105, 576) },
    Case { samples: (24_192, 24_192), ..padded("mp2.mp2", 481, 1152) },
    exact("opus.opus", 48_000),
    exact("opus_60ms.opus", 48_000),
    exact("opus_speech.opus", 48_000),
    stereo("opus_stereo.opus", 48_000),
    Case { source: (48_000, 6), level: 1.0 / 6.0, ..exact("opus_surround.opus", 48_000) },
    // Matroska's padding at the end, at most a packet, is not known to the demuxer.
    Case { samples: (24_000, 24_480), ..exact("opus.webm", 48_000) },
    Case { samples: (24_000, 24_480), ..exact("opus_live.webm", 48_000) },
    exact("opus.mp4", 48_000),
    exact("vorbis.ogg", 24_000),
    stereo("vorbis_stereo.ogg", 24_000),
    Case { samples: (24_000, 24_480), ..exact("vorbis.webm", 24_000) },
    // The last block is padded, and nothing says so: 505, 500 and 64 samples a block.
    Case { samples: (24_000, 24_505), ..exact("adpcm_ima.wav", 24_000) },
    Case { samples: (24_000, 24_500), ..exact("adpcm_ms.wav", 24_000) },
    exact("adpcm_ima.aifc", 24_000),
    exact("alaw.wav", 24_000),
    exact("mulaw.wav", 24_000),
];

pub fn bytes(file: &str) -> Vec<u8> {
    fs::read(fixtures_dir().join("audio").join(file)).unwrap()
}

pub fn read(file: &str) -> ReferenceAudio {
    ReferenceAudio::from_bytes(&bytes(file), file, &AudioLimits::default()).unwrap()
}

/// The sweep from a sample on, at 24 kHz.
pub fn sweep(start: usize, samples: usize) -> Vec<f64> {
    let sample = |i: usize| {
        let t = i as f64 / 24_000.0;
        (TAU * (200.0 * t + 900.0 * t * t)).sin() / 2.0
    };
    (start..start + samples).map(sample).collect()
}

/// Returns the likeness of samples to a signal, in −1..=1, and their level beside it.
pub fn likeness(found: &[f32], expected: &[f64]) -> (f64, f64) {
    let pairs = || found.iter().map(|s| f64::from(*s)).zip(expected);
    let (mut product, mut found_power, mut expected_power) = (0.0, 0.0, 0.0);
    for (found, expected) in pairs() {
        product += found * expected;
        found_power += found * found;
        expected_power += expected * expected;
    }
    (product / (found_power * expected_power).sqrt(), (found_power / expected_power).sqrt())
}

/// Checks that the sweep from `start` on begins after `delay` samples, within two, at this level.
pub fn assert_sweep(samples: &[f32], delay: usize, start: usize, level: f64) {
    // Past the edges, where codecs fade in and out.
    let margin = samples.len().min(24_000) / 20;
    let length = samples.len().min(24_000 + delay) - delay - 2 * margin;
    let expected = sweep(start + margin, length);
    let at = |from: usize| likeness(&samples[from..from + length], &expected);
    let (first, last) = ((delay + margin).saturating_sub(60), delay + margin + 60);
    let best =
        (first..=last.min(samples.len() - length)).max_by(|a, b| at(*a).0.total_cmp(&at(*b).0));
    let found = best.unwrap();
    let (like, found_level) = at(found);
    assert!(found.abs_diff(delay + margin) <= 2, "{found} instead of {}", delay + margin);
    assert!(like > 0.98, "likeness {like}");
    assert!((found_level / level - 1.0).abs() < 0.02, "level {found_level} instead of {level}");
}

#[test]
fn every_format_gives_the_sweep_at_its_time_and_level() {
    for case in CASES {
        println!("{}", case.file);
        let audio = read(case.file);
        assert_eq!((audio.source_sample_rate, audio.source_channels), case.source);
        assert_eq!(audio.warnings, []);
        let (from, to) = case.samples;
        assert!((from..=to).contains(&audio.samples.len()), "{} samples", audio.samples.len());
        assert_sweep(&audio.samples, case.delay, 0, case.level);
    }
}

#[test]
fn recordings_in_a_row_are_one_and_each_is_mixed_by_its_own_channels() {
    // The second half begins where the first ends, but for the padding of MP3.
    for (file, second, levels) in [
        ("vorbis_mono_then_stereo.ogg", 24_000, (1.0, 0.75)),
        ("opus_mono_then_stereo.opus", 24_000, (1.0, 0.75)),
        ("mp3_mono_then_stereo.mp3", 24_000 + 1105, (0.95, 0.7125)),
    ] {
        println!("{file}");
        let audio = read(file);
        assert_eq!((audio.source_channels, audio.warnings.len()), (2, 0));
        assert_sweep(&audio.samples[..24_000], 0, 0, levels.0);
        assert_sweep(&audio.samples[second..second + 23_000], 0, 0, levels.1);
    }
}

/// ffmpeg cuts at a packet of 1024 samples and lets the edit list hide the rest.
#[test]
fn an_edit_list_cuts_what_was_trimmed() {
    let audio = read("aac_trimmed.m4a");
    assert_eq!(audio.warnings, []);
    assert!((audio.seconds() - 0.3).abs() < 0.022, "{}", audio.seconds());
    assert_sweep(&audio.samples[..7_200], 0, 12_000, 1.0);
}

/// A box of MP4.
fn boxed(name: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let len = contents.len() as u32 + 8;
    [&len.to_be_bytes()[..], name, contents].concat()
}

/// The file, whose index is at its end, with a box more in the index.
fn with_box(mut file: Vec<u8>, added: &[u8]) -> Vec<u8> {
    let at = file.windows(4).position(|w| w == b"moov").unwrap() - 4;
    let len = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(at + len as usize, file.len());
    file[at..at + 4].copy_from_slice(&(len + added.len() as u32).to_be_bytes());
    file.extend(added);
    file
}

#[test]
fn the_delay_of_an_encoder_is_dropped_as_the_tag_of_itunes_says() {
    let tag = " 00000000 00000400 00000240 0000000000005DC0 00000000 00000000";
    let name = boxed(b"name", b"\0\0\0\0iTunSMPB");
    let mean = boxed(b"mean", b"\0\0\0\0com.apple.iTunes");
    let data = boxed(b"data", &[b"\0\0\0\x01\0\0\0\0", tag.as_bytes()].concat());
    let list = boxed(b"ilst", &boxed(b"----", &[mean, name, data].concat()));
    let meta = boxed(b"meta", &[&[0; 4][..], &list].concat());
    let file = with_box(bytes("aac_no_edits.m4a"), &boxed(b"udta", &meta));
    let audio = ReferenceAudio::from_bytes(&file, "a", &AudioLimits::default()).unwrap();
    assert_eq!(audio.samples.len(), 24_000);
    assert_sweep(&audio.samples, 0, 0, 1.0);
}

/// The level is that of the words in the uncompressed recording, 0.0482 by librosa.
#[test]
fn he_aac_is_read_by_its_core_and_says_so() {
    let audio = read("he_aac.m4a");
    assert_eq!((audio.source_sample_rate, audio.source_channels), (24_000, 1));
    assert_eq!(audio.warnings, [AudioWarning::HalfBandwidth]);
    assert_eq!(audio.samples.len(), 24 * 1024);
    let power = audio.samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let level = (power / audio.samples.len() as f64).sqrt();
    assert!((level / 0.0482 - 1.0).abs() < 0.03, "{level}");
}

/// Says how a file is read, in the words of the document.
fn row(name: &str, bytes: &[u8]) -> String {
    let result = match ReferenceAudio::from_bytes(bytes, name, &AudioLimits::default()) {
        Ok(audio) => format!(
            "{:.2} s at {} Hz, {} channel{}",
            audio.seconds(),
            audio.source_sample_rate,
            audio.source_channels,
            if audio.source_channels == 1 { "" } else { "s" }
        ),
        Err(error) => {
            let error = error.to_string();
            let reason = error.strip_prefix(&format!("{name}: ")).unwrap();
            format!("refused: {}", reason.split([';', ':']).next().unwrap())
        }
    };
    format!("| `{name}` | {result} |\n")
}

/// The document has two tables, of formats that the tests write and of the fixtures. With
/// `QWEN3_TTS_WRITE_DOCS` set, this test writes them.
#[test]
fn the_document_says_what_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recordings.md");
    let document = fs::read_to_string(&path).unwrap();
    let (start, end) = ("<!-- tables: written by the tests -->\n", "<!-- end -->");
    let (before, rest) = document.split_once(start).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    let mut tables = "\n| uncompressed | read as |\n|---|---|\n".to_owned();
    headers::all().iter().for_each(|(name, bytes)| tables += &row(name, bytes));
    tables += "\n| fixture | read as |\n|---|---|\n";
    let folder = fs::read_dir(fixtures_dir().join("audio")).unwrap();
    let mut files: Vec<_> = folder.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    for file in files {
        let file = file.to_str().unwrap();
        tables += &row(file, &bytes(file));
    }
    tables += "\n";
    if std::env::var_os("QWEN3_TTS_WRITE_DOCS").is_some() {
        fs::write(&path, [before, start, &tables, end, after].concat()).unwrap();
        return;
    }
    assert_eq!(found, tables, "run this test with QWEN3_TTS_WRITE_DOCS=1");
}
