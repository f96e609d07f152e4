//! A text that was spoken, in one piece or in many, and its statistics.

use std::time::{Duration, Instant};

use qwen3_tts_pipeline::{PieceOutput, SpeechCodes, StageTimings, StopReason, Synthesizer};
use serde_json::{Value, json};

/// A piece of a text, spoken now or by an earlier run.
pub struct Piece {
    pub codes: Vec<Vec<u32>>,
    pub stop_reason: StopReason,
    pub seed: u64,
    /// Number of times that it was spoken.
    pub attempts: usize,
    pub prompt_tokens: usize,
    pub timings: StageTimings,
}

impl From<&PieceOutput> for Piece {
    fn from(piece: &PieceOutput) -> Self {
        Self {
            codes: piece.codes.codes.clone(),
            stop_reason: piece.stop_reason,
            seed: piece.seed,
            attempts: piece.attempts,
            prompt_tokens: piece.prompt_tokens,
            timings: piece.timings,
        }
    }
}

/// The pieces of a text that were spoken.
pub struct Spoken {
    begin: Instant,
    seed: u64,
    sample_rate: u32,
    codes: Vec<Vec<u32>>,
    n_samples: usize,
    prompt_tokens: usize,
    pieces: usize,
    retries: usize,
    /// Number of pieces that were cut off.
    n_cut: usize,
    stop_reason: StopReason,
    timings: StageTimings,
}

impl Spoken {
    /// Creates an outcome without pieces, for a speech requested at `begin`.
    pub fn new(begin: Instant, seed: u64, sample_rate: u32) -> Self {
        Self {
            begin,
            seed,
            sample_rate,
            codes: Vec::new(),
            n_samples: 0,
            prompt_tokens: 0,
            pieces: 0,
            retries: 0,
            n_cut: 0,
            stop_reason: StopReason::Eos,
            timings: StageTimings::default(),
        }
    }

    /// Sets the number of samples that are left by effects.
    pub fn set_n_samples(&mut self, n_samples: usize) {
        self.n_samples = n_samples;
    }

    /// Adds samples, of a piece or of the silence after it.
    pub fn add_samples(&mut self, samples: &[f32]) {
        self.n_samples += samples.len();
    }

    /// Returns the number of samples so far.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Adds a piece. A speech of one piece has the seed of that piece.
    pub fn add(&mut self, piece: Piece, is_only: bool) {
        if is_only {
            self.seed = piece.seed;
        }
        if self.pieces == 0 {
            self.timings.time_to_first_audio = piece.timings.time_to_first_audio;
        }
        self.pieces += 1;
        self.retries += piece.attempts.saturating_sub(1);
        self.prompt_tokens += piece.prompt_tokens;
        self.n_cut += usize::from(piece.stop_reason == StopReason::MaxFrames);
        self.stop_reason = self.stop_reason.max(piece.stop_reason);
        self.timings.prefill += piece.timings.prefill;
        self.timings.talker += piece.timings.talker;
        self.timings.code_predictor += piece.timings.code_predictor;
        self.timings.codec += piece.timings.codec;
        self.codes.extend(piece.codes);
    }

    pub fn frames(&self) -> usize {
        self.codes.len()
    }

    /// Returns what was cut off, if anything was. `limit` is that of the request.
    pub fn cut(&self, limit: Option<usize>) -> Option<String> {
        let what = match (self.n_cut, self.pieces) {
            (0, _) => return None,
            (_, 0 | 1) => "the speech was".to_owned(),
            (1, n) => format!("1 of {n} pieces was"),
            (n_cut, n) => format!("{n_cut} of {n} pieces were"),
        };
        Some(match limit {
            Some(1) => format!("{what} cut off after 1 frame, the limit of the request"),
            Some(limit) => format!("{what} cut off after {limit} frames, the limit of the request"),
            None => {
                format!("{what} cut off before the end: split the text, or try another seed")
            }
        })
    }

    /// Returns the codes of all pieces as JSON.
    pub fn codes_json(&self) -> String {
        SpeechCodes { codes: self.codes.clone() }.to_json(self.stop_reason)
    }

    /// Returns the statistics as JSON.
    pub fn stats_json(&self, model: &Synthesizer, voice: Option<StageTimings>) -> String {
        let timings = self.timings;
        let mut stats = self.outcome();
        let more = json!({
            "load_seconds": model.load_time().as_secs_f64(),
            "speaker_encoder_seconds": voice.map(|voice| voice.speaker_encoder.as_secs_f64()),
            "speech_encoder_seconds":
                voice.and_then(|voice| voice.speech_encoder).map(|time| time.as_secs_f64()),
            "prefill_seconds": timings.prefill.as_secs_f64(),
            "talker_seconds": timings.talker.as_secs_f64(),
            "code_predictor_seconds": timings.code_predictor.as_secs_f64(),
            "codec_seconds": timings.codec.as_secs_f64(),
            "time_to_first_audio_seconds": timings.time_to_first_audio.as_secs_f64(),
            "n_samples": self.n_samples,
            "sample_rate": self.sample_rate,
            "rtf": self.begin.elapsed().as_secs_f64() / self.audio_seconds(),
            "peak_memory_bytes": peak_memory_bytes(),
            "threads": model.threads(),
            "device": model.device().name(),
            "weight_type": model.weight_types(),
        });
        add_fields(&mut stats, more);
        format!("{stats:#}\n")
    }

    /// Returns the outcome as a JSON object.
    pub fn outcome(&self) -> Value {
        json!({
            "seed": self.seed,
            "frames": self.frames(),
            "audio_seconds": self.audio_seconds(),
            "stop_reason": self.stop_reason.name(),
            "pieces": self.pieces,
            "retries": self.retries,
            "prompt_tokens": self.prompt_tokens,
            "processing_seconds": self.begin.elapsed().as_secs_f64(),
        })
    }

    /// Returns the summary printed at the end.
    pub fn summary(&self) -> String {
        let pieces =
            if self.pieces > 1 { format!("{} pieces, ", self.pieces) } else { String::new() };
        format!("{pieces}{}", speed(self.audio_seconds(), self.begin.elapsed().as_secs_f64()))
    }

    /// Returns the duration of the audio in seconds.
    pub fn audio_seconds(&self) -> f64 {
        self.n_samples as f64 / f64::from(self.sample_rate.max(1))
    }
}

/// Returns the duration of speech and the speed at which it was generated.
pub fn speed(audio_seconds: f64, seconds: f64) -> String {
    let speed = audio_seconds / seconds.max(1e-3);
    format!("{audio_seconds:.1} s of speech in {seconds:.1} s, {speed:.2}× real time")
}

/// Adds the fields of one JSON object to another.
pub fn add_fields(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

/// Returns the warning about a piece that ran away.
pub fn runaway(index: usize, text: &str, attempts: usize) -> String {
    let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
    let begin: String = text.chars().take(40).collect();
    format!(
        "piece {} ({begin:?} …) was spoken {times} and never came to an end; it was cut off",
        index + 1
    )
}

/// Returns the number of samples of a pause.
pub fn samples(pause: Duration, sample_rate: u32) -> usize {
    (pause.as_nanos() * u128::from(sample_rate) / 1_000_000_000) as usize
}

/// Returns the peak memory of this process in bytes, if the system reports it.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_memory_is_more_than_a_big_allocation() {
        let Some(before) = peak_memory_bytes() else { return };
        let block = vec![1u8; 64 << 20];
        let after = peak_memory_bytes().unwrap();
        assert!(after >= before && after >= block.len() as u64);
    }
}
