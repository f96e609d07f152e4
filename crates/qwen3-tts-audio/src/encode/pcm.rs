//! Samples without a header.

use super::container::Container;
use crate::sample_format::SampleFormat;

pub struct Pcm(pub SampleFormat);

impl Container for Pcm {
    fn head(&self) -> Vec<u8> {
        Vec::new()
    }

    fn push(&mut self, samples: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.write(samples, &mut bytes);
        bytes
    }
}
