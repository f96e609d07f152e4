//! Runs of `llama-bench` of [llama.cpp](https://github.com/ggml-org/llama.cpp) on transformers of
//! the talker's and the code predictor's shapes, with random weights.

mod gguf;
mod model;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::kind::Kind;
use super::program;
use super::request::Request;
use super::timing::{Timing, median};
use gguf::WeightType;
use model::Model;

/// A build of llama.cpp.
pub struct Llama {
    /// The program `llama-bench`.
    pub program: PathBuf,
}

/// Types of the weights of the talker and of the code predictor.
pub type WeightTypes = [WeightType; 2];

/// A test of `llama-bench`.
struct Test {
    /// Tokens in the cache before it begins.
    depth: usize,
    /// Tokens of a prompt, or 0.
    prompt: usize,
    /// Tokens to generate one by one, or 0.
    generate: usize,
    repetitions: usize,
}

impl Llama {
    /// Returns the types of the weights whose size is nearest to a kind's; `None` if there are none.
    pub fn types(kind: &Kind) -> Option<WeightTypes> {
        let of = |bits| match bits {
            None => Some(WeightType::Bf16),
            Some(8) => Some(WeightType::Q8_0),
            Some(4) => Some(WeightType::Q4_0),
            Some(_) => None,
        };
        let [talker, code_predictor] = kind.bits().map(of);
        Some([talker?, code_predictor?])
    }

    /// Returns the names of the types, once if they are the same.
    pub fn label([talker, code_predictor]: WeightTypes) -> String {
        match talker == code_predictor {
            true => talker.name().to_owned(),
            false => format!("{}, {}", talker.name(), code_predictor.name()),
        }
    }

    /// Times the prefill of a prompt, the talker's steps after it, and the code predictor's steps.
    pub fn time(&self, request: &Request, types: WeightTypes, positions: usize) -> Result<Timing> {
        let [talker_type, predictor_type] = types;
        let talker = Model::talker(&request.config)?.written(&request.out, talker_type)?;
        let predictor = Model::code_predictor(&request.config)?;
        let steps = predictor.steps;
        let predictor = predictor.written(&request.out, predictor_type)?;
        let time = |file: &PathBuf, test: Test| self.bench(file, request.threads, &test);
        let prefill = Test { depth: 0, prompt: positions, generate: 0, repetitions: 2 };
        let step = Test { depth: positions, prompt: 0, generate: request.frames, repetitions: 1 };
        let frame = Test { depth: 0, prompt: 0, generate: steps, repetitions: request.frames };
        Ok(Timing {
            prefill_ms: time(&talker, prefill)?,
            talker_ms: time(&talker, step)? / request.frames as f64,
            code_predictor_ms: time(&predictor, frame)?,
            ..Timing::UNKNOWN
        })
    }

    /// Returns the median of a test in milliseconds.
    fn bench(&self, file: &PathBuf, threads: usize, test: &Test) -> Result<f64> {
        let mut command = Command::new(&self.program);
        command.arg("-m").arg(file).args(["-t", &threads.to_string(), "-o", "json"]);
        command.args(["-p", &test.prompt.to_string(), "-n", &test.generate.to_string()]);
        command.args(["-d", &test.depth.to_string(), "-r", &test.repetitions.to_string()]);
        let output = program::output(&mut command)?;
        let results: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{command:?} printed no JSON"))?;
        let samples = results[0]["samples_ns"].as_array().context("no samples_ns")?;
        Ok(median(samples.iter().filter_map(Value::as_f64).collect()) / 1e6)
    }
}
