//! Comparison of the two results.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::wav;
use crate::json_file;

const GROUPS: usize = 16;

/// Results of both for one request.
pub struct Report {
    official: Value,
    ours: Value,
    /// Number of frames compared.
    frames: usize,
    /// Number of frames whose code agrees, for each codebook.
    agreeing: [usize; GROUPS],
    stop_reasons: [String; 2],
    frame_counts: [usize; 2],
    largest_difference: f32,
}

impl Report {
    /// Reads the results of both runs in `out`.
    pub fn read(out: &Path) -> Result<Self> {
        let official = json_file::read(&out.join("official.json"))?;
        let codes = json_file::read(&out.join("codes.json"))?;
        let (theirs, mine) = (frames(&official)?, frames(&codes)?);
        let frames = theirs.len().min(mine.len());
        let mut agreeing = [0; GROUPS];
        for (left, right) in theirs.iter().zip(&mine) {
            for (group, count) in agreeing.iter_mut().enumerate() {
                *count += usize::from(left[group] == right[group]);
            }
        }
        let audio = wav::read(&out.join("ours.wav"))?;
        let expected = wav::read_tensor(&out.join("official.safetensors"), "audio")?;
        // The official cut after a reference is rounded down, sometimes to one sample too early.
        let early = expected.len().saturating_sub(audio.len()).min(1);
        let differences = audio.iter().zip(&expected[early..]).map(|(a, b)| (a - b).abs());
        Ok(Self {
            frames,
            agreeing,
            stop_reasons: [&official, &codes].map(|side| text(&side["stop_reason"])),
            frame_counts: [theirs.len(), mine.len()],
            largest_difference: differences.fold(0.0, f32::max),
            ours: json_file::read(&out.join("stats.json"))?,
            official,
        })
    }

    /// Returns true if both generated the same codes and stopped for the same reason.
    pub fn codes_agree(&self) -> bool {
        let [theirs, mine] = self.frame_counts;
        let reasons = self.stop_reasons[0] == self.stop_reasons[1];
        theirs == mine && reasons && self.agreeing.iter().all(|&count| count == self.frames)
    }

    fn per_frame(&self, side: &Value, key: &str, frames: usize) -> String {
        match side[key].as_f64() {
            Some(seconds) => format!("{:.2}", seconds * 1e3 / frames.max(1) as f64),
            None => "-".to_owned(),
        }
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, label: &str, cells: [String; 2]) -> fmt::Result {
        writeln!(f, "| {label:<28} | {:>10} | {:>10} |", cells[0], cells[1])
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = [&self.official, &self.ours];
        let plain = |key: &str, scale: f64, digits: usize| {
            sides.map(|side| match side[key].as_f64() {
                Some(value) => format!("{:.digits$}", value * scale),
                None => "-".to_owned(),
            })
        };
        self.row(f, "", ["official", "this"].map(str::to_owned))?;
        writeln!(f, "|{:-<30}|{:-<11}:|{:-<11}:|", "", "", "")?;
        self.row(f, "frames", self.frame_counts.map(|count| count.to_string()))?;
        self.row(f, "stopped by", self.stop_reasons.clone())?;
        self.row(f, "load, s", plain("load_seconds", 1.0, 2))?;
        for part in ["speaker_encoder", "speech_encoder"] {
            let key = format!("{part}_seconds");
            if sides.iter().any(|side| side[&key].is_number()) {
                let label = format!("{}, ms", part.replace('_', " "));
                self.row(f, &label, plain(&key, 1e3, 1))?;
            }
        }
        self.row(f, "prefill, ms", plain("prefill_seconds", 1e3, 1))?;
        for part in ["talker", "code_predictor", "codec"] {
            let key = format!("{part}_seconds");
            let [theirs, mine] = self.frame_counts;
            let cells = [(sides[0], theirs), (sides[1], mine)];
            let cells = cells.map(|(side, frames)| self.per_frame(side, &key, frames));
            self.row(f, &format!("{}, ms per frame", part.replace('_', " ")), cells)?;
        }
        self.row(f, "real-time factor", plain("rtf", 1.0, 3))?;
        self.row(f, "peak memory, MiB", plain("peak_memory_bytes", 1.0 / 1048576.0, 0))?;
        let equal: Vec<String> = self.agreeing.iter().map(usize::to_string).collect();
        writeln!(f, "equal codes of {} per codebook: {}", self.frames, equal.join(" "))?;
        let margin = self.official["smallest_margin"].as_f64().unwrap_or(f64::NAN);
        writeln!(f, "smallest margin of an official argmax: {margin:.2e}")?;
        write!(f, "largest difference of the waveforms: {:.2e}", self.largest_difference)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

/// Returns the codes of a result, 16 per frame.
fn frames(result: &Value) -> Result<Vec<Vec<u64>>> {
    let rows = result["codes"].as_array().context("a result has no codes")?;
    let row = |row: &Value| -> Option<Vec<u64>> {
        let row: Option<Vec<u64>> = row.as_array()?.iter().map(Value::as_u64).collect();
        row.filter(|row| row.len() == GROUPS)
    };
    let rows: Option<Vec<Vec<u64>>> = rows.iter().map(row).collect();
    rows.context("codes are not rows of 16")
}
