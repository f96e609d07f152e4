//! The medians as a table.

use std::fmt;

use serde_json::Value;

/// Measurements of all runs.
#[derive(Default)]
pub struct Table {
    pub rows: Vec<Row>,
    /// Read bandwidth in bytes per second, of each run.
    pub bandwidth: Vec<f64>,
}

/// The runs of one program with one kind of weights.
pub struct Row {
    label: &'static str,
    /// Kind of weights, in the form of `speak --quantize`.
    pub kind: String,
    stats: Vec<Value>,
    bytes_per_frame: u64,
}

impl Row {
    /// Creates a row without runs; `label` precedes the kind of weights.
    pub fn new(label: &'static str, kind: &str, bytes_per_frame: u64) -> Self {
        Self { label, kind: kind.to_owned(), stats: Vec::new(), bytes_per_frame }
    }

    /// Adds the output of `speak --stats` for a run.
    pub fn add(&mut self, stats: Value) {
        self.stats.push(stats);
    }

    fn median(&self, of: impl Fn(&Value) -> f64) -> f64 {
        median(self.stats.iter().map(of).collect())
    }

    fn number(&self, key: &str) -> f64 {
        self.median(|stats| stats[key].as_f64().unwrap_or(f64::NAN))
    }

    /// Returns the median in milliseconds per frame.
    fn per_frame(&self, key: &str) -> f64 {
        let frames = |stats: &Value| stats["frames"].as_f64().unwrap_or(f64::NAN);
        self.median(|stats| stats[key].as_f64().unwrap_or(f64::NAN) * 1e3 / frames(stats))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bandwidth = median(self.bandwidth.clone());
        writeln!(f, "read bandwidth: {:.1} GB/s\n", bandwidth / 1e9)?;
        writeln!(
            f,
            "| weights | load s | prefill ms | first audio ms | talker ms/frame | \
             code predictor ms/frame | codec ms/frame | RTF | peak MiB | MB/frame | floor ms | \
             talker + code predictor ÷ floor |"
        )?;
        writeln!(f, "|---|{}", "---:|".repeat(11))?;
        for row in &self.rows {
            let [talker, code_predictor, codec] = ["talker", "code_predictor", "codec"]
                .map(|s| row.per_frame(&format!("{s}_seconds")));
            let floor = row.bytes_per_frame as f64 / bandwidth * 1e3;
            writeln!(
                f,
                "| {}{} | {:.2} | {:.0} | {:.0} | {talker:.1} | {code_predictor:.1} | {codec:.1} | \
                 {:.2} | {:.0} | {:.0} | {floor:.1} | {:.2} |",
                row.label,
                row.kind,
                row.number("load_seconds"),
                row.number("prefill_seconds") * 1e3,
                row.number("time_to_first_audio_seconds") * 1e3,
                row.number("rtf"),
                row.number("peak_memory_bytes") / 1048576.0,
                row.bytes_per_frame as f64 / 1e6,
                (talker + code_predictor) / floor,
            )?;
        }
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}
