//! WAV files.

use std::io::Cursor;

use hound::{SampleFormat as Kind, WavSpec, WavWriter};

use super::container::Container;
use crate::sample_format::SampleFormat;

/// A WAV file. As long as its length is unknown, or if it is too large for the format, its header has
/// the largest sizes that it can express, as is usual for WAV files in a pipe.
pub struct Wav {
    format: SampleFormat,
    /// Header of an empty file.
    empty: Vec<u8>,
    n_bytes: Option<usize>,
    is_finished: bool,
}

impl Wav {
    pub fn new(format: SampleFormat, sample_rate: u32) -> Self {
        let sample_format = match format {
            SampleFormat::F32 => Kind::Float,
            SampleFormat::S16 | SampleFormat::S24 => Kind::Int,
        };
        let spec =
            WavSpec { channels: 1, sample_rate, bits_per_sample: format.bits(), sample_format };
        let mut empty = Cursor::new(Vec::new());
        // Writing to memory cannot fail, and hound supports these sample formats.
        WavWriter::new(&mut empty, spec).and_then(WavWriter::finalize).expect("a WAV header");
        Self { format, empty: empty.into_inner(), n_bytes: Some(0), is_finished: false }
    }

    /// Returns the sizes of the header: of the file after its first 8 bytes, and of the samples.
    fn sizes(&self) -> Option<[u32; 2]> {
        let samples = u32::try_from(self.n_bytes.filter(|_| self.is_finished)?).ok()?;
        // Chunks have an even number of bytes.
        let whole = samples.checked_add(samples % 2)?;
        Some([whole.checked_add(self.empty.len() as u32 - 8)?, samples])
    }
}

impl Container for Wav {
    fn head(&self) -> Vec<u8> {
        let [file, samples] = self.sizes().unwrap_or([u32::MAX; 2]);
        let mut head = self.empty.clone();
        let end = head.len();
        head[4..8].copy_from_slice(&file.to_le_bytes());
        head[end - 4..].copy_from_slice(&samples.to_le_bytes());
        head
    }

    fn push(&mut self, samples: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.format.write(samples, &mut bytes);
        self.n_bytes = self.n_bytes.and_then(|n| n.checked_add(bytes.len()));
        bytes
    }

    fn finish(&mut self) -> Vec<u8> {
        self.is_finished = true;
        vec![0; self.n_bytes.unwrap_or(0) % 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hounds() {
        for (format, kind) in [
            (SampleFormat::S16, Kind::Int),
            (SampleFormat::S24, Kind::Int),
            (SampleFormat::F32, Kind::Float),
        ] {
            // hound leaves out the padding of an odd number of bytes.
            let samples = [0.0, 0.5, -0.5, 1.0];
            let mut wav = Wav::new(format, 24_000);
            let pushed = wav.push(&samples);
            assert!(wav.finish().is_empty());
            let spec = WavSpec {
                channels: 1,
                sample_rate: 24_000,
                bits_per_sample: format.bits(),
                sample_format: kind,
            };
            let mut expected = Cursor::new(Vec::new());
            let mut writer = WavWriter::new(&mut expected, spec).unwrap();
            for sample in samples {
                match format {
                    SampleFormat::F32 => writer.write_sample(sample).unwrap(),
                    _ => writer.write_sample(format.integer(sample)).unwrap(),
                }
            }
            writer.finalize().unwrap();
            assert_eq!([wav.head(), pushed].concat(), expected.into_inner(), "{format}");
        }
    }

    #[test]
    fn an_odd_number_of_bytes_is_padded() {
        let mut wav = Wav::new(SampleFormat::S24, 24_000);
        wav.push(&[0.5]);
        assert_eq!(wav.finish(), [0]);
        assert_eq!(wav.sizes(), Some([wav.empty.len() as u32 - 8 + 4, 3]));
    }

    #[test]
    fn unknown_and_excessive_lengths_are_the_largest() {
        let mut wav = Wav::new(SampleFormat::F32, 24_000);
        for n_bytes in [None, Some(1 << 32)] {
            let head = wav.head();
            let end = head.len();
            assert_eq!((&head[4..8], &head[end - 4..]), (&[0xff; 4][..], &[0xff; 4][..]));
            wav.n_bytes = n_bytes;
            wav.is_finished = true;
        }
    }
}
