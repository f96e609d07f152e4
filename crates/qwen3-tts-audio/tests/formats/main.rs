//! Files of every format, decoded again by the reader of recordings and, if it is installed, by
//! ffmpeg.

mod ffmpeg;

use qwen3_tts_audio::{
    Chapter, Encoder, Encoding, Error, Finished, Format, Metadata, SampleFormat,
};
use qwen3_tts_pipeline::{AudioLimits, ReferenceAudio};
use qwen3_tts_testkit::signal;
use std::time::Duration;

const RATE: u32 = 24_000;

/// Returns the lowest signal-to-noise ratio in dB that a format has at its default bit rate.
fn min_snr(format: Format) -> f64 {
    match format {
        Format::Opus => 20.0,
        Format::Mp3 => 35.0,
        Format::Aac => 40.0,
        _ => 70.0,
    }
}

/// Every format with each of its sample formats.
fn encodings() -> Vec<Encoding> {
    let all = Format::ALL.into_iter().flat_map(|format| {
        let plain = Encoding::new(format);
        let sampled = move |sample| plain.with_sample_format(sample).unwrap();
        let all: Vec<_> = format.sample_formats().iter().copied().map(sampled).collect();
        if all.is_empty() { vec![plain] } else { all }
    });
    all.collect()
}

fn is_lossy(encoding: &Encoding) -> bool {
    encoding.format().sample_formats().is_empty()
}

/// Returns samples as an encoding keeps them.
fn rounded(samples: &[f32], format: SampleFormat) -> Vec<f32> {
    let scale = match format {
        SampleFormat::S16 => 32_768.0,
        SampleFormat::S24 => 8_388_608.0,
        _ => return samples.to_vec(),
    };
    samples.iter().map(|sample| (sample * scale).floor() / scale).collect()
}

fn metadata() -> Metadata {
    let chapter = |seconds, title: &str| Chapter {
        start: Duration::from_millis(seconds),
        title: title.to_owned(),
    };
    let chapters = [chapter(0, "One"), chapter(700, "Zwei: das Öl")];
    Metadata::default().title("A title").voice("ryan").model("demo").chapters(chapters)
}

/// Number of samples of an AAC block, which is also silent at the start of a file.
const AAC_BLOCK: usize = 1024;

/// Returns the audio of a decoded file: AAC has a silent block before it and fills the last one.
fn without_padding(mut found: Vec<f32>, n_samples: usize, format: Format) -> Vec<f32> {
    if format == Format::Aac {
        assert_eq!(found.len(), n_samples.next_multiple_of(AAC_BLOCK) + AAC_BLOCK);
        found.drain(..AAC_BLOCK);
        found.truncate(n_samples);
    }
    found
}

/// Returns the signal-to-noise ratio in dB.
fn snr(found: &[f32], expected: &[f32]) -> f64 {
    let power = |sample: f32| f64::from(sample) * f64::from(sample);
    let signal: f64 = expected.iter().map(|sample| power(*sample)).sum();
    let noise: f64 = found.iter().zip(expected).map(|(found, sample)| power(found - sample)).sum();
    10.0 * (signal / noise).log10()
}

/// Asserts that decoded samples are those that were encoded.
fn assert_decoded(found: &[f32], samples: &[f32], encoding: &Encoding) {
    let found = &without_padding(found.to_vec(), samples.len(), encoding.format())[..];
    if is_lossy(encoding) {
        assert!(found.len().abs_diff(samples.len()) <= 1, "{encoding:?}: {} samples", found.len());
        let snr = snr(found, samples);
        println!("{encoding:?}: {snr:.1} dB");
        assert!(snr > min_snr(encoding.format()), "{encoding:?}: {snr} dB");
    } else {
        assert!(found == rounded(samples, encoding.sample_format()), "{encoding:?}");
    }
}

#[test]
fn a_file_reads_back() {
    let samples = signal(40_001);
    for encoding in encodings().iter().filter(|encoding| encoding.format() != Format::Pcm) {
        let bytes = encoding.encode(&samples, RATE, metadata()).unwrap();
        let found = ReferenceAudio::from_bytes(&bytes, "a", &AudioLimits::any()).unwrap();
        assert_eq!(found.warnings, [], "{encoding:?}");
        assert_decoded(&found.samples, &samples, encoding);
    }
}

#[test]
fn files_of_every_length_read_back() {
    let samples = signal(4_200);
    for n in (1..70).chain(4_090..4_100) {
        for encoding in encodings().iter().filter(|encoding| !is_lossy(encoding)) {
            let bytes = encoding.encode(&samples[..n], RATE, Metadata::default()).unwrap();
            if encoding.format() == Format::Pcm {
                assert_eq!(bytes.len(), n * usize::from(encoding.sample_format().bits()) / 8);
                continue;
            }
            let found = ReferenceAudio::from_bytes(&bytes, "a", &AudioLimits::any()).unwrap();
            assert_decoded(&found.samples, &samples[..n], encoding);
        }
    }
}

#[test]
fn blocks_give_the_bytes_of_the_whole() {
    let samples = signal(20_011);
    for encoding in encodings() {
        for rate in [8_000, RATE, 48_000] {
            let encoding = encoding.with_sample_rate(rate).unwrap();
            let whole = encoding.encode(&samples, RATE, metadata()).unwrap();
            for size in [1, 479, 6_000, 20_011] {
                let mut encoder = Encoder::new(&encoding, RATE, metadata()).unwrap();
                let mut bytes: Vec<u8> =
                    samples.chunks(size).flat_map(|block| encoder.push(block)).collect();
                let Finished { rest, head, .. } = encoder.finish();
                bytes.extend(rest);
                bytes[..head.len()].copy_from_slice(&head);
                assert!(bytes == whole, "{encoding:?} in blocks of {size}");
            }
        }
    }
}

/// Bytes come as the audio does, not at its end.
#[test]
fn bytes_are_returned_early() {
    for encoding in encodings() {
        let mut encoder = Encoder::new(&encoding, RATE, Metadata::default()).unwrap();
        let head = encoder.push(&signal(1)).len();
        let soon = encoder.push(&signal(12_000)).len();
        assert!(soon > 1_000, "{encoding:?}: {soon} bytes after a head of {head}");
    }
}

#[test]
fn an_empty_file_is_a_file() {
    for encoding in encodings() {
        let bytes = encoding.encode(&[], RATE, metadata()).unwrap();
        assert_eq!(bytes.is_empty(), encoding.format() == Format::Pcm, "{encoding:?}");
    }
}

/// A file whose head is not rewritten, as in a pipe, has the same samples; MP3 has up to a frame more.
#[test]
fn a_pipe_reads_back() {
    let samples = signal(30_000);
    for encoding in encodings().iter().filter(|encoding| encoding.format() != Format::Pcm) {
        let mut encoder = Encoder::new(encoding, RATE, Metadata::default()).unwrap();
        let mut bytes = encoder.push(&samples);
        bytes.extend(encoder.finish().rest);
        let found = ReferenceAudio::from_bytes(&bytes, "a", &AudioLimits::any()).unwrap();
        let mut found = found.samples;
        if encoding.format() == Format::Mp3 {
            assert!(found.len() < samples.len() + 576);
            found.truncate(samples.len());
        }
        assert_decoded(&found, &samples, encoding);
    }
}

/// An AAC file has at most the bits of its bit rate, and most of them if there is that much to say.
#[test]
fn aac_keeps_its_bit_rate() {
    let samples = signal(10 * RATE as usize);
    for bitrate in [16, 24, 64, 96, 128] {
        let encoding = Encoding::new(Format::Aac).with_bitrate(bitrate).unwrap();
        let bytes = encoding.encode(&samples, RATE, Metadata::default()).unwrap();
        let n_samples = samples.len().next_multiple_of(AAC_BLOCK) + AAC_BLOCK;
        let limit = n_samples as f64 / f64::from(RATE) * f64::from(bitrate) * 125.0;
        let part = bytes.len() as f64 / limit;
        assert!((0.9..=1.0).contains(&part), "{part} of {bitrate} kbit/s");
    }
    // A decoder's buffer has 6144 bits for each block.
    let most = Encoding::new(Format::Aac).with_bitrate(160).unwrap();
    let bytes = most.encode(&samples, 8_000, Metadata::default()).unwrap();
    let n_blocks = samples.len().div_ceil(AAC_BLOCK) + 1;
    assert!(bytes.len() <= n_blocks * 6144 / 8, "{} bytes", bytes.len());
}

#[test]
fn chapters_move_without_changing_the_length() {
    let samples = signal(24_000);
    for format in [Format::Flac, Format::Opus] {
        let encoding = Encoding::new(format);
        let mut encoder = Encoder::new(&encoding, RATE, metadata()).unwrap();
        let mut bytes = encoder.push(&samples);
        encoder.move_chapters(&[Duration::from_millis(1), Duration::from_millis(999)]);
        let finished = encoder.finish();
        bytes.extend(finished.rest);
        let before = bytes.len();
        bytes[..finished.head.len()].copy_from_slice(&finished.head);
        assert_eq!(bytes.len(), before);
        let text = String::from_utf8_lossy(&bytes);
        for part in [
            "CHAPTER000=00:00:00.001",
            "CHAPTER001=00:00:00.999",
            "CHAPTER001NAME=Zwei: das Öl",
            "TITLE=A title",
            "ARTIST=ryan",
            "MODEL=demo",
        ] {
            assert!(text.contains(part), "{format}: {part}");
        }
        ReferenceAudio::from_bytes(&bytes, "a", &AudioLimits::any()).unwrap();
    }
}

#[test]
fn what_a_format_lacks_is_refused() {
    let opus = Encoding::new(Format::Opus);
    let flac = Encoding::new(Format::Flac);
    for (refused, words) in [
        (opus.with_sample_rate(44_100), &["Opus", "44100 Hz", "8000, 16000, 24000, 48000"][..]),
        (opus.with_sample_format(SampleFormat::S16), &["Opus", "s16", "compressed"]),
        (opus.with_bitrate(1_000), &["Opus", "1000 kbit/s", "6 to 256"]),
        (Encoding::new(Format::Mp3).with_bitrate(65), &["MP3", "65 kbit/s", "64, 80"]),
        (Encoding::new(Format::Aac).with_bitrate(161), &["AAC", "161 kbit/s", "16 to 160"]),
        (flac.with_sample_format(SampleFormat::F32), &["FLAC", "f32", "s16, s24"]),
        (flac.with_bitrate(64), &["FLAC", "64 kbit/s", "follows"]),
        (flac.with_sample_rate(12_345), &["FLAC", "12345 Hz"]),
    ] {
        let said = refused.unwrap_err().to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    let refused = Encoder::new(&opus, 44_100, Metadata::default()).unwrap_err();
    assert!(matches!(refused, Error::SampleRate { found: 44_100, .. }));
}
