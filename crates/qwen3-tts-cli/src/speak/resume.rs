//! Pieces of a long text that outlive the run that spoke them.

use std::fs;
use std::path::{Path, PathBuf};

use qwen3_tts_pipeline::{OutputFile, StageTimings, StopReason, Voice, stop_reason_name};
use serde::{Deserialize, Serialize};

use super::Job;
use crate::failure::{Failure, Result};
use crate::output::write_file;
use crate::spoken::Piece;

/// A directory beside the output, with the request and a pair of files for each finished piece.
pub struct PieceStore {
    directory: PathBuf,
    request: StoredRequest,
    seed: Option<u64>,
}

/// What has to be the same for pieces to belong together.
#[derive(Serialize, Deserialize, PartialEq)]
struct StoredRequest {
    model: Option<String>,
    quantize: String,
    text: String,
    voice: String,
    language: String,
    instruct: Option<String>,
    manner: String,
    piece_tokens: Option<usize>,
    retries: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct StoredState {
    request: StoredRequest,
    seed: u64,
}

/// What there is of a piece besides its samples.
#[derive(Serialize, Deserialize)]
struct StoredPiece {
    codes: Vec<Vec<u32>>,
    n_samples: usize,
    stop_reason: String,
    seed: u64,
    attempts: usize,
    prompt_tokens: usize,
}

const STATE: &str = "request.json";

impl PieceStore {
    /// The store beside the output, if `--resume` asks for one.
    pub fn open(job: &Job<'_>) -> Result<Option<Self>> {
        if !job.args.resume {
            return Ok(None);
        }
        let directory = directory(job.args.output.path())?;
        let request = StoredRequest::of(job);
        let Ok(state) = fs::read_to_string(directory.join(STATE)) else {
            return Ok(Some(Self { directory, request, seed: None }));
        };
        let state: Option<StoredState> = serde_json::from_str(&state).ok();
        let is_given = |seed: u64| job.args.sampling.seed.is_none_or(|given| given == seed);
        match state.filter(|state| state.request == request && is_given(state.seed)) {
            Some(state) => Ok(Some(Self { directory, request, seed: Some(state.seed) })),
            None => Err(Failure::request(format!(
                "{} has pieces of another request: remove it, or speak without --resume",
                directory.display()
            ))),
        }
    }

    /// The seed of the run that is gone on with.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Notes what the pieces to come belong to.
    pub fn begin(&mut self, seed: u64) -> Result {
        if self.seed.is_some() {
            return Ok(());
        }
        let failed = |error| failure(&self.directory, error);
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let state = serde_json::json!({ "request": self.request, "seed": seed });
        self.seed = Some(seed);
        self.write_file(STATE, state.to_string().as_bytes())
    }

    /// Whether a piece is there.
    pub fn has(&self, index: usize) -> bool {
        self.read(index).is_some()
    }

    /// A piece, if it is there and whole.
    pub fn read(&self, index: usize) -> Option<Piece> {
        let [about, samples] = names(index);
        let about = fs::read_to_string(self.directory.join(about)).ok()?;
        let stored: StoredPiece = serde_json::from_str(&about).ok()?;
        let bytes = fs::read(self.directory.join(samples)).ok()?;
        let (samples, rest) = bytes.as_chunks();
        let is_whole = rest.is_empty() && samples.len() == stored.n_samples;
        let is_eos = stored.stop_reason == stop_reason_name(StopReason::Eos);
        is_whole.then(|| Piece {
            audio: samples.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            codes: stored.codes,
            stop_reason: if is_eos { StopReason::Eos } else { StopReason::MaxFrames },
            seed: stored.seed,
            attempts: stored.attempts,
            prompt_tokens: stored.prompt_tokens,
            timings: StageTimings::default(),
        })
    }

    /// Keeps a piece.
    pub fn write(&self, index: usize, piece: &Piece) -> Result {
        let stored = StoredPiece {
            codes: piece.codes.clone(),
            n_samples: piece.audio.len(),
            stop_reason: stop_reason_name(piece.stop_reason).to_owned(),
            seed: piece.seed,
            attempts: piece.attempts,
            prompt_tokens: piece.prompt_tokens,
        };
        let [about, samples] = names(index);
        let bytes: Vec<u8> = piece.audio.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.write_file(&samples, &bytes)?;
        self.write_file(&about, serde_json::json!(stored).to_string().as_bytes())
    }

    /// Removes everything: the output is complete.
    pub fn remove(self) -> Result {
        fs::remove_dir_all(&self.directory).map_err(|error| failure(&self.directory, error))
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result {
        write_file(OutputFile::check(self.directory.join(name))?, bytes)
    }
}

impl StoredRequest {
    fn of(job: &Job<'_>) -> Self {
        let (request, options) = (&job.request, job.options());
        let voice = match &request.voice {
            Voice::Cloned(voice) => format!("cloned {:016x}", fingerprint(&format!("{voice:?}"))),
            voice => format!("{voice:?}"),
        };
        Self {
            model: job.args.model.model.clone(),
            quantize: format!("{:?}", job.args.quantize),
            text: request.text.clone(),
            voice,
            language: request.language.clone(),
            instruct: request.instruct.clone(),
            manner: format!(
                "{:?} {:?} {:?}",
                request.text_mode, request.sampling, request.max_frames
            ),
            piece_tokens: options.piece_tokens,
            retries: options.retries,
        }
    }
}

/// FNV-1a, which is the same everywhere.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn directory(output: &Path) -> Result<PathBuf> {
    match output.file_name() {
        Some(name) if output != Path::new("-") => {
            let mut name = name.to_owned();
            name.push(".parts");
            Ok(output.with_file_name(name))
        }
        _ => Err(Failure::request("--resume needs a file to go on with: name one by -o")),
    }
}

fn names(index: usize) -> [String; 2] {
    [format!("{index:05}.json"), format!("{index:05}.f32")]
}

fn failure(directory: &Path, error: std::io::Error) -> Failure {
    Failure::Other(format!("cannot write {}: {error}", directory.display()))
}
