//! Runs of this project's command.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::kind::Kind;
use super::request::Request;
use super::timing::Timing;
use crate::{json_file, oracle};

/// A build of `qwen3-tts`.
pub struct Ours {
    pub program: PathBuf,
}

/// A run, and the length of its prompt.
pub struct Spoken {
    pub timing: Timing,
    /// Number of tokens of text and instruction.
    pub prompt_tokens: usize,
}

impl Ours {
    /// Speaks the request.
    pub fn speak(&self, request: &Request, kind: &Kind) -> Result<Spoken> {
        let stats = request.out.join("stats.json");
        let mut command = Command::new(&self.program);
        command.args(["speak", &request.text, "--greedy", "--non-streaming-text"]);
        command.args(["--progress", "never", "--language", "english"]).args(request.voice());
        command.arg("--model").arg(&request.checkpoint);
        command.args(["--max-frames", &request.frames.to_string()]);
        command.args(["--threads", &request.threads.to_string(), "--quantize", kind.as_str()]);
        command.arg("--stats").arg(&stats).arg("-o").arg(request.out.join("speech.wav"));
        oracle::run(&mut command)?;
        let stats = json_file::read(&stats)?;
        let prompt_tokens = stats["prompt_tokens"].as_u64().unwrap_or(0) as usize;
        Ok(Spoken { timing: timing(&stats), prompt_tokens })
    }
}

fn timing(stats: &Value) -> Timing {
    let number = |key: &str| stats[key].as_f64().unwrap_or(f64::NAN);
    let per_frame = |key: &str| number(key) * 1e3 / number("frames");
    Timing {
        load_s: number("load_seconds"),
        prefill_ms: number("prefill_seconds") * 1e3,
        first_audio_ms: number("time_to_first_audio_seconds") * 1e3,
        talker_ms: per_frame("talker_seconds"),
        code_predictor_ms: per_frame("code_predictor_seconds"),
        codec_ms: per_frame("codec_seconds"),
        rtf: number("rtf"),
        peak_mib: number("peak_memory_bytes") / 1_048_576.0,
    }
}
