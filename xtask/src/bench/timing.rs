//! Measurements of one run.

/// Measurements of one run; NaN where the program does not tell.
#[derive(Clone, Copy)]
pub struct Timing {
    pub load_s: f64,
    pub prefill_ms: f64,
    pub first_audio_ms: f64,
    /// Milliseconds per frame, as the following ones.
    pub talker_ms: f64,
    pub code_predictor_ms: f64,
    pub codec_ms: f64,
    /// Processing time without loading ÷ duration of the audio.
    pub rtf: f64,
    pub peak_mib: f64,
}

impl Timing {
    /// A run of which nothing is known.
    pub const UNKNOWN: Self = Self {
        load_s: f64::NAN,
        prefill_ms: f64::NAN,
        first_audio_ms: f64::NAN,
        talker_ms: f64::NAN,
        code_predictor_ms: f64::NAN,
        codec_ms: f64::NAN,
        rtf: f64::NAN,
        peak_mib: f64::NAN,
    };

    /// Returns the time of talker and code predictor together, in milliseconds per frame.
    pub fn decoding_ms(&self) -> f64 {
        self.talker_ms + self.code_predictor_ms
    }
}

/// Returns the median, or NaN of no values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}
