//! What was spoken, in one piece or in many, and what it took.

use std::time::{Duration, Instant};

use qwen3_tts_pipeline::{
    Script, SpeechCodes, SpeechResult, StageTimings, StopReason, Synthesizer, VoiceTimings,
    peak_memory_bytes, stop_reason_name,
};
use serde_json::{Value, json};

/// A piece of a text, spoken now or by an earlier run.
pub struct Piece {
    pub audio: Vec<f32>,
    pub codes: Vec<Vec<u32>>,
    pub stop_reason: StopReason,
    pub seed: u64,
    /// How often it was spoken.
    pub attempts: usize,
    pub prompt_tokens: usize,
    pub timings: StageTimings,
}

impl Piece {
    pub fn new(speech: SpeechResult, attempts: usize) -> Self {
        Self {
            audio: speech.audio,
            codes: speech.codes.codes,
            stop_reason: speech.stop_reason,
            seed: speech.seed,
            attempts,
            prompt_tokens: speech.prompt.tokens,
            timings: speech.timings,
        }
    }
}

/// The pieces of a text that are there.
pub struct Spoken {
    begin: Instant,
    seed: u64,
    sample_rate: u32,
    samples_per_frame: usize,
    codes: Vec<Vec<u32>>,
    n_samples: usize,
    prompt_tokens: usize,
    pieces: usize,
    retries: usize,
    stop_reason: StopReason,
    timings: StageTimings,
}

impl Spoken {
    /// Nothing yet, of a request that came in at `begin`.
    pub fn new(begin: Instant, model: &Synthesizer) -> Self {
        let config = model.speech_tokenizer_config();
        Self {
            begin,
            seed: 0,
            sample_rate: config.output_sample_rate,
            samples_per_frame: config.decode_upsample_rate,
            codes: Vec::new(),
            n_samples: 0,
            prompt_tokens: 0,
            pieces: 0,
            retries: 0,
            stop_reason: StopReason::Eos,
            timings: StageTimings::default(),
        }
    }

    /// Adds a piece, and the silence after it.
    pub fn add(&mut self, piece: Piece, pause: Duration) {
        if self.pieces == 0 {
            self.seed = piece.seed;
            self.timings.time_to_first_audio = piece.timings.time_to_first_audio;
        }
        self.pieces += 1;
        self.retries += piece.attempts.saturating_sub(1);
        self.n_samples += piece.codes.len() * self.samples_per_frame;
        self.n_samples += samples(pause, self.sample_rate);
        self.prompt_tokens += piece.prompt_tokens;
        if piece.stop_reason == StopReason::MaxFrames {
            self.stop_reason = StopReason::MaxFrames;
        }
        self.timings.prefill += piece.timings.prefill;
        self.timings.talker += piece.timings.talker;
        self.timings.code_predictor += piece.timings.code_predictor;
        self.timings.codec += piece.timings.codec;
        self.codes.extend(piece.codes);
    }

    /// Takes the seed that the pieces' seeds count from, where there are several.
    pub fn set_seed(&mut self, script: &Script) {
        if script.len() > 1 {
            self.seed = script.seed();
        }
    }

    pub fn frames(&self) -> usize {
        self.codes.len()
    }

    /// Whether a piece ends because it reached a limit.
    pub fn is_cut(&self) -> bool {
        self.stop_reason == StopReason::MaxFrames
    }

    /// The codes of all pieces, as JSON.
    pub fn codes_json(&self) -> String {
        SpeechCodes { codes: self.codes.clone() }.to_json(self.stop_reason)
    }

    /// What it took, as JSON.
    pub fn stats_json(&self, model: &Synthesizer, voice: Option<VoiceTimings>) -> String {
        let timings = self.timings;
        let mut stats = self.outcome();
        let more = json!({
            "load_seconds": model.load_time().as_secs_f64(),
            "speaker_encoder_seconds": voice.map(|voice| voice.speaker.as_secs_f64()),
            "speech_encoder_seconds":
                voice.and_then(|voice| voice.speech).map(|time| time.as_secs_f64()),
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
            "device": model.device(),
            "weight_type": model.weight_type(),
        });
        add_fields(&mut stats, more);
        format!("{stats:#}\n")
    }

    /// What was spoken, as a JSON object.
    pub fn outcome(&self) -> Value {
        json!({
            "seed": self.seed,
            "frames": self.frames(),
            "audio_seconds": self.audio_seconds(),
            "stop_reason": stop_reason_name(self.stop_reason),
            "pieces": self.pieces,
            "retries": self.retries,
            "prompt_tokens": self.prompt_tokens,
            "processing_seconds": self.begin.elapsed().as_secs_f64(),
        })
    }

    /// A line for people.
    pub fn summary(&self) -> String {
        let (audio, processing) = (self.audio_seconds(), self.begin.elapsed().as_secs_f64());
        let pieces =
            if self.pieces > 1 { format!(" in {} pieces", self.pieces) } else { String::new() };
        let speed = audio / processing;
        format!("{audio:.1} s of speech{pieces} in {processing:.1} s, {speed:.2}× real time")
    }

    fn audio_seconds(&self) -> f64 {
        self.n_samples as f64 / f64::from(self.sample_rate.max(1))
    }
}

/// Adds the fields of one JSON object to another.
pub fn add_fields(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

/// What to say of a piece that never came to an end.
pub fn runaway(index: usize, text: &str, attempts: usize) -> String {
    let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
    let begin: String = text.chars().take(40).collect();
    format!(
        "piece {} ({begin:?} …) was spoken {times} and never came to an end; it was cut",
        index + 1
    )
}

/// Samples of a pause.
pub fn samples(pause: Duration, sample_rate: u32) -> usize {
    (pause.as_secs_f64() * f64::from(sample_rate)) as usize
}
