//! Damaged and unfit recordings: what is there is used, and what is wrong is said.

use qwen3_tts_pipeline::{AudioError, AudioLimits, AudioWarning, ReferenceAudio};

use crate::formats::{assert_sweep, bytes};
use crate::{float_wav, refuse, sine, wav};

fn read(bytes: &[u8]) -> ReferenceAudio {
    let limits = AudioLimits::default().min_seconds(0.1);
    ReferenceAudio::from_bytes(bytes, "a", &limits).unwrap()
}

/// The first 60 % of each file.
#[test]
fn what_is_there_of_a_cut_file_is_used_and_said() {
    for (file, delay) in [
        ("flac.flac", 0),
        ("mp3.mp3", 0),
        ("aac.aac", 1024),
        ("aac.mka", 1024),
        ("aac_first.m4a", 0),
        ("aac_pieces.m4a", 1024),
        ("opus.webm", 0),
    ] {
        println!("{file}");
        let whole = bytes(file);
        let audio = read(&whole[..whole.len() * 3 / 5]);
        assert!((0.25..0.7).contains(&audio.seconds()), "{}", audio.seconds());
        let [AudioWarning::Incomplete { .. }] = audio.warnings[..] else {
            panic!("{:?}", audio.warnings)
        };
        let level = if file == "mp3.mp3" { 0.95 } else { 1.0 };
        assert_sweep(&audio.samples, delay, 0, level);
    }
}

#[test]
fn a_recording_that_was_never_finished_is_named() {
    let whole = bytes("aac.m4a");
    let error = refuse(&whole[..whole.len() / 2]);
    assert!(matches!(error, AudioError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("never finished"), "{error}");
}

/// A tenth of the packets is overwritten with zeros.
#[test]
fn bad_packets_are_left_out_and_said() {
    for file in ["aac.m4a", "mp3.mp3", "flac.flac", "opus.webm", "aac.mka"] {
        let mut damaged = bytes(file);
        let (start, len) = (damaged.len() / 2, damaged.len() / 10);
        damaged[start..start + len].fill(0);
        let audio = read(&damaged);
        println!("{file}: {} s, {:?}", audio.seconds(), audio.warnings);
        assert!(
            audio.warnings.iter().any(|warning| matches!(
                warning,
                AudioWarning::Damaged { .. } | AudioWarning::Incomplete { .. }
            )),
            "{:?}",
            audio.warnings
        );
    }
}

/// Only the first third of the packets is good.
#[test]
fn a_file_that_is_mostly_damaged_is_refused() {
    let mut file = bytes("aac.m4a");
    let start = file.windows(4).position(|window| window == b"mdat").unwrap();
    let end = file.windows(4).position(|window| window == b"moov").unwrap();
    file[start + (end - start) / 3..end - 4].fill(0);
    let error = refuse(&file);
    assert!(matches!(error, AudioError::Damaged { seconds, .. } if seconds > 0.2), "{error}");
}

#[test]
fn channels_that_cancel_are_told_from_silence() {
    let interleaved = |right: f64| -> Vec<f64> {
        let left = sine(440.0, 24_000, 24_000);
        left.iter().flat_map(|s| [0.5 * s, 0.5 * right * s]).collect()
    };
    let audio = read(&wav(&interleaved(-1.0), 2, 24_000, 16));
    assert_eq!(audio.warnings, [AudioWarning::ChannelsCancel { used: 1 }]);
    let peak = audio.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert!((peak - 0.5).abs() < 1e-3, "{peak}");
    // Partly inverted, in phase, or with a silent channel: the mean, as librosa computes it.
    for right in [-0.7, 0.0, 1.0] {
        let audio = read(&wav(&interleaved(right), 2, 24_000, 16));
        assert_eq!(audio.warnings, []);
        let peak = audio.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!((f64::from(peak) - 0.25 * (1.0 + right)).abs() < 1e-3, "{right}: {peak}");
    }
    assert!(matches!(refuse(&wav(&[0.0; 48_000], 2, 24_000, 16)), AudioError::Silent { .. }));
}

#[test]
fn an_offset_is_said() {
    let shifted: Vec<f64> = sine(440.0, 24_000, 24_000).iter().map(|s| 0.3 * s - 0.2).collect();
    let warnings = read(&wav(&shifted, 1, 24_000, 16)).warnings;
    let [AudioWarning::Offset { share }] = warnings[..] else { panic!("{warnings:?}") };
    assert!((share + 0.2).abs() < 1e-3, "{share}");
}

/// The mean of a clipped and a quiet channel is not flat at full scale.
#[test]
fn a_clipped_channel_is_noticed_beside_a_clean_one() {
    let frames: Vec<f32> = sine(440.0, 24_000, 24_000)
        .iter()
        .flat_map(|s| [(2.0 * s).clamp(-1.0, 1.0) as f32, 0.1 * *s as f32])
        .collect();
    let warnings = read(&stereo_float_wav(&frames)).warnings;
    let [AudioWarning::Clipped { share }] = warnings[..] else { panic!("{warnings:?}") };
    assert!((share - 2.0 / 3.0).abs() < 0.1, "{share}");
}

fn stereo_float_wav(frames: &[f32]) -> Vec<u8> {
    let mut bytes = float_wav(frames, 24_000);
    let at = bytes.windows(4).position(|window| window == b"fmt ").unwrap();
    bytes[at + 10..at + 12].copy_from_slice(&2_u16.to_le_bytes());
    bytes[at + 20..at + 22].copy_from_slice(&8_u16.to_le_bytes());
    bytes
}

/// Minutes of digital silence in a few hundred bytes of Opus: 120 ms in each packet of three.
#[test]
fn a_small_file_with_hours_of_audio_stops_at_the_limit() {
    let mut file = bytes("opus.opus");
    // The two pages of headers, then pages of packets with six frames of 20 ms without data.
    let mut starts = file.windows(4).enumerate().filter(|(_, window)| *window == b"OggS");
    let third = starts.nth(2).unwrap().0;
    file.truncate(third);
    let serial = file[14..18].to_vec();
    for page in 0..200_u32 {
        let granule = u64::from(page + 1) * 255 * 5_760;
        let mut bytes = [b"OggS\0\0", &granule.to_le_bytes()[..], &serial].concat();
        bytes.extend((page + 2).to_le_bytes());
        bytes.extend([0, 0, 0, 0, 255]);
        bytes.extend([2; 255]);
        bytes.extend([0xfb, 0x06].repeat(255));
        let crc = ogg_crc(&bytes);
        bytes[22..26].copy_from_slice(&crc.to_le_bytes());
        file.extend(bytes);
    }
    let limits = AudioLimits::default().allow_silence(true);
    let audio = ReferenceAudio::from_bytes(&file, "a", &limits).unwrap();
    assert_eq!(audio.samples.len(), 720_000);
    assert_eq!(audio.warnings, [AudioWarning::Cut { seconds: 30.0 }]);
}

/// The checksum of a page: CRC-32 with the polynomial 0x04C11DB7, not reflected, from 0.
fn ogg_crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 }
        })
    })
}
