//! Writing of voice files.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::cloned::ClonedVoice;
use super::error::VoiceFileError;
use super::format::{FORMAT, VERSION};

/// Alignment of the tensors in bytes.
const ALIGNMENT: usize = 8;

/// Returns the bytes of the file of `voice`.
///
/// The header is written here rather than by the crate `safetensors`, which would write the metadata
/// in a random order.
pub fn write(voice: &ClonedVoice) -> Result<Vec<u8>, VoiceFileError> {
    let version = VERSION.to_string();
    let mut metadata = BTreeMap::from([
        ("format", FORMAT),
        ("version", &version),
        ("tts_model_size", voice.tts_model_size.name()),
        ("created_with", &voice.created_with),
    ]);
    let mut tensors = json!({});
    let mut data: Vec<u8> = voice.speaker_embedding.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensors["speaker_embedding"] = tensor("F32", &[voice.speaker_embedding.len()], 0, data.len());
    if let Some(reference) = &voice.reference {
        metadata.insert("transcript", &reference.transcript);
        let width = reference.codes.first().map_or(0, Vec::len);
        if let Some(frame) = reference.codes.iter().find(|frame| frame.len() != width) {
            return Err(VoiceFileError::Unexpected {
                what: "codes",
                expected: "frames of one length",
                found: format!("{width} and {} codes", frame.len()),
            });
        }
        let start = data.len();
        data.extend(reference.codes.iter().flatten().flat_map(|code| code.to_le_bytes()));
        tensors["codes"] = tensor("U32", &[reference.codes.len(), width], start, data.len());
    }
    tensors["__metadata__"] = json!(metadata);
    let mut header = tensors.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    Ok([&(header.len() as u64).to_le_bytes(), &*header, &*data].concat())
}

fn tensor(dtype: &str, shape: &[usize], start: usize, end: usize) -> serde_json::Value {
    json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] })
}
