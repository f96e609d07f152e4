//! Speech, and what it took to make it.

use std::time::Duration;

use qwen3_tts_talker::StopReason;

use crate::SpeechCodes;

/// What a request became.
#[derive(Debug, Clone)]
pub struct SpeechResult {
    /// Samples in [−1, 1], mono.
    pub audio: Vec<f32>,
    /// How many samples there are.
    pub n_samples: usize,
    /// Samples of a second.
    pub sample_rate: u32,
    /// Which part of a longer text this is; 0, since a request is one part.
    pub segment_idx: usize,
    /// Frames of speech, each 80 ms.
    pub token_count: usize,
    /// Codes in these frames.
    pub code_count: usize,
    /// How long the speech is.
    pub audio_duration: Duration,
    /// Processing time ÷ duration of the audio: below 1 is faster than it is spoken.
    pub real_time_factor: f64,
    /// Tokens of the prompt.
    pub prompt: PromptRate,
    /// Samples of the audio.
    pub audio_samples: AudioRate,
    /// All of the time that the request took, loading the model excepted.
    pub processing_time: Duration,
    /// The most memory this process has held, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// Why the speech ends where it does.
    pub stop_reason: StopReason,
    /// The seed that was used.
    pub seed: u64,
    /// The codes that the audio was decoded from.
    pub codes: SpeechCodes,
    /// Where the time went.
    pub timings: StageTimings,
}

/// How fast a prompt was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PromptRate {
    /// Tokens of text and instruction.
    pub tokens: usize,
    /// Tokens ÷ seconds of the prefill.
    pub tokens_per_second: f64,
}

/// How fast audio was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AudioRate {
    /// Samples.
    pub samples: usize,
    /// Samples ÷ seconds of processing.
    pub samples_per_second: f64,
}

/// Where the time of a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageTimings {
    /// The prompt.
    pub prefill: Duration,
    /// Codebook 0 of all frames.
    pub talker: Duration,
    /// The other codebooks of all frames.
    pub code_predictor: Duration,
    /// Codes to audio.
    pub codec: Duration,
    /// From the request to the first samples.
    pub time_to_first_audio: Duration,
}

impl SpeechResult {
    /// The duration of the audio as `HH:MM:SS.mmm`.
    pub fn audio_duration_str(&self) -> String {
        clock(self.audio_duration)
    }
}

/// `HH:MM:SS.mmm`.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, duration.subsec_millis())
}

/// The most memory this process has held, where the system tells without being asked for more
/// than a file.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_as_a_clock() {
        assert_eq!(clock(Duration::from_millis(80)), "00:00:00.080");
        assert_eq!(clock(Duration::from_millis(3_725_999)), "01:02:05.999");
        assert_eq!(clock(Duration::from_secs(360_000)), "100:00:00.000");
    }

    #[test]
    fn peak_memory_is_more_than_a_big_allocation() {
        let Some(before) = peak_memory_bytes() else { return };
        let block = vec![1u8; 64 << 20];
        let after = peak_memory_bytes().unwrap();
        assert!(after >= before && after >= block.len() as u64);
    }
}
