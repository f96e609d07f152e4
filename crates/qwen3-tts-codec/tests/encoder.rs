//! The encoder compared with the official package in float32 on every device, and the round trip.

use qwen3_tts_codec::{CodecDecoder, CodecEncoder, Device, Error, SpeechTokenizerConfig, Weights};
use qwen3_tts_testkit::{Golden, assert_close, checkpoint, signal};

const CASES: [&str; 7] =
    ["one_sample", "frame_less_one", "frame", "frame_and_one", "short", "past_the_block", "long"];

fn config() -> (SpeechTokenizerConfig, Weights) {
    let dir = checkpoint("custom_voice_0b6").join("speech_tokenizer");
    let config = SpeechTokenizerConfig::from_file(dir.join("config.json")).unwrap();
    (config, Weights::open(&dir).unwrap())
}

fn encoder() -> CodecEncoder {
    encoder_on(&Device::cpu(2))
}

fn encoder_on(device: &Device) -> CodecEncoder {
    let (config, weights) = config();
    CodecEncoder::load(&config, &weights, device).unwrap()
}

fn golden_frames(golden: &Golden) -> Vec<Vec<u32>> {
    let (shape, codes) = golden.u32("codes");
    codes.chunks_exact(shape[1]).map(<[u32]>::to_vec).collect()
}

#[test]
fn codes_are_the_official_ones_for_short_long_and_odd_recordings() {
    Device::all().iter().for_each(assert_codes);
}

fn assert_codes(device: &Device) {
    let encoder = encoder_on(device);
    for name in CASES {
        println!("{name} on {}", device.name());
        let golden = Golden::load(&format!("encoder/{name}"));
        let audio = signal(golden.number("samples"));
        let sum: f64 = audio.iter().map(|v| f64::from(*v)).sum();
        assert_eq!(Some(sum), golden.request["signal_sum"].as_f64(), "the signal itself");
        let frames = encoder.encode(&audio).unwrap();
        assert_eq!(frames.len(), audio.len().div_ceil(encoder.samples_per_frame()));
        assert_eq!(frames, golden_frames(&golden));
    }
}

#[test]
fn the_round_trip_is_the_official_one() {
    Device::all().iter().for_each(assert_round_trip);
}

fn assert_round_trip(device: &Device) {
    let (config, weights) = config();
    let decoder = CodecDecoder::load(&config.decoder_config, &weights, device).unwrap();
    let encoder = encoder_on(device);
    for name in CASES {
        let golden = Golden::load(&format!("encoder/{name}"));
        let frames = encoder.encode(&signal(golden.number("samples"))).unwrap();
        let samples = decoder.decode(&frames).unwrap();
        let stride = golden.number("audio_stride");
        let strided: Vec<f32> = samples.into_iter().step_by(stride).collect();
        assert_close(&strided, &golden.f32("decoded_strided").1, 1e-4);
    }
}

#[test]
fn decoder_and_encoder_read_the_published_file_except_for_training() {
    let (config, weights) = config();
    let device = Device::cpu(1);
    CodecEncoder::load(&config, &weights, &device).unwrap();
    CodecDecoder::load(&config.decoder_config, &weights, &device).unwrap();
    let unused = [
        "encoder.quantizer.",
        "decoder.quantizer.rvq_first.input_proj.",
        "decoder.quantizer.rvq_rest.input_proj.",
    ];
    weights.finish(&unused).unwrap();
}

#[test]
fn empty_and_damaged_recordings_are_refused() {
    let encoder = encoder();
    assert!(matches!(encoder.encode(&[]), Err(Error::NoSamples)));
    for damage in [f32::NAN, f32::INFINITY] {
        let mut audio = signal(100);
        audio[37] = damage;
        let error = encoder.encode(&audio).unwrap_err();
        assert!(matches!(error, Error::NonFiniteSample { index: 37 }), "{error}");
    }
    let (mut config, weights) = config();
    config.encoder_config = None;
    let error = CodecEncoder::load(&config, &weights, &Device::cpu(1)).err().unwrap();
    assert!(matches!(error, Error::NoEncoder), "{error}");
}
