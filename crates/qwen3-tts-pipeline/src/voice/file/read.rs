//! Reading of voice files.

use std::collections::HashMap;

use qwen3_tts_config::ModelSize;
use qwen3_tts_files::WrongFile;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::super::cloned::{ClonedVoice, VoiceReference};
use super::error::VoiceFileError;
use super::format::{FORMAT, MAX_BYTES, VERSION};

type Result<T, E = VoiceFileError> = std::result::Result<T, E>;

/// Reads the bytes of a voice file and checks everything in it.
pub fn read(bytes: &[u8]) -> Result<ClonedVoice> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(VoiceFileError::TooLarge { max: MAX_BYTES });
    }
    let damaged = |error: safetensors::SafeTensorError| match WrongFile::in_place_of_safetensors(
        bytes,
        bytes.len() as u64,
    ) {
        Some(wrong) => VoiceFileError::WrongFile(wrong),
        None => VoiceFileError::Damaged { reason: error.to_string().replace('\n', " ") },
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let none = HashMap::new();
    let metadata = Metadata(header.metadata().as_ref().unwrap_or(&none));
    metadata.check_version()?;
    let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let known = ["speaker_embedding", "codes"];
    if let Some(name) = tensors.names().into_iter().find(|name| !known.contains(name)) {
        return Err(unexpected("tensors", "speaker_embedding and codes", quoted(name)));
    }
    let embedding = tensors
        .tensor("speaker_embedding")
        .map_err(|_| VoiceFileError::Missing { what: "the tensor speaker_embedding" })?;
    Ok(ClonedVoice {
        speaker_embedding: speaker_embedding(&embedding)?,
        reference: reference(tensors.tensor("codes").ok().as_ref(), metadata)?,
        tts_model_size: metadata.tts_model_size()?,
        created_with: metadata.get("created_with").unwrap_or("unknown").to_owned(),
    })
}

/// The metadata of the header.
#[derive(Clone, Copy)]
struct Metadata<'a>(&'a HashMap<String, String>);

impl<'a> Metadata<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).map(String::as_str)
    }

    /// Checks format and version. Comes first, since a newer file may differ in everything else.
    fn check_version(&self) -> Result<()> {
        let format = self.get("format");
        if format != Some(FORMAT) {
            return Err(VoiceFileError::Format { found: format.map_or("none".into(), quoted) });
        }
        let version = self.get("version").ok_or(VoiceFileError::Missing { what: "version" })?;
        match version.parse() {
            Ok(VERSION) => Ok(()),
            Ok(found) if found > VERSION => Err(VoiceFileError::Version { found, known: VERSION }),
            _ => Err(unexpected("version", "a number from 1", quoted(version))),
        }
    }

    fn tts_model_size(&self) -> Result<ModelSize> {
        let what = "tts_model_size";
        let name = self.get(what).ok_or(VoiceFileError::Missing { what })?;
        let size = ModelSize::ALL.into_iter().find(|size| size.name() == name);
        size.ok_or_else(|| unexpected(what, "0b6 or 1b7", quoted(name)))
    }
}

fn speaker_embedding(tensor: &TensorView<'_>) -> Result<Vec<f32>> {
    let what = "speaker_embedding";
    if tensor.dtype() != Dtype::F32 || tensor.shape().len() != 1 || tensor.data().is_empty() {
        return Err(unexpected(what, "values of type F32, one after another", form(tensor)));
    }
    let values: Vec<f32> = words(tensor.data()).map(f32::from_le_bytes).collect();
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => {
            let found = format!("{} at {index}", values[index]);
            Err(unexpected(what, "finite values", found))
        }
        None => Ok(values),
    }
}

/// Reads the reference. Codes and transcript come together or not at all.
fn reference(
    codes: Option<&TensorView<'_>>,
    metadata: Metadata<'_>,
) -> Result<Option<VoiceReference>> {
    match (codes, metadata.get("transcript")) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(VoiceFileError::Missing { what: "the tensor codes" }),
        (Some(_), None) => Err(VoiceFileError::Missing { what: "transcript" }),
        (Some(_), Some(transcript)) if transcript.trim().is_empty() => {
            Err(unexpected("transcript", "the words of the recording", quoted(transcript)))
        }
        (Some(codes), Some(transcript)) => {
            Ok(Some(VoiceReference { codes: frames(codes)?, transcript: transcript.to_owned() }))
        }
    }
}

fn frames(tensor: &TensorView<'_>) -> Result<Vec<Vec<u32>>> {
    let &[_, width] = tensor.shape() else {
        return Err(unexpected("codes", "the shape [frames, codebooks]", form(tensor)));
    };
    if tensor.dtype() != Dtype::U32 || tensor.data().is_empty() {
        return Err(unexpected("codes", "frames of codes of type U32", form(tensor)));
    }
    let codes: Vec<u32> = words(tensor.data()).map(u32::from_le_bytes).collect();
    Ok(codes.chunks(width).map(<[u32]>::to_vec).collect())
}

fn words(data: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    data.as_chunks().0.iter().copied()
}

fn form(tensor: &TensorView<'_>) -> String {
    format!("{} {:?}", tensor.dtype(), tensor.shape())
}

/// Quotes text of a file: short enough for a message, and without control characters.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("{short:?}")
}

fn unexpected(what: &'static str, expected: &'static str, found: String) -> VoiceFileError {
    VoiceFileError::Unexpected { what, expected, found }
}
