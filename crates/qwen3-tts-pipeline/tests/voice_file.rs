//! Voice files: voices survive a round trip, and other files are refused.

use std::fs;

use proptest::prelude::*;
use qwen3_tts_config::{ModelConfig, ModelSize};
use qwen3_tts_files::WrongFile;
use qwen3_tts_pipeline::{ClonedVoice, Error, VoiceFileError, VoiceReference};
use qwen3_tts_testkit::checkpoint;
use safetensors::SafeTensors;
use serde_json::{Value, json};

fn config(name: &str) -> ModelConfig {
    ModelConfig::from_file(checkpoint(name).join("config.json")).unwrap()
}

/// Returns a voice with its recording's codes, for a tiny base model.
fn voice() -> ClonedVoice {
    let config = config("base_0b6");
    let talker = &config.talker_config;
    let embedding = (0..talker.hidden_size).map(|i| (i as f32).sin()).collect();
    let code = |frame: usize, group: usize| (frame * 7 + group) as u32 % 32;
    let codes = (0..25)
        .map(|frame| (0..talker.num_code_groups).map(|group| code(frame, group)).collect())
        .collect();
    let transcript = "Grüße, \"Ann\"!\n你好 🙂".to_owned();
    ClonedVoice::new(embedding, Some(VoiceReference::new(codes, transcript)), config.tts_model_size)
}

/// Returns [`voice`] after a change.
fn changed(change: impl FnOnce(&mut ClonedVoice)) -> ClonedVoice {
    let mut voice = voice();
    change(&mut voice);
    voice
}

fn refuse(bytes: &[u8]) -> VoiceFileError {
    let error = ClonedVoice::from_bytes(bytes, "ann.voice").expect_err("a refusal");
    let message = error.to_string();
    assert!(message.starts_with("ann.voice: ") && !message.contains('\n'), "{message}");
    match error {
        Error::VoiceFile { source, .. } => source,
        error => panic!("{error:?}"),
    }
}

/// Returns the file of `voice` with a changed header.
fn with_header(voice: &ClonedVoice, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let bytes = voice.to_bytes("a").unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(&mut header);
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat()
}

#[test]
fn a_voice_survives_a_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ann.voice");
    // As a killed process leaves it.
    fs::write(folder.path().join(".qwen3-tts-0123456789.part"), "half").unwrap();
    let in_context = voice();
    let vector_only = changed(|voice| voice.reference = None);
    for voice in [in_context, vector_only] {
        voice.save(&path).unwrap();
        assert_eq!(ClonedVoice::load(&path).unwrap(), voice);
        assert_eq!(fs::read(&path).unwrap(), voice.to_bytes("a").unwrap());
    }
    // Nothing but the voice was left behind.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_file_has_the_documented_format() {
    let voice = voice();
    let bytes = voice.to_bytes("a").unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    let reference = voice.reference.unwrap();
    assert_eq!(metadata["format"], "qwen3-tts-voice");
    assert_eq!(metadata["version"], "1");
    assert_eq!(metadata["tts_model_size"], "0b6");
    assert_eq!(metadata["transcript"], reference.transcript);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let embedding = tensors.tensor("speaker_embedding").unwrap();
    assert_eq!(embedding.shape(), [voice.speaker_embedding.len()]);
    assert_eq!(embedding.data()[4..8], voice.speaker_embedding[1].to_le_bytes());
    let codes = tensors.tensor("codes").unwrap();
    assert_eq!(codes.shape(), [25, reference.codes[0].len()]);
    assert_eq!(codes.data()[8..12], reference.codes[0][2].to_le_bytes());
}

#[test]
fn a_voice_that_could_not_be_loaded_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ann.voice");
    let reference =
        |codes: Vec<Vec<u32>>, transcript: &str| Some(VoiceReference::new(codes, transcript));
    let spoilt = [
        changed(|voice| voice.speaker_embedding = vec![]),
        changed(|voice| voice.speaker_embedding = vec![0.0, f32::NAN]),
        changed(|voice| voice.reference = reference(vec![], "Hello")),
        changed(|voice| voice.reference = reference(vec![vec![], vec![]], "Hello")),
        changed(|voice| voice.reference = reference(vec![vec![1; 16], vec![1; 15]], "Hello")),
        changed(|voice| voice.reference = reference(vec![vec![1; 16]], " ")),
    ];
    for voice in spoilt {
        let error = voice.save(&path).unwrap_err();
        assert!(matches!(error, Error::VoiceFile { .. }), "{error}");
        assert!(!path.exists());
    }
}

#[test]
fn a_voice_replaces_a_file_and_not_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ann.voice");
    fs::write(&path, "an older file").unwrap();
    voice().save(&path).unwrap();
    assert_eq!(ClonedVoice::load(&path).unwrap(), voice());
    for path in [folder.path(), &folder.path().join("no/such/ann.voice"), std::path::Path::new("")]
    {
        let error = voice().save(path).unwrap_err();
        assert!(matches!(error, Error::Write { .. }), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_voice_goes_where_its_path_leads() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    std::os::unix::fs::symlink("folder/ann.voice", at("link")).unwrap();
    voice().save(at("link")).unwrap();
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
    assert_eq!(ClonedVoice::load(at("folder/ann.voice")).unwrap(), voice());
    voice().save(at(&"a".repeat(255))).unwrap();
    voice().save("/dev/null").unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn other_files_and_newer_ones_have_different_errors() {
    for bytes in [&b"Hello"[..], &[0; 100], &[0xff; 100]] {
        assert!(matches!(refuse(bytes), VoiceFileError::Damaged { .. }));
    }
    assert!(matches!(refuse(b""), VoiceFileError::WrongFile(WrongFile::Empty)));
    let part = &voice().to_bytes("voice").unwrap()[..200];
    let error = refuse(part);
    assert!(matches!(error, VoiceFileError::WrongFile(WrongFile::Truncated { found: 200, .. })));
    let model = with_header(&voice(), |header| {
        header.as_object_mut().unwrap().remove("__metadata__");
    });
    assert!(matches!(refuse(&model), VoiceFileError::Format { found } if found == "none"));
    let torch = with_header(&voice(), |header| header["__metadata__"]["format"] = json!("pt"));
    assert!(matches!(refuse(&torch), VoiceFileError::Format { found } if found == "\"pt\""));
    // The version is checked first, before other new fields.
    let newer = with_header(&voice(), |header| {
        header["__metadata__"]["version"] = json!("2");
        header["style"] = header["codes"].take();
        header.as_object_mut().unwrap().remove("codes");
    });
    let error = refuse(&newer);
    assert!(error.to_string().contains("update"), "{error}");
    assert!(matches!(error, VoiceFileError::Version { found: 2, .. }));
    for version in ["", "0", "-1", "1.5", "one"] {
        let bytes = with_header(&voice(), |h| h["__metadata__"]["version"] = json!(version));
        assert!(matches!(refuse(&bytes), VoiceFileError::Unexpected { what: "version", .. }));
    }
}

#[test]
fn a_large_file_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    // It takes no room on the disk.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = ClonedVoice::load(&path).unwrap_err();
    assert!(matches!(error, Error::VoiceFile { source: VoiceFileError::TooLarge { .. }, .. }));
    let missing = ClonedVoice::load(folder.path().join("none.voice")).unwrap_err();
    assert!(matches!(missing, Error::Read { .. }));
}

#[test]
fn every_part_is_checked() {
    let metadata = |key: &'static str, value: Value| {
        with_header(&voice(), move |header| match value {
            Value::Null => drop(header["__metadata__"].as_object_mut().unwrap().remove(key)),
            value => header["__metadata__"][key] = value,
        })
    };
    let tensor = |name: &'static str, key: &'static str, value: Value| {
        with_header(&voice(), move |header| header[name][key] = value)
    };
    let n = voice().speaker_embedding.len();
    let cases = [
        (metadata("tts_model_size", Value::Null), "tts_model_size"),
        (metadata("tts_model_size", json!("7b")), "tts_model_size"),
        (metadata("transcript", Value::Null), "transcript"),
        (metadata("transcript", json!("")), "transcript"),
        (tensor("speaker_embedding", "dtype", json!("I32")), "speaker_embedding"),
        (tensor("speaker_embedding", "shape", json!([1, n])), "speaker_embedding"),
        (tensor("codes", "dtype", json!("F32")), "codes"),
        (tensor("codes", "shape", json!([25 * 16])), "codes"),
        (tensor("codes", "shape", json!([25, 17])), "damaged"),
        (tensor("codes", "shape", json!([usize::MAX, 2])), "damaged"),
        (tensor("codes", "data_offsets", json!([0, 25 * 16 * 4])), "damaged"),
        (with_header(&voice(), |h| h["style"] = h["codes"].take()), "damaged"),
    ];
    for (bytes, part) in cases {
        let error = refuse(&bytes).to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
    let renamed = with_header(&voice(), |header| {
        let codes = header.as_object_mut().unwrap().remove("codes").unwrap();
        header["style"] = codes;
    });
    assert!(refuse(&renamed).to_string().contains("\"style\""));
    let mut bytes = voice().to_bytes("a").unwrap();
    let embedding = bytes.len() - 4 * (n + 25 * 16);
    bytes[embedding + 8..embedding + 12].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let error = refuse(&bytes).to_string();
    assert!(error.contains("finite") && error.contains("inf at 2"), "{error}");
}

#[test]
fn a_voice_fits_the_size_of_model_that_it_was_made_with() {
    let small = config("base_0b6");
    let large = config("base_1b7");
    voice().check_for(&small).unwrap();
    let error = voice().check_for(&large).unwrap_err().to_string();
    let widths = [&small, &large].map(|c| format!("({} values)", c.talker_config.hidden_size));
    assert!(error.contains("0.6B") && error.contains("1.7B"), "{error}");
    assert!(widths.iter().all(|width| error.contains(width)), "{error}");
    // The same width is not enough, nor is the same size.
    let renamed = changed(|voice| voice.tts_model_size = ModelSize::B1_7);
    assert!(renamed.check_for(&small).is_err());
    let mut shortened = voice();
    shortened.speaker_embedding.pop();
    assert!(shortened.check_for(&small).is_err());
}

#[test]
fn codes_fit_the_codebooks_of_the_model() {
    let config = config("base_0b6");
    let semantic = config.talker_config.first_suppressed_id();
    let acoustic = config.talker_config.code_predictor_config.vocab_size as u32;
    for (group, size) in [(0, semantic), (1, acoustic), (15, acoustic)] {
        let mut voice = voice();
        let reference = voice.reference.as_mut().unwrap();
        reference.codes[3][group] = size - 1;
        voice.check_for(&config).unwrap();
        voice.reference.as_mut().unwrap().codes[3][group] = size;
        let error = voice.check_for(&config).unwrap_err().to_string();
        assert!(error.contains("frame 3") && error.contains(&format!("found {size}")), "{error}");
    }
    let mut voice = voice();
    voice.reference.as_mut().unwrap().codes.iter_mut().for_each(|frame| frame.truncate(15));
    let error = voice.check_for(&config).unwrap_err().to_string();
    assert!(error.contains("expected 16 codes, found 15"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// A file with any damage gives a voice that could be saved again, or an error of one line.
    #[test]
    fn damaged_files_are_read_or_refused(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        header_only in any::<bool>(),
    ) {
        let mut bytes = voice().to_bytes("a").unwrap();
        let reach = if header_only { 400 } else { bytes.len() };
        for (place, value) in places {
            bytes[place.index(reach)] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        match ClonedVoice::from_bytes(&bytes, "ann") {
            Ok(voice) => prop_assert!(voice.to_bytes("ann").is_ok()),
            Err(error) => {
                let message = error.to_string();
                prop_assert!(message.starts_with("ann: ") && !message.contains('\n'), "{}", message);
            }
        }
    }
}
