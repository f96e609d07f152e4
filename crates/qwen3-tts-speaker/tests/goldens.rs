//! The speaker encoder compared with the official package, with weights from the goldens, on every
//! device.

use proptest::prelude::*;
use qwen3_tts_speaker::ndarray::ArrayView2;
use qwen3_tts_speaker::{
    Device, Error, ModelConfig, NnError, SpeakerEncoder, SpeakerEncoderConfig, Weights,
};
use qwen3_tts_testkit::{Damage, Golden, TempCheckpoint, assert_close, checkpoint, fixtures_dir};

struct Case {
    golden: Golden,
    config: SpeakerEncoderConfig,
    weights: Weights,
}

impl Case {
    fn load(name: &str) -> Self {
        let golden = Golden::load(name);
        let config = serde_json::from_value(golden.request["config"].clone()).unwrap();
        let file = fixtures_dir().join("goldens").join(name).with_extension("safetensors");
        Self { golden, config, weights: Weights::open(file).unwrap() }
    }

    fn encoder(&self) -> SpeakerEncoder {
        self.encoder_on(&Device::cpu(2))
    }

    fn encoder_on(&self, device: &Device) -> SpeakerEncoder {
        SpeakerEncoder::load(&self.config, &self.weights, device).unwrap()
    }
}

const CASES: [&str; 2] = ["speaker/encoder_tiny", "speaker/encoder_even"];

#[test]
fn vectors_are_the_official_ones() {
    Device::all().iter().for_each(assert_vectors);
}

fn assert_vectors(device: &Device) {
    let mels = Golden::load("speaker/mel");
    for name in CASES {
        let case = Case::load(name);
        let encoder = case.encoder_on(device);
        let recordings = case.golden.request["embedded"].as_array().unwrap();
        assert!(recordings.len() >= 8, "found {}", recordings.len());
        for recording in recordings.iter().map(|name| name.as_str().unwrap()) {
            println!("{name}: {recording} on {}", device.name());
            let (_, expected) = case.golden.f32(&format!("{recording}.embedding"));
            let (shape, mel) = mels.f32(&format!("{recording}.mel"));
            let mel = ArrayView2::from_shape((shape[0], shape[1]), &mel).unwrap();
            assert_close(&encoder.embed_mel(mel).unwrap(), &expected, 1e-4);
            // The official spectrogram of pure tones has rounding noise, which shows here.
            let rounding = mels.request["cases"][recording]["rounding"].as_f64().unwrap() as f32;
            let (_, samples) = mels.f32(&format!("{recording}.samples"));
            let vector = encoder.embed(&samples).unwrap();
            assert_close(&vector, &expected, 1e-4 + 0.2 * rounding);
        }
    }
}

#[test]
fn checkpoints_give_the_official_vectors() {
    Device::all().iter().for_each(assert_checkpoints);
}

fn assert_checkpoints(device: &Device) {
    let mels = Golden::load("speaker/mel");
    for (name, dim) in [("base_0b6", 64), ("base_1b7", 96)] {
        let golden = Golden::load(&format!("speaker/{name}"));
        let dir = checkpoint(golden.string("checkpoint"));
        let config = ModelConfig::from_file(dir.join("config.json")).unwrap();
        let config = config.speaker_encoder_config.unwrap();
        let weights = Weights::open(&dir).unwrap();
        let encoder = SpeakerEncoder::load(&config, &weights, device).unwrap();
        assert_eq!(encoder.dim(), dim);
        for recording in golden.request["embedded"].as_array().unwrap() {
            let recording = recording.as_str().unwrap();
            println!("{name}: {recording}");
            let (_, samples) = mels.f32(&format!("{recording}.samples"));
            let (_, expected) = golden.f32(&format!("{recording}.embedding"));
            assert_close(&encoder.embed(&samples).unwrap(), &expected, 1e-4);
        }
        assert_eq!(golden.names().len(), 4);
    }
}

#[test]
fn the_weights_contain_only_the_encoder() {
    let case = Case::load(CASES[0]);
    case.encoder();
    let others: Vec<String> = case.golden.names();
    let others = others.iter().filter(|name| !name.starts_with("speaker_encoder."));
    case.weights.finish(&others.map(String::as_str).collect::<Vec<_>>()).unwrap();
}

#[test]
fn tensors_that_the_encoder_does_not_have_are_refused() {
    let case = Case::load(CASES[0]);
    let mut config = case.config.clone();
    // Without groups, a Res2Net block has no convolutions.
    config.enc_res2net_scale = 1;
    let error = SpeakerEncoder::load(&config, &case.weights, &Device::cpu(1)).err().unwrap();
    let Error::Nn(NnError::UnknownTensors { name, .. }) = &error else { panic!("{error}") };
    assert!(name.starts_with("speaker_encoder.blocks.1.res2net_block.blocks.0."), "{name}");
}

/// Fails to compile unless the types can be sent, and without MLX shared, between threads.
#[test]
fn one_encoder_serves_several_threads() {
    fn is_sent<T: Send + 'static>() {}
    is_sent::<SpeakerEncoder>();
    is_sent::<Error>();
    #[cfg(not(feature = "mlx"))]
    {
        fn is_shared<T: Sync>() {}
        is_shared::<SpeakerEncoder>();
        is_shared::<Error>();
        let encoder = std::sync::Arc::new(Case::load(CASES[0]).encoder());
        let (_, samples) = Golden::load("speaker/mel").f32("voice.samples");
        let alone = encoder.embed(&samples).unwrap();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (encoder, samples) = (std::sync::Arc::clone(&encoder), samples.clone());
                std::thread::spawn(move || encoder.embed(&samples).unwrap())
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), alone);
        }
    }
}

#[test]
fn the_shortest_recording_is_as_short_as_the_official_one() {
    for name in CASES {
        let case = Case::load(name);
        let encoder = case.encoder();
        let needed_frames = case.golden.number("needed_frames");
        assert_eq!(encoder.min_frames(), needed_frames);
        let needed = encoder.min_samples();
        assert_eq!(needed, 256 * needed_frames);
        assert_eq!(encoder.embed(&vec![0.1; needed]).unwrap().len(), encoder.dim());
        let error = encoder.embed(&vec![0.1; needed - 1]).unwrap_err();
        assert!(matches!(error, Error::TooShort { .. }), "{error}");
        assert!(encoder.embed(&[]).is_err());
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let case = Case::load(CASES[0]);
    let (_, samples) = Golden::load("speaker/mel").f32("voice.samples");
    let embed = |threads| {
        let encoder = SpeakerEncoder::load(&case.config, &case.weights, &Device::cpu(threads));
        encoder.unwrap().embed(&samples).unwrap()
    };
    assert_eq!(embed(1), embed(2));
}

#[test]
fn damaged_recordings_are_refused() {
    let encoder = Case::load(CASES[0]).encoder();
    let mut samples = vec![0.1; 2000];
    samples[1234] = f32::NAN;
    let error = encoder.embed(&samples).unwrap_err().to_string();
    assert!(error.starts_with("sample 1234 is NaN"), "{error}");

    let mut mel = vec![0.0; 640];
    mel[3 * 128 + 7] = f32::INFINITY;
    let error = encoder.embed_mel(ArrayView2::from_shape((5, 128), &mel).unwrap()).unwrap_err();
    assert!(matches!(error, Error::MelNonFinite { frame: 3, band: 7, .. }), "{error}");
    for shape in [(4, 160), (4, 128), (0, 128), (640, 1), (0, 0)] {
        let mel = vec![0.0; shape.0 * shape.1];
        let mel = ArrayView2::from_shape(shape, &mel).unwrap();
        let error = encoder.embed_mel(mel).unwrap_err();
        assert!(matches!(error, Error::MelShape { .. }), "{error}");
    }
}

#[test]
fn a_configuration_without_an_encoder_is_refused_by_name() {
    let case = Case::load(CASES[0]);
    type Change = fn(&mut SpeakerEncoderConfig);
    let changes: [(Change, &str); 12] = [
        (|c| c.sample_rate = 16_000, "sample_rate`: expected 24000 Hz, found 16000"),
        (|c| c.enc_channels = vec![], "enc_channels"),
        (|c| c.enc_channels = vec![16, 16, 8, 16, 40], "enc_channels"),
        (|c| c.enc_channels = vec![16, 16, 16, 16, 47], "enc_channels"),
        (|c| c.enc_channels = vec![usize::MAX; 5], "enc_channels"),
        (|c| c.enc_kernel_sizes[1] = 0, "enc_kernel_sizes"),
        (|c| c.enc_dilations[1] = usize::MAX, "enc_dilations"),
        (|c| c.enc_dilations.truncate(4), "enc_dilations"),
        (|c| c.enc_res2net_scale = 0, "enc_res2net_scale"),
        (|c| c.enc_res2net_scale = 5, "enc_res2net_scale"),
        (|c| c.enc_dim = 0, "enc_dim"),
        (|c| c.enc_se_channels = usize::MAX, "enc_se_channels"),
    ];
    for (change, message) in changes {
        let mut config = case.config.clone();
        change(&mut config);
        let result = SpeakerEncoder::load(&config, &case.weights, &Device::cpu(1));
        let error = result.err().expect(message).to_string();
        assert!(error.starts_with(&format!("`speaker_encoder_config.{message}")), "{error}");
    }
}

#[test]
fn weights_of_another_shape_are_named() {
    let case = Case::load(CASES[0]);
    for (change, tensor) in [
        ((|c| c.enc_dim = 25) as fn(&mut SpeakerEncoderConfig), "speaker_encoder.fc.weight"),
        (|c| c.enc_attention_channels = 11, "speaker_encoder.asp.tdnn.conv"),
        (|c| c.mel_dim = 80, "speaker_encoder.blocks.0.conv.weight"),
    ] {
        let mut config = case.config.clone();
        change(&mut config);
        let result = SpeakerEncoder::load(&config, &case.weights, &Device::cpu(1));
        let error = result.err().expect(tensor).to_string();
        assert!(error.contains(tensor), "{error}");
    }
}

#[test]
fn damaged_weights_are_refused_by_name() {
    let load = |copy: &TempCheckpoint| {
        let config = ModelConfig::from_file(copy.file("config.json")).unwrap();
        let weights = Weights::open(copy.path())?;
        let config = config.speaker_encoder_config.unwrap();
        SpeakerEncoder::load(&config, &weights, &Device::cpu(1))
    };
    let bias = "speaker_encoder.asp.conv.bias".to_owned();
    for (damage, message) in [
        (Damage::DropTensor(bias.clone()), bias.as_str()),
        (Damage::Shape(bias.clone(), vec![4, 12]), bias.as_str()),
        (Damage::Dtype(bias.clone(), "F32".to_owned()), bias.as_str()),
        (Damage::Halved, "model.safetensors"),
    ] {
        let copy = TempCheckpoint::new("base_0b6");
        assert!(load(&copy).is_ok());
        copy.damage("model.safetensors", &damage);
        let error = load(&copy).err().expect(message).to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn embeddings_that_are_not_finite_are_refused() {
    let case = Case::load(CASES[0]);
    let encoder = case.encoder();
    // Finite, and beyond what float32 can square.
    let mel = vec![f32::MAX; 10 * 128];
    let error = encoder.embed_mel(ArrayView2::from_shape((10, 128), &mel).unwrap()).unwrap_err();
    assert!(error.to_string().contains("speaker embedding"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_recording_is_embedded_or_refused(
        samples in prop::collection::vec(
            prop_oneof![20 => -1.0..1.0f32, 1 => prop::num::f32::NORMAL],
            0..4000
        )
    ) {
        let encoder = Case::load(CASES[0]).encoder();
        let vector = encoder.embed(&samples);
        prop_assert_eq!(vector.is_ok(), samples.len() >= 1280, "{:?}", vector);
    }
}
