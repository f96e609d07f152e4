//! Finished pieces of a long text, stored for a resumed run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qwen3_tts_pipeline::{Sampling, SpeechRequest, StageTimings, StopReason, TextMode, Voice};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::args::SpeakArgs;
use crate::failure::{Failure, Result};
use crate::output_file::OutputFile;
use crate::spoken::Piece;

/// A directory beside the output, with the request and a pair of files for each finished piece.
pub struct PieceStore {
    directory: PathBuf,
    /// Identity of the request, which all stored pieces share.
    identity: Value,
    seed: Option<u64>,
    /// Complete pieces of the earlier run, without their samples.
    pieces: BTreeMap<usize, StoredPiece>,
}

#[derive(Serialize, Deserialize)]
struct StoredState {
    request: Value,
    seed: u64,
}

/// A piece without its samples.
#[derive(Serialize, Deserialize)]
struct StoredPiece {
    codes: Vec<Vec<u32>>,
    n_samples: usize,
    stop_reason: String,
    seed: u64,
    attempts: usize,
    prompt_tokens: usize,
    pause_milliseconds: u64,
}

/// A piece with its samples and the silence after it.
pub struct Kept {
    pub piece: Piece,
    pub audio: Vec<f32>,
    pub pause: Duration,
}

const STATE: &str = "request.json";

impl PieceStore {
    /// Opens the store beside the output, if `--resume` asks for one.
    pub fn open(args: &SpeakArgs, request: &SpeechRequest) -> Result<Option<Self>> {
        if !args.resume {
            return Ok(None);
        }
        let directory = directory(args.output.path())?;
        let identity = identity(args.model.model.as_deref(), &args.quantize.to_string(), request)?;
        let Ok(state) = fs::read_to_string(directory.join(STATE)) else {
            return Ok(Some(Self { directory, identity, seed: None, pieces: BTreeMap::new() }));
        };
        let state: Option<StoredState> = serde_json::from_str(&state).ok();
        let is_given = |seed: u64| args.sampling.seed.is_none_or(|given| given == seed);
        match state.filter(|state| state.request == identity && is_given(state.seed)) {
            Some(StoredState { seed, .. }) => {
                let pieces = complete_pieces(&directory);
                Ok(Some(Self { directory, identity, seed: Some(seed), pieces }))
            }
            None => Err(Failure::request(format!(
                "{} holds pieces of another request: remove it, or speak without --resume",
                directory.display()
            ))),
        }
    }

    /// Returns the seed of the earlier run.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Stores the identity of the request and its seed.
    pub fn begin(&mut self, seed: u64) -> Result {
        if self.seed.is_some() {
            return Ok(());
        }
        let failed = |error| failure(&self.directory, error);
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let state = json!({ "request": self.identity, "seed": seed });
        self.seed = Some(seed);
        self.write_file(STATE, state.to_string().as_bytes())
    }

    /// Returns the indices of the complete pieces.
    pub fn pieces(&self) -> impl Iterator<Item = usize> {
        self.pieces.keys().copied()
    }

    /// Reads a piece, or returns `None` if it is missing or incomplete.
    pub fn read(&self, index: usize) -> Option<Kept> {
        let stored = self.pieces.get(&index)?;
        let [_, samples] = names(index);
        let bytes = fs::read(self.directory.join(samples)).ok()?;
        let (samples, rest) = bytes.as_chunks();
        if !rest.is_empty() || samples.len() != stored.n_samples {
            return None;
        }
        Some(Kept {
            audio: samples.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            pause: Duration::from_millis(stored.pause_milliseconds),
            piece: Piece {
                stop_reason: StopReason::from_name(&stored.stop_reason)?,
                codes: stored.codes.clone(),
                seed: stored.seed,
                attempts: stored.attempts,
                prompt_tokens: stored.prompt_tokens,
                timings: StageTimings::default(),
            },
        })
    }

    /// Stores a piece, its samples and the silence after it.
    pub fn write(&self, index: usize, piece: &Piece, audio: &[f32], pause: Duration) -> Result {
        let stored = StoredPiece {
            codes: piece.codes.clone(),
            n_samples: audio.len(),
            stop_reason: piece.stop_reason.name().to_owned(),
            seed: piece.seed,
            attempts: piece.attempts,
            prompt_tokens: piece.prompt_tokens,
            pause_milliseconds: pause.as_millis() as u64,
        };
        let [about, samples] = names(index);
        let bytes: Vec<u8> = audio.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.write_file(&samples, &bytes)?;
        self.write_file(&about, json!(stored).to_string().as_bytes())
    }

    /// Removes the store, once the output is complete.
    pub fn remove(self) -> Result {
        fs::remove_dir_all(&self.directory).map_err(|error| failure(&self.directory, error))
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result {
        OutputFile::check(self.directory.join(name))?.write(bytes)
    }
}

/// Reads the pieces whose samples are all there. The samples are read when they are due.
fn complete_pieces(directory: &Path) -> BTreeMap<usize, StoredPiece> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let indices = names.filter_map(|name| name.strip_suffix(".json")?.parse().ok());
    indices.filter_map(|index| Some((index, complete_piece(directory, index)?))).collect()
}

fn complete_piece(directory: &Path, index: usize) -> Option<StoredPiece> {
    let [about, samples] = names(index);
    let about = fs::read_to_string(directory.join(about)).ok()?;
    let stored: StoredPiece = serde_json::from_str(&about).ok()?;
    StopReason::from_name(&stored.stop_reason)?;
    let bytes = fs::metadata(directory.join(samples)).ok()?.len();
    let is_complete = (stored.n_samples as u64).checked_mul(4) == Some(bytes);
    is_complete.then_some(stored)
}

/// Returns the properties that all pieces of a request share. Names are spelled out, since an
/// earlier version of this program may have stored the other side of the comparison.
fn identity(model: Option<&str>, quantize: &str, request: &SpeechRequest) -> Result<Value> {
    let voice = match &request.voice {
        Voice::Default => json!("default"),
        Voice::Speaker(name) => json!({ "speaker": name }),
        Voice::Cloned(voice) => {
            let bytes = voice.to_bytes("the cloned voice")?;
            json!({ "cloned": format!("{:016x}", fingerprint(&bytes)) })
        }
        _ => return Err(Failure::Other("--resume does not know this kind of voice".to_owned())),
    };
    let text_mode = request.text_mode.map(|mode| match mode {
        TextMode::Streaming => "streaming",
        _ => "non_streaming",
    });
    let Sampling { greedy, temperature, top_k, top_p, repetition_penalty, .. } = request.sampling;
    let Sampling { subtalker_temperature, subtalker_top_k, subtalker_top_p, .. } = request.sampling;
    Ok(json!({
        "model": model,
        "quantize": quantize,
        "text": request.text,
        "voice": voice,
        "language": request.language,
        "instruct": request.instruct,
        "text_mode": text_mode,
        "greedy": greedy,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "repetition_penalty": repetition_penalty,
        "subtalker_temperature": subtalker_temperature,
        "subtalker_top_k": subtalker_top_k,
        "subtalker_top_p": subtalker_top_p,
        "max_frames": request.max_frames,
        "piece_tokens": request.long_text.piece_tokens,
        "retries": request.long_text.retries,
    }))
}

/// Returns the FNV-1a hash, which is the same on every machine.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn directory(output: &Path) -> Result<PathBuf> {
    match output.file_name() {
        Some(name) if output != Path::new("-") => {
            let mut name = name.to_owned();
            name.push(".parts");
            Ok(output.with_file_name(name))
        }
        _ => Err(Failure::request("--resume needs an output file: add -o FILE.wav")),
    }
}

fn names(index: usize) -> [String; 2] {
    [format!("{index:05}.json"), format!("{index:05}.f32")]
}

fn failure(directory: &Path, error: std::io::Error) -> Failure {
    Failure::Other(format!("cannot write {}: {error}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_a_request_has_names_of_its_own() {
        let mut request = SpeechRequest::new("One.").speaker("ryan").language("english");
        request.sampling.temperature = Some(0.5);
        let request = request.text_mode(TextMode::Streaming).max_frames(9);
        let stored = identity(Some("DIR"), "talker=4", &request).unwrap();
        let expected = json!({
            "model": "DIR", "quantize": "talker=4", "text": "One.", "voice": {"speaker": "ryan"},
            "language": "english", "instruct": null, "text_mode": "streaming", "greedy": false,
            "temperature": 0.5, "top_k": null, "top_p": null, "repetition_penalty": null,
            "subtalker_temperature": null, "subtalker_top_k": null, "subtalker_top_p": null,
            "max_frames": 9, "piece_tokens": 256, "retries": 2,
        });
        assert_eq!(stored, expected);
        // The same after a round trip through the file.
        assert_eq!(serde_json::from_str::<Value>(&stored.to_string()).unwrap(), expected);
    }
}
