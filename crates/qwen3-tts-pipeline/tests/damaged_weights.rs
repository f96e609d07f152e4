//! NaN and infinity in each tensor of a checkpoint in turn: found at load, or in the results.

mod support;

use std::fs;
use std::path::Path;

use qwen3_tts_pipeline::{ErrorKind, LoadOptions, Result, SpeechRequest, Synthesizer};
use qwen3_tts_testkit::TempCheckpoint;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorInfo};
use support::recording;

/// Uses all of a base checkpoint: both encoders, the talker, the code predictor and the decoder.
fn use_all(path: &Path) -> Result<()> {
    let model = Synthesizer::load(path, &LoadOptions::default().threads(1))?;
    let voice = model.clone_voice(&recording(12_000), Some("One."))?;
    let request = SpeechRequest::new("One two three.").cloned(voice).greedy().max_frames(3);
    model.speak(request)?.collect_audio().map(drop)
}

/// Returns the bytes of a file with `value` in one element of a tensor, or in all of them.
fn damaged(file: &[u8], info: &TensorInfo, header: usize, value: f32, in_all: bool) -> Vec<u8> {
    let mut bytes = file.to_vec();
    let tensor = &mut bytes[8 + header + info.data_offsets.0..8 + header + info.data_offsets.1];
    let value = match info.dtype {
        Dtype::F32 => value.to_le_bytes().to_vec(),
        Dtype::BF16 => value.to_le_bytes()[2..].to_vec(),
        other => panic!("a tensor of {other:?}"),
    };
    let middle = tensor.len() / value.len() / 2;
    for (i, element) in tensor.chunks_exact_mut(value.len()).enumerate() {
        if in_all || i == middle {
            element.copy_from_slice(&value);
        }
    }
    bytes
}

/// Returns true for a tensor that neither speech nor cloning reads: of the codebooks of the encoder
/// the first 16 are used, and each half of the codec uses one direction of its projections.
fn is_unread(name: &str) -> bool {
    let layer = name.strip_prefix("encoder.quantizer.acoustic_residual_vector_quantizer.layers.");
    let layer = layer.and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
    let is_unused_codebook = layer.is_some_and(|layer| layer >= 15);
    let is_other_direction = name.starts_with("decoder.quantizer.") && name.contains("input_proj")
        || name.starts_with("encoder.quantizer.") && name.contains("output_proj");
    is_unused_codebook || is_other_direction || name.ends_with(".initialized")
}

fn find_in_each_tensor(file: &str) {
    let copy = TempCheckpoint::new("base_0b6");
    assert!(use_all(copy.path()).is_ok());
    let path = copy.file(file);
    let whole = fs::read(&path).unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&whole).unwrap();
    let mut swallowed = Vec::new();
    let tensors = metadata.tensors();
    for (name, info) in tensors.iter().filter(|(name, _)| !is_unread(name)) {
        // Only the rows of an embedding that are looked up matter.
        let in_all = name.contains("embedding.");
        for (value, in_all) in [(f32::NAN, in_all), (f32::INFINITY, true)] {
            fs::write(&path, damaged(&whole, info, header, value, in_all)).unwrap();
            let Err(error) = use_all(copy.path()) else {
                swallowed.push(format!("{value} in {name}"));
                continue;
            };
            let message = error.to_string();
            assert!(message.contains("finite numbers"), "{value} in {name}: {message}");
            assert_eq!(error.kind(), ErrorKind::Internal, "{message}");
            // A matrix is read in place; what is in it is found in what it gives.
            let is_named = message.contains(name) && message.contains(file);
            let is_matrix = info.shape.iter().filter(|size| **size > 1).count() == 2;
            assert!(is_named || is_matrix, "{value} in {name}: {message}");
        }
    }
    assert!(swallowed.is_empty(), "{swallowed:#?}");
}

#[test]
fn in_the_talker_the_code_predictor_and_the_speaker_encoder() {
    find_in_each_tensor("model.safetensors");
}

#[test]
fn in_the_codec() {
    find_in_each_tensor("speech_tokenizer/model.safetensors");
}
