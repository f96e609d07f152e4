//! Encoding of WAV files.

use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};

/// Sample format of a WAV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WavFormat {
    /// 16-bit PCM, which every player reads.
    #[default]
    S16,
    /// 32-bit float, the exact output of the codec.
    F32,
}

impl WavFormat {
    /// Encodes mono `samples` in [−1, 1] as a WAV file.
    pub fn encode(self, samples: &[f32], sample_rate: u32) -> Vec<u8> {
        let (bits_per_sample, sample_format) = match self {
            Self::S16 => (16, SampleFormat::Int),
            Self::F32 => (32, SampleFormat::Float),
        };
        let spec = WavSpec { channels: 1, sample_rate, bits_per_sample, sample_format };
        let mut bytes = Cursor::new(Vec::new());
        let written = WavWriter::new(&mut bytes, spec).and_then(|mut writer| {
            for &sample in samples {
                match self {
                    Self::S16 => writer.write_sample(to_s16(sample))?,
                    Self::F32 => writer.write_sample(sample)?,
                }
            }
            writer.finalize()
        });
        // Writing to memory cannot fail, and hound supports both sample formats.
        written.expect("a WAV file in memory");
        bytes.into_inner()
    }

    /// Encodes the samples alone, little-endian, as they follow the header of a WAV file.
    pub fn encode_samples(self, samples: &[f32]) -> Vec<u8> {
        match self {
            Self::S16 => samples.iter().flat_map(|&sample| to_s16(sample).to_le_bytes()).collect(),
            Self::F32 => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        }
    }

    /// Returns the header of a mono WAV file of `n_samples`, which [`Self::encode_samples`]
    /// continues. If the number is unknown, or too large for the format, the header has the largest
    /// sizes that it can express, as is usual for WAV files in a pipe.
    pub fn header(self, sample_rate: u32, n_samples: Option<usize>) -> Vec<u8> {
        let mut header = self.encode(&[], sample_rate);
        let bytes_per_sample = match self {
            Self::S16 => 2,
            Self::F32 => 4,
        };
        let data = n_samples.and_then(|n| u32::try_from(n).ok()?.checked_mul(bytes_per_sample));
        // The first size counts the bytes after it.
        let whole = data.and_then(|data| data.checked_add(header.len() as u32 - 8));
        let (data, whole) = data.zip(whole).unwrap_or((u32::MAX, u32::MAX));
        let end = header.len();
        header[4..8].copy_from_slice(&whole.to_le_bytes());
        header[end - 4..].copy_from_slice(&data.to_le_bytes());
        header
    }
}

/// Converts a sample as libsndfile does, so that a 16-bit file equals the one that `soundfile.write`
/// makes: scaled to 32 bits, clipped, and reduced to the upper 16 bits.
fn to_s16(sample: f32) -> i16 {
    let scaled = (f64::from(sample) * 2_147_483_648.0).round_ties_even();
    ((scaled as i32) >> 16) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values were written by python-soundfile 0.13.
    #[test]
    fn s16_is_what_libsndfile_writes() {
        let floats = [
            0.0, 1.0, -1.0, 0.5, -0.5, 1e-5, -1e-5, 3e-5, 4e-5, -4e-5, 0.1, -0.1, 0.9999, 1.5,
            -1.5, 0.25, -0.3333333,
        ];
        let expected = [
            0, 32767, -32768, 16384, -16384, 0, -1, 0, 1, -2, 3276, -3277, 32764, 32767, -32768,
            8192, -10923,
        ];
        assert_eq!(floats.map(to_s16), expected);
    }

    #[test]
    fn a_file_reads_back() {
        let samples = [0.0, 0.25, -0.75, 1.0];
        for format in [WavFormat::S16, WavFormat::F32] {
            let bytes = format.encode(&samples, 24_000);
            let mut reader = hound::WavReader::new(bytes.as_slice()).unwrap();
            assert_eq!((reader.spec().sample_rate, reader.spec().channels), (24_000, 1));
            let read: Vec<f32> = match format {
                WavFormat::F32 => reader.samples::<f32>().map(Result::unwrap).collect(),
                WavFormat::S16 => {
                    reader.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect()
                }
            };
            for (sample, read) in samples.iter().zip(&read) {
                assert!((sample - read).abs() <= 1.0 / 32_768.0, "{sample} {read}");
            }
            assert_eq!(read.len(), samples.len());
        }
    }

    #[test]
    fn a_file_in_parts_is_the_whole_file() {
        let samples = [0.0, 0.25, -0.75, 1.0, -0.5];
        for format in [WavFormat::S16, WavFormat::F32] {
            let whole = format.encode(&samples, 24_000);
            let mut parts = format.header(24_000, Some(samples.len()));
            parts.extend(format.encode_samples(&samples[..2]));
            parts.extend(format.encode_samples(&samples[2..]));
            assert_eq!(parts, whole);
            for unknown in [None, Some(usize::MAX), Some(1 << 31)] {
                let head = format.header(24_000, unknown);
                let end = head.len();
                assert_eq!((&head[4..8], &head[end - 4..]), (&[0xff; 4][..], &[0xff; 4][..]));
                assert_eq!(head[8..end - 4], whole[8..end - 4]);
            }
        }
    }
}
