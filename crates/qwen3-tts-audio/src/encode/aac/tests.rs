//! Every code of every codebook, as other decoders read it.

use std::io::Write;
use std::process::{Command, Stdio};

use qwen3_tts_pipeline::{AudioLimits, ReferenceAudio};

use super::adts_frame;
use super::bands::{edges, frequency_index};
use super::codebook::{BOOKS, LARGEST, N_BOOKS};
use super::frame::{Quantized, write};
use super::spectrum::{BLOCK, Spectrum};

const RATE: u32 = 24_000;
/// Scale factor at which no sample is cut off.
const GAIN: u8 = 110;

/// Returns frames with each group of each codebook.
fn frames() -> Vec<Quantized> {
    let mut frames = Vec::new();
    for number in 1..N_BOOKS as u8 {
        for values in all_values(number).chunks(BLOCK) {
            let values = std::array::from_fn(|line| values.get(line).copied().unwrap_or(0));
            let books = vec![number; edges(frequency_index(RATE)).len() - 1];
            frames.push(Quantized { values, gain: GAIN, books });
        }
    }
    frames
}

fn all_values(number: u8) -> Vec<i32> {
    let book = &BOOKS[usize::from(number)];
    let n_digits = 2 * book.largest as usize + 1;
    let groups = 0..n_digits.pow(book.dimension as u32);
    let digits = groups.flat_map(|group| {
        (0..book.dimension as u32).map(move |place| group / n_digits.pow(place) % n_digits)
    });
    let mut values: Vec<i32> = digits.map(|digit| digit as i32 - book.largest).collect();
    if book.has(book.largest + 1) {
        let powers = (4..13).flat_map(|power| [1 << power, (2 << power) - 1]);
        values.extend(powers.chain([LARGEST]).flat_map(|value| [value, 1, 0, -value]));
    }
    values
}

fn stream(frames: &[Quantized]) -> Vec<u8> {
    let index = frequency_index(RATE);
    let silence = Quantized { values: [0; BLOCK], gain: GAIN, books: Vec::new() };
    let all = frames.iter().chain([&silence]);
    all.flat_map(|frame| adts_frame(&write(frame, index), index)).collect()
}

/// Asserts that decoded samples have the values of the frames.
fn assert_values(samples: &[f32], frames: &[Quantized]) {
    let (blocks, rest) = samples.as_chunks();
    assert_eq!((blocks.len(), rest.len()), (frames.len() + 1, 0));
    let mut spectrum = Spectrum::new();
    spectrum.next(&blocks[0]);
    let step = (f32::from(GAIN - 100) / 4.0).exp2();
    for (frame, block) in frames.iter().zip(&blocks[1..]) {
        let value = |line: f32| ((line.abs() / step).powf(0.75) * line.signum()).round() as i32;
        let found = spectrum.next(block).map(value);
        let book = frame.books[0];
        let line = (0..BLOCK).find(|line| found[*line] != frame.values[*line]);
        assert_eq!(
            line,
            None,
            "book {book}: {:?}",
            line.map(|line| (found[line], frame.values[line]))
        );
    }
}

#[test]
fn symphonia_reads_every_code() {
    let frames = frames();
    let found = ReferenceAudio::from_bytes(&stream(&frames), "a", &AudioLimits::any()).unwrap();
    assert_eq!(found.warnings, []);
    assert_values(&found.samples, &frames);
}

/// Without ffmpeg on the path there is nothing to test.
#[test]
fn ffmpeg_reads_every_code() {
    let frames = frames();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&stream(&frames)).unwrap();
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "warning", "-f", "aac", "-i"]).arg(file.path());
    let command = command.args(["-f", "f32le", "-"]).stdin(Stdio::null());
    let Ok(output) = command.output() else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    let mut said = said.lines().filter(|line| !line.contains("Estimating duration"));
    assert_eq!((output.status.success(), said.next()), (true, None));
    let (samples, _) = output.stdout.as_chunks();
    let samples: Vec<f32> = samples.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_values(&samples, &frames);
}
