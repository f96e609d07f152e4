//! The decoder compared with the official package in float32, stage by stage and on every device,
//! and with itself in steps.

use std::collections::BTreeMap;

use proptest::prelude::*;
use qwen3_tts_codec::{
    CodecDecoder, CodecEncoder, DecoderState, Device, Error, NnError, SpeechTokenizerConfig, Stage,
    Tensor, Weights,
};
use qwen3_tts_testkit::{Damage, Golden, TempCheckpoint, assert_close, checkpoint, cut, cuts};

const CHECKPOINT: &str = "custom_voice_0b6";

fn decoder() -> CodecDecoder {
    decoder_on(&Device::cpu(2))
}

fn decoder_on(device: &Device) -> CodecDecoder {
    let dir = checkpoint(CHECKPOINT).join("speech_tokenizer");
    let config = SpeechTokenizerConfig::from_file(dir.join("config.json")).unwrap();
    let weights = Weights::open(&dir).unwrap();
    CodecDecoder::load(&config.decoder_config, &weights, device).unwrap()
}

fn frames(golden: &Golden) -> Vec<Vec<u32>> {
    let (shape, codes) = golden.u32("codes");
    codes.chunks_exact(shape[1]).map(<[u32]>::to_vec).collect()
}

fn in_steps(decoder: &CodecDecoder, frames: &[Vec<u32>], sizes: &[usize]) -> Vec<f32> {
    let mut state = decoder.new_state();
    let mut rest = frames;
    let mut samples = Vec::new();
    for &size in sizes {
        let (step, later) = rest.split_at(size);
        samples.extend(decoder.step(step, &mut state).unwrap());
        rest = later;
    }
    assert!(rest.is_empty());
    samples
}

#[test]
fn every_stage_is_the_official_one() {
    Device::all().iter().for_each(assert_stages);
}

fn assert_stages(device: &Device) {
    let golden = Golden::load("codec/stages");
    let mut stages = BTreeMap::new();
    let mut keep = |stage, x: &Tensor| {
        let name = match stage {
            Stage::Quantizer => "quantizer".into(),
            Stage::PreConv => "pre_conv".into(),
            Stage::PreTransformer => "pre_transformer".into(),
            Stage::Upsample(i) => format!("upsample.{i}.1"),
            Stage::Decoder(i) => format!("decoder.{i}"),
            _ => return,
        };
        // Chunks of one stage are joined again.
        let (channels, values) = stages.entry(name).or_insert((x.dim(2), Vec::new()));
        assert_eq!(*channels, x.dim(2));
        values.extend(x.to_vec());
    };
    let decoder = decoder_on(device);
    let samples =
        decoder.step_observed(&frames(&golden), &mut decoder.new_state(), &mut keep).unwrap();
    for (name, (channels, values)) in &stages {
        println!("{name}");
        let (expected_shape, mut expected) = golden.f32(name);
        let (time, channels) = (values.len() / channels, *channels);
        // The reference is channels-first after all stages except the transformer; the later stages
        // are stored for the first frames only.
        let stored = if name == "pre_transformer" {
            assert_eq!(expected_shape, [time, channels]);
            time
        } else {
            assert_eq!(expected_shape[0], channels);
            expected = transposed(&expected, channels);
            expected_shape[1]
        };
        assert!(stored <= time && stored > 0);
        // Inside the decoder, values are larger than samples, and so is their rounding.
        let largest = expected.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        assert_close(&values[..stored * channels], &expected, 2e-5 * largest.max(5.0));
    }
    assert_eq!(stages.len(), 12);
    assert_close(&samples, &golden.f32("audio").1, 1e-4);
}

/// Transposes `[channels, time]` to `[time, channels]`.
fn transposed(values: &[f32], channels: usize) -> Vec<f32> {
    let time = values.len() / channels;
    (0..time).flat_map(|t| (0..channels).map(move |c| values[c * time + t])).collect()
}

/// Compares a waveform with a golden of every n-th sample and the sum of each frame.
fn assert_waveform(samples: &[f32], golden: &Golden, kind: &str, samples_per_frame: usize) {
    let stride = golden.number("audio_stride");
    let strided: Vec<f32> = samples.iter().copied().step_by(stride).collect();
    assert_close(&strided, &golden.f32(&format!("{kind}_strided")).1, 1e-4);
    let sums: Vec<f32> =
        samples.chunks_exact(samples_per_frame).map(|frame| frame.iter().sum()).collect();
    let (_, expected) = golden.f32(&format!("{kind}_frame_sums"));
    assert_close(&sums, &expected, 1e-4 * (samples_per_frame as f32).sqrt());
}

#[test]
fn long_sequences_are_the_official_ones_whole_and_chunked() {
    for device in Device::all() {
        ["codec/frames_100", "codec/frames_340"].iter().for_each(|name| assert_long(name, &device));
    }
}

fn assert_long(name: &str, device: &Device) {
    let decoder = decoder_on(device);
    let golden = Golden::load(name);
    let frames = frames(&golden);
    let whole = decoder.decode(&frames).unwrap();
    assert_eq!(whole.len(), frames.len() * 1920);
    assert_waveform(&whole, &golden, "whole", 1920);
    let (chunk, context) = (golden.number("chunk_size"), golden.number("left_context_size"));
    let chunked = decoder.chunked_decode(&frames, chunk, context).unwrap();
    assert_waveform(&chunked, &golden, "chunked", 1920);
    assert_eq!(frames.len() > chunk, chunked != whole, "chunks differ past the first only");
}

#[test]
fn a_decoder_of_another_rate_is_the_official_one_whole_and_in_steps() {
    let golden = Golden::load("codec/frames_40_48k");
    let dir = checkpoint(golden.string("checkpoint"));
    let config = SpeechTokenizerConfig::from_file(dir.join("config.json")).unwrap();
    assert_eq!(config.output_sample_rate as usize, golden.number("sample_rate"));
    assert_eq!((config.frame_rate(), config.input_sample_rate), (12.5, 24_000));
    let frame = golden.number("samples_per_frame");
    let frames = frames(&golden);
    for device in Device::all() {
        let weights = Weights::open(&dir).unwrap();
        let decoder = CodecDecoder::load(&config.decoder_config, &weights, &device).unwrap();
        assert_eq!(decoder.samples_per_frame(), frame);
        let whole = decoder.decode(&frames).unwrap();
        assert_eq!(whole.len(), frames.len() * frame);
        assert_waveform(&whole, &golden, "whole", frame);
        assert_close(&in_steps(&decoder, &frames, &cut(frames.len(), 3)), &whole, 1e-5);
        // The encoder keeps the rate of its own configuration.
        let encoder = CodecEncoder::load(&config, &weights, &device).unwrap();
        assert_eq!(encoder.samples_per_frame(), 1920);
    }
}

#[test]
fn frame_by_frame_equals_the_whole() {
    for device in Device::all() {
        let decoder = decoder_on(&device);
        let frames = frames(&Golden::load("codec/frames_340"));
        let whole = decoder.decode(&frames).unwrap();
        assert_close(&in_steps(&decoder, &frames, &cut(frames.len(), 1)), &whole, 1e-5);
    }
}

#[test]
fn a_cloned_state_continues_on_its_own() {
    Device::all().iter().for_each(assert_clone);
}

fn assert_clone(device: &Device) {
    let decoder = decoder_on(device);
    let frames = frames(&Golden::load("codec/stages"));
    let mut state = decoder.new_state();
    decoder.step(&frames[..10], &mut state).unwrap();
    let mut clone = state.clone();
    let first = decoder.step(&frames[10..], &mut state).unwrap();
    decoder.step(&frames[..3], &mut state).unwrap();
    assert_eq!(first, decoder.step(&frames[10..], &mut clone).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_cut_is_the_whole(sizes in cuts(60)) {
        let decoder = decoder();
        let frames = &frames(&Golden::load("codec/frames_100"))[..60];
        let whole = in_steps(&decoder, frames, &[60]);
        assert_close(&in_steps(&decoder, frames, &sizes), &whole, 1e-5);
    }
}

#[test]
fn codes_that_do_not_fit_are_refused_and_the_stream_continues() {
    let decoder = decoder();
    let frames = frames(&Golden::load("codec/stages"));
    let expected = decoder.decode(&frames).unwrap();
    let mut state = decoder.new_state();
    let mut samples = decoder.step(&frames[..7], &mut state).unwrap();

    let mut outside = frames[7..9].to_vec();
    outside[1][5] = u32::MAX;
    let error = decoder.step(&outside, &mut state).unwrap_err();
    assert!(matches!(error, Error::CodeOutOfRange { frame: 1, codebook: 5, .. }), "{error}");
    let error = decoder.step(&[&frames[7][..15]], &mut state).unwrap_err();
    assert!(matches!(error, Error::FrameLength { expected: 16, found: 15, .. }), "{error}");
    assert!(decoder.step::<Vec<u32>>(&[], &mut state).unwrap().is_empty());

    samples.extend(decoder.step(&frames[7..], &mut state).unwrap());
    assert_close(&samples, &expected, 1e-5);
    assert!(decoder.chunked_decode(&frames, 0, 25).is_err());
    assert!(decoder.decode::<Vec<u32>>(&[]).unwrap().is_empty());
}

#[test]
fn unknown_tensors_are_refused() {
    let copy = TempCheckpoint::new(CHECKPOINT);
    // The tensor's bytes become those of a tensor called `unused`.
    let dropped = "decoder.quantizer.rvq_first.input_proj.weight".to_owned();
    copy.damage("speech_tokenizer/model.safetensors", &Damage::DropTensor(dropped));
    let dir = copy.file("speech_tokenizer");
    let config = SpeechTokenizerConfig::from_file(dir.join("config.json")).unwrap();
    let (weights, device) = (Weights::open(&dir).unwrap(), Device::cpu(1));
    let refused = |error: Error| {
        let Error::Nn(NnError::UnknownTensors { name, count: 1, .. }) = &error else {
            panic!("{error}")
        };
        assert_eq!(name, "unused");
    };
    refused(CodecDecoder::load(&config.decoder_config, &weights, &device).err().unwrap());
    refused(CodecEncoder::load(&config, &weights, &device).err().unwrap());
}

/// Fails to compile unless the types can be sent, and without MLX shared, between threads.
#[test]
fn one_decoder_serves_several_threads() {
    fn is_sent<T: Send + 'static>() {}
    is_sent::<CodecDecoder>();
    is_sent::<CodecEncoder>();
    is_sent::<DecoderState>();
    is_sent::<Error>();
    #[cfg(not(feature = "mlx"))]
    {
        fn is_shared<T: Sync>() {}
        is_shared::<CodecDecoder>();
        is_shared::<CodecEncoder>();
        is_shared::<DecoderState>();
        is_shared::<Error>();
        let decoder = std::sync::Arc::new(decoder());
        let frames = frames(&Golden::load("codec/stages"));
        let alone = decoder.decode(&frames).unwrap();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (decoder, frames) = (std::sync::Arc::clone(&decoder), frames.clone());
                std::thread::spawn(move || decoder.decode(&frames).unwrap())
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), alone);
        }
    }
}
