//! The medians as tables.

use std::fmt;

use super::timing::{Timing, median};

/// Measurements of all runs.
#[derive(Default)]
pub struct Table {
    /// The rows of each kind of weights; the first one is this project's.
    pub kinds: Vec<Vec<Row>>,
    /// Read bandwidth in bytes per second, before each run.
    pub bandwidth: Vec<f64>,
}

/// The runs of one program with one kind of weights.
pub struct Row {
    pub label: String,
    /// Bytes of the weights that a frame reads.
    pub bytes_per_frame: u64,
    pub timings: Vec<Timing>,
}

impl Row {
    fn median(&self, of: impl Fn(&Timing) -> f64) -> f64 {
        median(self.timings.iter().map(of).collect())
    }
}

impl Table {
    fn floors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bandwidth = median(self.bandwidth.clone());
        writeln!(f, "read bandwidth: {:.1} GB/s\n", bandwidth / 1e9)?;
        writeln!(
            f,
            "| weights | load s | prefill ms | first audio ms | talker ms/frame | \
             code predictor ms/frame | codec ms/frame | RTF | peak MiB | MB/frame | floor ms | \
             talker + code predictor ÷ floor |"
        )?;
        writeln!(f, "|---|{}", "---:|".repeat(11))?;
        for row in self.kinds.iter().flatten() {
            let floor = row.bytes_per_frame as f64 / bandwidth * 1e3;
            let cells = [
                number(row.median(|t| t.load_s), 2),
                number(row.median(|t| t.prefill_ms), 0),
                number(row.median(|t| t.first_audio_ms), 0),
                number(row.median(|t| t.talker_ms), 1),
                number(row.median(|t| t.code_predictor_ms), 1),
                number(row.median(|t| t.codec_ms), 1),
                number(row.median(|t| t.rtf), 2),
                number(row.median(|t| t.peak_mib), 0),
                number(row.bytes_per_frame as f64 / 1e6, 0),
                number(floor, 1),
                number(row.median(Timing::decoding_ms) / floor, 2),
            ];
            writeln!(f, "| {} | {} |", row.label, cells.join(" | "))?;
        }
        Ok(())
    }

    fn ratios(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| this ÷ other | prefill | talker + code predictor | codec | RTF |")?;
        writeln!(f, "|---|{}", "---:|".repeat(4))?;
        for rows in &self.kinds {
            let [ours, others @ ..] = rows.as_slice() else { continue };
            for other in others {
                let ratio = |of: fn(&Timing) -> f64| number(ours.median(of) / other.median(of), 2);
                let cells = [
                    ratio(|t| t.prefill_ms),
                    ratio(Timing::decoding_ms),
                    ratio(|t| t.codec_ms),
                    ratio(|t| t.rtf),
                ];
                writeln!(f, "| {} ÷ {} | {} |", ours.label, other.label, cells.join(" | "))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.floors(f)?;
        if self.kinds.iter().any(|rows| rows.len() > 1) {
            writeln!(f)?;
            self.ratios(f)?;
        }
        Ok(())
    }
}

/// Formats a number, or a dash for NaN.
fn number(value: f64, decimals: usize) -> String {
    match value.is_nan() {
        true => "–".to_owned(),
        false => format!("{value:.decimals$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, talker_ms: &[f64]) -> Row {
        let timing = |&talker_ms: &f64| Timing {
            talker_ms,
            code_predictor_ms: 50.0,
            prefill_ms: 100.0,
            ..Timing::UNKNOWN
        };
        let timings = talker_ms.iter().map(timing).collect();
        Row { label: label.to_owned(), bytes_per_frame: 1_000_000_000, timings }
    }

    #[test]
    fn ratios_are_of_medians_and_unknown_numbers_are_dashes() {
        let rows = vec![row("8", &[50.0, 30.0, 500.0]), row("other", &[150.0])];
        let table = Table { kinds: vec![rows], bandwidth: vec![10e9, 20e9, 40e9] };
        let text = table.to_string();
        assert!(
            text.contains("| 8 | – | 100 | – | 50.0 | 50.0 | – | – | – | 1000 | 50.0 | 2.00 |")
        );
        assert!(text.contains("| 8 ÷ other | 1.00 | 0.50 | – | – |"), "{text}");
    }

    #[test]
    fn one_program_alone_has_no_ratios() {
        let table = Table { kinds: vec![vec![row("8", &[1.0])]], bandwidth: vec![1e9] };
        assert!(!table.to_string().contains("this ÷ other"));
    }
}
