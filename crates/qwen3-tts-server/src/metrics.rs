//! Measurements in Prometheus' format.

use std::sync::Arc;
use std::time::Duration;

use ::metrics::{
    Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

/// Measurements of the service. They belong to it alone, not to the process.
pub struct Metrics {
    recorder: PrometheusRecorder,
    /// Answers by their status, and requests refused before they have a model.
    pub refused: Counter,
    /// WebSocket and Wyoming sessions that are open.
    pub sessions: Gauge,
    /// Clients that left audio unread for too long.
    pub slow_readers: Counter,
}

/// Measurements of a model.
#[derive(Clone)]
pub struct ModelMetrics {
    /// Requests that are being spoken.
    pub running: Gauge,
    /// Requests that wait for their turn.
    pub waiting: Gauge,
    /// Frames of 80 ms.
    pub frames: Counter,
    pub completed: Counter,
    /// Requests whose clients left, or that were cut for their slowness.
    pub cancelled: Counter,
    pub failed: Counter,
    pub first_audio: Histogram,
    pub real_time_factor: Histogram,
    /// Requests whose listener, who plays audio as it comes, had to wait.
    pub underruns: Counter,
}

const DESCRIPTIONS: [(&str, Kind, &str); 10] = [
    ("qwen3_tts_requests_running", Kind::Gauge, "Requests that are being spoken."),
    ("qwen3_tts_requests_waiting", Kind::Gauge, "Requests that wait for their turn."),
    ("qwen3_tts_requests_total", Kind::Counter, "Requests that have ended, by outcome."),
    ("qwen3_tts_requests_refused_total", Kind::Counter, "Requests refused for want of a place."),
    ("qwen3_tts_frames_total", Kind::Counter, "Frames of 80 ms of audio."),
    ("qwen3_tts_first_audio_seconds", Kind::Histogram, "Time from the request to its first audio."),
    ("qwen3_tts_real_time_factor", Kind::Histogram, "Time to make a speech divided by its length."),
    ("qwen3_tts_underruns_total", Kind::Counter, "Speeches that a listener had to wait for."),
    ("qwen3_tts_sessions", Kind::Gauge, "WebSocket and Wyoming sessions that are open."),
    ("qwen3_tts_slow_readers_total", Kind::Counter, "Clients that left audio unread for too long."),
];

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

const FIRST_AUDIO: [f64; 11] = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0];
const REAL_TIME_FACTOR: [f64; 9] = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0];

const METADATA: Metadata<'static> = Metadata::new("qwen3_tts", Level::INFO, None);

impl Metrics {
    pub fn new() -> Arc<Self> {
        let buckets = |builder: PrometheusBuilder, name: &str, values: &[f64]| {
            let matcher = Matcher::Full(name.to_owned());
            builder.set_buckets_for_metric(matcher, values).expect("there are buckets")
        };
        let builder = PrometheusBuilder::new();
        let builder = buckets(builder, "qwen3_tts_first_audio_seconds", &FIRST_AUDIO);
        let builder = buckets(builder, "qwen3_tts_real_time_factor", &REAL_TIME_FACTOR);
        let recorder = builder.build_recorder();
        for (name, kind, text) in DESCRIPTIONS {
            describe(&recorder, name, kind, text);
        }
        let key = |name| Key::from_static_name(name);
        Arc::new(Self {
            refused: recorder.register_counter(&key("qwen3_tts_requests_refused_total"), &METADATA),
            sessions: recorder.register_gauge(&key("qwen3_tts_sessions"), &METADATA),
            slow_readers: recorder
                .register_counter(&key("qwen3_tts_slow_readers_total"), &METADATA),
            recorder,
        })
    }

    /// Returns the measurements of a model.
    pub fn model(&self, name: &str) -> ModelMetrics {
        let label = || Label::new("model", name.to_owned());
        let key = |metric: &'static str| Key::from_parts(metric, vec![label()]);
        let outcome = |outcome: &'static str| {
            let labels = vec![label(), Label::from_static_parts("outcome", outcome)];
            let key = Key::from_parts("qwen3_tts_requests_total", labels);
            self.recorder.register_counter(&key, &METADATA)
        };
        let counter = |metric| self.recorder.register_counter(&key(metric), &METADATA);
        let gauge = |metric| self.recorder.register_gauge(&key(metric), &METADATA);
        let histogram = |metric| self.recorder.register_histogram(&key(metric), &METADATA);
        ModelMetrics {
            running: gauge("qwen3_tts_requests_running"),
            waiting: gauge("qwen3_tts_requests_waiting"),
            frames: counter("qwen3_tts_frames_total"),
            completed: outcome("completed"),
            cancelled: outcome("cancelled"),
            failed: outcome("failed"),
            first_audio: histogram("qwen3_tts_first_audio_seconds"),
            real_time_factor: histogram("qwen3_tts_real_time_factor"),
            underruns: counter("qwen3_tts_underruns_total"),
        }
    }

    /// Returns all measurements as Prometheus reads them.
    pub fn render(&self) -> String {
        self.recorder.handle().render()
    }

    /// Moves samples to their buckets. Without it they pile up until the next [`Self::render`].
    pub fn tidy_up(&self) {
        self.recorder.handle().run_upkeep();
    }
}

impl ModelMetrics {
    /// Records a speech of which `audio` was made in `time`, both since its first audio.
    pub fn record_pace(&self, audio: Duration, time: Duration) {
        if !audio.is_zero() {
            self.real_time_factor.record(time.as_secs_f64() / audio.as_secs_f64());
        }
    }
}

fn describe(recorder: &PrometheusRecorder, name: &'static str, kind: Kind, text: &'static str) {
    let (name, text) = (name.into(), SharedString::const_str(text));
    let unit: Option<Unit> = None;
    match kind {
        Kind::Counter => recorder.describe_counter(name, unit, text),
        Kind::Gauge => recorder.describe_gauge(name, unit, text),
        Kind::Histogram => recorder.describe_histogram(name, unit, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_by_model() {
        let metrics = Metrics::new();
        let (one, two) = (metrics.model("one"), metrics.model("two"));
        one.frames.increment(12);
        two.completed.increment(1);
        one.first_audio.record(0.25);
        one.record_pace(Duration::from_secs(4), Duration::from_secs(2));
        let text = metrics.render();
        for line in [
            "qwen3_tts_frames_total{model=\"one\"} 12",
            "qwen3_tts_requests_total{model=\"two\",outcome=\"completed\"} 1",
            "qwen3_tts_first_audio_seconds_bucket{model=\"one\",le=\"0.3\"} 1",
            "qwen3_tts_real_time_factor_bucket{model=\"one\",le=\"0.25\"} 0",
            "qwen3_tts_real_time_factor_bucket{model=\"one\",le=\"0.5\"} 1",
            "# HELP qwen3_tts_sessions WebSocket and Wyoming sessions that are open.",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
