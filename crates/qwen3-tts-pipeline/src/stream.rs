//! Audio while it is made.

use std::time::Instant;

use crate::codec::DECODED_TOGETHER;
use crate::request::Plan;
use crate::speaking::Speaking;
use crate::text_stream::TextFeed;
use crate::{FrameProgress, Result, SpeechResult, Synthesizer};

/// A piece of speech that is ready to be heard.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioChunk {
    /// Samples in [−1, 1], mono. What all chunks have, one after the other, is the audio of the
    /// speech.
    pub samples: Vec<f32>,
    /// Samples of a second.
    pub sample_rate: u32,
    /// The frame of 80 ms that it begins with, counted from 0.
    pub first_frame: usize,
    /// Its frames.
    pub n_frames: usize,
}

/// How long the chunks of a stream are, in frames of 80 ms.
///
/// The first one is short, so that it is heard soon. Longer ones are decoded faster, and those
/// that follow have time: by default each is twice as long as the one before, up to 16 frames.
/// Whatever is chosen, the samples are the same. Zeros count as ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSchedule {
    /// Frames of the first chunk.
    pub first: usize,
    /// How many times longer each chunk is than the one before.
    pub growth: usize,
    /// Frames of the longest chunk.
    pub max: usize,
}

impl Default for ChunkSchedule {
    fn default() -> Self {
        Self { first: 1, growth: 2, max: DECODED_TOGETHER }
    }
}

impl ChunkSchedule {
    /// Chunks that are all of `frames`.
    pub fn every(frames: usize) -> Self {
        Self { first: frames, growth: 1, max: frames }
    }

    pub(crate) fn sizes(self) -> ChunkSizes {
        let max = self.max.max(1);
        ChunkSizes { size: self.first.clamp(1, max), growth: self.growth.max(1), max }
    }
}

/// The chunk that is due.
pub(crate) struct ChunkSizes {
    size: usize,
    growth: usize,
    max: usize,
}

impl ChunkSizes {
    pub fn size(&self) -> usize {
        self.size
    }

    pub fn advance(&mut self) {
        self.size = self.size.saturating_mul(self.growth).min(self.max);
    }
}

/// Speech that is made while one asks for it: an iterator over its chunks. Dropping it ends it and
/// frees all that it held.
///
/// ```no_run
/// use qwen3_tts_pipeline::{LoadOptions, SpeechRequest, Synthesizer};
///
/// # fn main() -> qwen3_tts_pipeline::Result<()> {
/// let model = Synthesizer::load("Qwen3-TTS-12Hz-0.6B-CustomVoice", &LoadOptions::default())?;
/// let mut stream = model.stream(&SpeechRequest::new("Hello!").speaker("Ryan"))?;
/// for chunk in &mut stream {
///     println!("{} samples to play", chunk?.samples.len());
/// }
/// println!("ended by {:?}", stream.finish().stop_reason);
/// # Ok(())
/// # }
/// ```
pub struct SpeechStream<'m> {
    speaking: Speaking,
    has_failed: bool,
    model: Trimmed<'m>,
}

impl<'m> SpeechStream<'m> {
    /// Begins a request that came in at `begin`; one whose text comes bit by bit begins with it.
    pub(crate) fn start(
        model: &'m Synthesizer,
        plan: Plan,
        text: Option<TextFeed>,
        schedule: ChunkSchedule,
        begin: Instant,
    ) -> Result<Self> {
        let model = Trimmed(model);
        let mut speaking = Speaking::new(plan, text, schedule, begin);
        speaking.prepare(&model, false)?;
        Ok(Self { speaking, has_failed: false, model })
    }

    /// How far the speech is. Frames that are not heard yet count.
    pub fn progress(&self) -> FrameProgress {
        self.speaking.progress()
    }

    /// What the speech was and what it took, without the audio. Called before the last chunk, it
    /// ends the speech where it is.
    pub fn finish(self) -> SpeechResult {
        self.speaking.finish(&self.model, Vec::new())
    }

    fn chunk(&mut self) -> Result<Option<AudioChunk>> {
        while !self.speaking.is_done() {
            if let Some(chunk) = self.step()? {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// One frame, and the chunk that it completes.
    pub(crate) fn step(&mut self) -> Result<Option<AudioChunk>> {
        self.speaking.prepare(&self.model, true)?;
        self.speaking.step(&self.model)?;
        self.speaking.chunk(&self.model)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.speaking.is_done()
    }

    pub(crate) fn finish_with(self, audio: Vec<f32>) -> SpeechResult {
        self.speaking.finish(&self.model, audio)
    }
}

impl Iterator for SpeechStream<'_> {
    type Item = Result<AudioChunk>;

    /// The next chunk. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let chunk = self.chunk();
        self.has_failed = chunk.is_err();
        chunk.transpose()
    }
}

impl std::iter::FusedIterator for SpeechStream<'_> {}

/// A model whose device gives memory back once what was computed on it is dropped.
pub(crate) struct Trimmed<'m>(pub &'m Synthesizer);

impl std::ops::Deref for Trimmed<'_> {
    type Target = Synthesizer;

    fn deref(&self) -> &Synthesizer {
        self.0
    }
}

impl Drop for Trimmed<'_> {
    fn drop(&mut self) {
        self.0.device.trim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(first: usize, growth: usize, max: usize) -> Vec<usize> {
        let mut sizes = ChunkSchedule { first, growth, max }.sizes();
        let next = || {
            let size = sizes.size();
            sizes.advance();
            size
        };
        std::iter::repeat_with(next).take(6).collect()
    }

    #[test]
    fn chunks_grow_up_to_the_longest() {
        assert_eq!(sizes(1, 2, 16), [1, 2, 4, 8, 16, 16]);
        assert_eq!(sizes(3, 3, 20), [3, 9, 20, 20, 20, 20]);
        assert_eq!(sizes(5, 1, 5), [5; 6]);
        assert_eq!(sizes(9, 2, 4), [4; 6]);
        assert_eq!(sizes(0, 0, 0), [1; 6]);
        assert_eq!(sizes(1, usize::MAX, usize::MAX)[1..], [usize::MAX; 5]);
    }
}
