//! Runs of `qwen_tts`, the C port <https://github.com/gabriele-mastrapasqua/qwen3-tts>.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::kind::Kind;
use super::program;
use super::request::Request;
use super::timing::Timing;

/// A build of the C port.
pub struct CPort {
    pub program: PathBuf,
}

impl CPort {
    /// Returns the flags for a kind of weights; `None` if the C port has no such kind.
    pub fn flags(kind: &Kind) -> Option<&'static [&'static str]> {
        match kind.bits() {
            [None, None] => Some(&[]),
            [Some(8), Some(8)] => Some(&["--int8"]),
            [Some(4), Some(4)] => Some(&["--int4"]),
            [Some(4), Some(8)] => Some(&["--quant-mixed"]),
            _ => None,
        }
    }

    /// Speaks the request.
    pub fn speak(&self, request: &Request, flags: &[&str]) -> Result<Timing> {
        let mut command = Command::new(&self.program);
        command.arg("--model-dir").arg(&request.checkpoint);
        command.args(["--text", &request.text, "--temperature", "0", "--language", "English"]);
        command.args(request.voice()).args(flags);
        if request.is_design() {
            command.arg("--voice-design");
        }
        command.args(["--max-tokens", &request.frames.to_string()]);
        command.args(["--threads", &request.threads.to_string()]);
        command.arg("--output").arg(request.out.join("c-port.wav"));
        if std::env::var("QWEN3_TTS_ISA").is_ok_and(|isa| isa == "avx2") {
            // OpenBLAS chooses its kernels when it is loaded; Haswell's are those for AVX2.
            command.env("OPENBLAS_CORETYPE", "Haswell");
        }
        let output = program::output(&mut command)?;
        let log = String::from_utf8_lossy(&output.stderr);
        timing(&log).with_context(|| format!("{command:?} printed no times:\n{log}"))
    }
}

/// Reads what the C port prints after a speech.
fn timing(log: &str) -> Option<Timing> {
    let frames = printed(log, "Generated ", " frames")?;
    Some(Timing {
        load_s: printed(log, "Model loaded in ", " ms")? / 1e3,
        prefill_ms: printed(log, "Prefill: ", " ms")?,
        first_audio_ms: printed(log, "TTFA: ", " ms").unwrap_or(f64::NAN),
        talker_ms: printed(log, "Talker step: ", " ms")? / frames,
        code_predictor_ms: printed(log, "Code Predictor: ", " ms")? / frames,
        codec_ms: printed(log, "Speech decoder: ", " ms")? / frames,
        rtf: printed(log, "(RTF ", ")")?,
        ..Timing::UNKNOWN
    })
}

/// Returns the first number between `label` and `unit`.
fn printed(log: &str, label: &str, unit: &str) -> Option<f64> {
    log.split(label).skip(1).find_map(|rest| rest.split_once(unit)?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_times_are_read() {
        let log = "Model loaded in 412 ms\nPrefill: 75 positions\n  Prefill: 1284 ms\n\n  \
                   Generated 50 frames (4.0s audio)\n  \
                   Talker step: 3800 ms (76.0 ms/f), Code Predictor: 10150 ms (203.0 ms/f)\n  \
                   Embed: 1 ms, Codec head+sampling: 30 ms\n  \
                   Speech decoder: 10000 ms total (210 ms drain after gen)\n\
                   Audio: 4.0s generated in 16.4s (RTF 4.10)\n";
        let timing = timing(log).expect("times");
        assert_eq!((timing.load_s, timing.prefill_ms), (0.412, 1284.0));
        assert_eq!((timing.talker_ms, timing.code_predictor_ms), (76.0, 203.0));
        assert_eq!((timing.codec_ms, timing.rtf), (200.0, 4.1));
    }

    #[test]
    fn a_log_without_times_has_no_timing() {
        assert!(timing("Audio: 4.0s").is_none());
    }
}
