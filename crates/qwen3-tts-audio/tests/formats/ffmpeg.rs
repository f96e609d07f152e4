//! Files as ffmpeg reads them. Without ffmpeg on the path there is nothing to test.

use std::io::Write;
use std::process::{Command, Stdio};

use qwen3_tts_audio::{Encoding, Format, SampleFormat};
use qwen3_tts_dsp::resample;
use qwen3_tts_testkit::signal;

use super::{RATE, assert_decoded, encodings, metadata, min_snr, snr, without_padding};

/// Stands for the path of a file.
const FILE: &str = "FILE";

/// Runs a program on a file, which it finds in place of `FILE`. Returns `None` if it is not installed.
fn run(program: &str, arguments: &[&str], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let path = file.path().to_str().unwrap();
    let arguments = arguments.iter().map(|argument| match *argument {
        FILE => path,
        argument => argument,
    });
    let Ok(output) = Command::new(program).args(arguments).stdin(Stdio::null()).output() else {
        println!("skipped: {program} is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let mut said = said.lines().filter(|line| {
        !line.starts_with("Guessed Channel Layout") && !line.contains("Estimating duration")
    });
    assert_eq!((output.status.success(), said.next()), (true, None));
    Some(output.stdout)
}

fn decode(bytes: &[u8], encoding: &Encoding) -> Option<Vec<f32>> {
    let rate = RATE.to_string();
    let format = match encoding.sample_format() {
        SampleFormat::S16 => "s16le",
        SampleFormat::S24 => "s24le",
        _ => "f32le",
    };
    let mut arguments = vec!["-v", "warning"];
    if encoding.format() == Format::Pcm {
        arguments.extend(["-f", format, "-ar", &rate, "-ac", "1"]);
    }
    arguments.extend(["-i", FILE, "-f", "f32le", "-ar", &rate, "-"]);
    let decoded = run("ffmpeg", &arguments, bytes)?;
    let (samples, rest) = decoded.as_chunks();
    assert!(rest.is_empty());
    Some(samples.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[test]
fn ffmpeg_reads_the_samples() {
    let samples = signal(40_001);
    for encoding in encodings() {
        let bytes = encoding.encode(&samples, RATE, metadata()).unwrap();
        let Some(found) = decode(&bytes, &encoding) else { return };
        assert_decoded(&found, &samples, &encoding);
    }
}

/// The length at every sample rate is that of the audio, within a sample of that rate.
#[test]
fn ffmpeg_reads_every_rate_with_the_length_of_the_audio() {
    let samples = signal(30_011);
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Pcm) {
        for &rate in format.sample_rates() {
            let encoding = Encoding::new(format).with_sample_rate(rate).unwrap();
            let bytes = encoding.encode(&samples, RATE, metadata()).unwrap();
            let decoded_rate = if format == Format::Opus { 48_000 } else { rate };
            let arguments = ["-v", "warning", "-i", FILE, "-f", "f32le", "-"];
            let Some(decoded) = run("ffmpeg", &arguments, &bytes) else { return };
            let (found, _) = decoded.as_chunks();
            let found: Vec<f32> = found.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            let at_that_rate = resample(&samples, RATE, rate).unwrap();
            let found = without_padding(found, at_that_rate.len(), format);
            let seconds = found.len() as f64 / f64::from(decoded_rate);
            let expected = samples.len() as f64 / f64::from(RATE);
            let is_close = (seconds - expected).abs() <= 1.0 / f64::from(rate);
            assert!(is_close, "{format} at {rate} Hz: {seconds} s instead of {expected} s");
            let snr = snr(&found, &resample(&at_that_rate, rate, decoded_rate).unwrap());
            println!("{format} at {rate} Hz: {snr:.1} dB");
            assert!(snr > min_snr(format), "{format} at {rate} Hz: {snr} dB");
        }
    }
}

#[test]
fn ffprobe_finds_the_metadata() {
    for format in [Format::Flac, Format::Mp3, Format::Aac, Format::Opus] {
        let bytes = Encoding::new(format).encode(&signal(48_000), RATE, metadata()).unwrap();
        let arguments =
            ["-v", "error", "-show_format", "-show_streams", "-show_chapters", "-of", "flat", FILE];
        let Some(found) = run("ffprobe", &arguments, &bytes) else { return };
        let found = String::from_utf8(found).unwrap();
        let mut wanted = vec!["=\"A title\"", "=\"ryan\"", "=\"Zwei: das Öl\""];
        wanted.push("start_time=\"0.700000\"");
        for part in wanted {
            assert!(found.contains(part), "{format}: {part} in {found}");
        }
    }
}
