//! Finished pieces of a long text, stored for a resumed run.

mod folder;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use qwen3_tts_pipeline::{Sampling, SpeechRequest, StageTimings, StopReason, TextMode, Voice};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::args::SpeakArgs;
use crate::failure::{Failure, Result};
use crate::identity::fingerprint;
use crate::output_file::OutputFile;
use crate::spoken::Piece;
pub use folder::PieceFolder;
use folder::names;

/// The finished pieces of a request, in a folder that belongs to this run.
pub struct PieceStore {
    folder: PieceFolder,
    /// Identity of the request, which all stored pieces share.
    identity: Value,
    seed: Option<u64>,
    /// Complete pieces that were not taken, without their samples.
    pieces: BTreeMap<usize, StoredPiece>,
}

#[derive(Serialize, Deserialize)]
struct StoredState {
    request: Value,
    seed: u64,
    /// True if the folder was created for the pieces, and so is removed with them.
    made_folder: bool,
}

/// A piece without its samples.
#[derive(Serialize, Deserialize)]
struct StoredPiece {
    /// Fingerprint of the request and its seed.
    request: String,
    codes: Vec<Vec<u32>>,
    n_samples: usize,
    stop_reason: String,
    seed: u64,
    attempts: usize,
    prompt_tokens: usize,
    pause_milliseconds: u64,
    /// Timings of a piece of this run.
    #[serde(skip)]
    timings: StageTimings,
}

/// A piece with its samples and the silence after it.
pub struct Kept {
    pub piece: Piece,
    pub audio: Vec<f32>,
    pub pause: Duration,
}

impl PieceStore {
    /// Opens the store of a request. Only pieces that are there now are reused.
    pub fn open(
        folder: PieceFolder,
        args: &SpeakArgs,
        model: Value,
        request: &SpeechRequest,
    ) -> Result<Self> {
        let computed = json!({
            "device": args.model.device.name(),
            "quantize": args.quantize.details(),
            "kv_cache": args.kv_cache.name(),
        });
        let identity = identity(model, computed, request)?;
        let mut store = Self { folder, identity, seed: None, pieces: BTreeMap::new() };
        let Some(state) = store.folder.state()? else { return Ok(store) };
        let state: Option<StoredState> = serde_json::from_slice(&state).ok();
        let is_given = |seed: u64| args.sampling.seed.is_none_or(|given| given == seed);
        let state = state.filter(|state| state.request == store.identity && is_given(state.seed));
        let Some(state) = state else {
            return Err(Failure::request(format!(
                "{} holds pieces of another request: remove it, or speak without --resume",
                store.folder.path().display()
            )));
        };
        store.folder.set_made(state.made_folder);
        store.seed = Some(state.seed);
        store.pieces = store.complete_pieces();
        Ok(store)
    }

    /// Returns the seed of the earlier run.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Stores the identity of the request and its seed, before any piece.
    pub fn begin(&mut self, seed: u64) -> Result {
        if self.seed.is_some() {
            return Ok(());
        }
        self.seed = Some(seed);
        let made_folder = self.folder.make()?;
        let state = StoredState { request: self.identity.clone(), seed, made_folder };
        self.folder.begin(json!(state).to_string().as_bytes())
    }

    /// Returns the indices of the complete pieces.
    pub fn pieces(&self) -> impl Iterator<Item = usize> {
        self.pieces.keys().copied()
    }

    /// Takes a piece, or returns `None` if it is missing or incomplete.
    pub fn take(&mut self, index: usize) -> Option<Kept> {
        let stored = self.pieces.remove(&index)?;
        let [_, samples] = names(index);
        let bytes = fs::read(self.folder.path().join(samples)).ok()?;
        let (samples, rest) = bytes.as_chunks();
        if !rest.is_empty() || samples.len() != stored.n_samples {
            return None;
        }
        Some(Kept {
            audio: samples.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            pause: Duration::from_millis(stored.pause_milliseconds),
            piece: Piece {
                stop_reason: StopReason::from_name(&stored.stop_reason)?,
                codes: stored.codes,
                seed: stored.seed,
                attempts: stored.attempts,
                prompt_tokens: stored.prompt_tokens,
                timings: stored.timings,
            },
        })
    }

    /// Stores a piece, its samples and the silence after it.
    pub fn add(&mut self, index: usize, piece: &Piece, audio: &[f32], pause: Duration) -> Result {
        let stored = StoredPiece {
            request: self.key(),
            codes: piece.codes.clone(),
            n_samples: audio.len(),
            stop_reason: piece.stop_reason.name().to_owned(),
            seed: piece.seed,
            attempts: piece.attempts,
            prompt_tokens: piece.prompt_tokens,
            pause_milliseconds: pause.as_millis() as u64,
            timings: piece.timings,
        };
        let [about, samples] = names(index);
        let bytes: Vec<u8> = audio.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.write_file(&samples, &bytes)?;
        self.write_file(&about, json!(stored).to_string().as_bytes())?;
        self.pieces.insert(index, stored);
        Ok(())
    }

    /// Removes the store, once the output is complete.
    pub fn remove(self) -> Result {
        self.folder.remove()
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result {
        OutputFile::at(self.folder.path().join(name))?.write(bytes)
    }

    /// Returns the fingerprint by which the pieces of this request are told from others.
    fn key(&self) -> String {
        fingerprint(format!("{} {:?}", self.identity, self.seed).as_bytes())
    }

    /// Reads the pieces whose samples are all there. The samples are read when they are due.
    fn complete_pieces(&self) -> BTreeMap<usize, StoredPiece> {
        let key = self.key();
        let complete = |index| complete_piece(self.folder.path(), index, &key);
        let indices = self.folder.indices();
        indices.into_iter().filter_map(|index| Some((index, complete(index)?))).collect()
    }
}

fn complete_piece(directory: &Path, index: usize, key: &str) -> Option<StoredPiece> {
    let [about, samples] = names(index);
    let about = fs::read_to_string(directory.join(about)).ok()?;
    let stored: StoredPiece = serde_json::from_str(&about).ok()?;
    StopReason::from_name(&stored.stop_reason)?;
    let bytes = fs::metadata(directory.join(samples)).ok()?.len();
    let is_complete = (stored.n_samples as u64).checked_mul(4) == Some(bytes);
    (is_complete && stored.request == key).then_some(stored)
}

/// Returns the properties that all pieces of a request share, with `computed`: how they are computed.
/// Names are spelled out, since an earlier version of this program may have stored the other side of
/// the comparison.
fn identity(model: Value, computed: Value, request: &SpeechRequest) -> Result<Value> {
    let voice = match &request.voice {
        Voice::Default => json!("default"),
        Voice::Speaker(name) => json!({ "speaker": name }),
        Voice::Cloned(voice) => {
            let bytes = voice.to_bytes("the cloned voice")?;
            json!({ "cloned": fingerprint(&bytes) })
        }
        _ => return Err(Failure::Other("--resume does not know this kind of voice".to_owned())),
    };
    let text_mode = request.text_mode.map(|mode| match mode {
        TextMode::Streaming => "streaming",
        _ => "non_streaming",
    });
    let Sampling {
        greedy,
        do_sample,
        subtalker_do_sample,
        temperature,
        top_k,
        top_p,
        repetition_penalty,
        subtalker_temperature,
        subtalker_top_k,
        subtalker_top_p,
    } = request.sampling;
    Ok(json!({
        "model": model,
        "computed": computed,
        "text": request.text,
        "markup": request.markup,
        "voice": voice,
        "language": request.language,
        "instruct": request.instruct,
        "text_mode": text_mode,
        "greedy": greedy,
        "do_sample": do_sample,
        "subtalker_do_sample": subtalker_do_sample,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "repetition_penalty": repetition_penalty,
        "subtalker_temperature": subtalker_temperature,
        "subtalker_top_k": subtalker_top_k,
        "subtalker_top_p": subtalker_top_p,
        "max_frames": request.max_frames,
        "piece_tokens": request.long_text.piece_tokens,
        "each_sentence": request.long_text.each_sentence,
        "retries": request.long_text.retries,
        "sentence_pause": request.long_text.sentence_pause.as_millis() as u64,
        "paragraph_pause": request.long_text.paragraph_pause.as_millis() as u64,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_a_request_has_names_of_its_own() {
        let mut request = SpeechRequest::new("One.").speaker("ryan").language("english");
        request.sampling.temperature = Some(0.5);
        request.sampling.do_sample = Some(true);
        let request = request.text_mode(TextMode::Streaming).max_frames(9);
        let computed = json!({"device": "cpu", "quantize": "talker=4"});
        let stored = identity(json!({"directory": "DIR"}), computed, &request).unwrap();
        let expected = json!({
            "model": {"directory": "DIR"}, "computed": {"device": "cpu", "quantize": "talker=4"},
            "text": "One.", "markup": false, "voice": {"speaker": "ryan"}, "language": "english", "instruct": null,
            "text_mode": "streaming", "greedy": false, "do_sample": true, "subtalker_do_sample": null,
            "temperature": 0.5, "top_k": null, "top_p": null, "repetition_penalty": null,
            "subtalker_temperature": null, "subtalker_top_k": null, "subtalker_top_p": null,
            "max_frames": 9, "piece_tokens": 256, "each_sentence": false, "retries": 2,
            "sentence_pause": 250, "paragraph_pause": 650,
        });
        assert_eq!(stored, expected);
        // The same after a round trip through the file.
        assert_eq!(serde_json::from_str::<Value>(&stored.to_string()).unwrap(), expected);
    }
}
