//! Claims of a file's header cost no memory. The only test of its program, since it counts all
//! allocated bytes.

use peak_alloc::PeakAlloc;
use qwen3_tts_audio::{Encoding, Metadata};
use qwen3_tts_pipeline::{AudioLimits, AudioWarning, ClonedVoice, ReferenceAudio};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Memory in bytes that the readers need for any file: stream buffers, decoder tables, filters.
const FIXED: usize = 8 << 20;

/// Returns the peak number of bytes allocated by `work`.
fn peak(work: impl FnOnce()) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    work();
    MEMORY.peak_usage() - before
}

fn wav(samples: &[f32], rate: u32) -> Vec<u8> {
    Encoding::default().encode(samples, rate, Metadata::default()).unwrap()
}

/// Returns half a second of WAV whose header claims `channels` and the maximum number of bytes.
fn boastful_wav(channels: u16, bits: u16) -> Vec<u8> {
    let mut bytes = wav(&[0.25; 12_000], 24_000);
    bytes[22..24].copy_from_slice(&channels.to_le_bytes());
    bytes[32..34].copy_from_slice(&(channels.saturating_mul(bits / 8)).to_le_bytes());
    bytes[34..36].copy_from_slice(&bits.to_le_bytes());
    bytes[4..8].copy_from_slice(&0x7000_0024_u32.to_le_bytes());
    bytes[40..44].copy_from_slice(&0x7000_0000_u32.to_le_bytes());
    bytes
}

/// Returns a safetensors file that claims a header of `header` bytes and a tensor of `elements`.
fn boastful_voice(header: u64, elements: u64) -> Vec<u8> {
    let json = format!(
        r#"{{"__metadata__":{{"format":"qwen3-tts-voice","version":"1","tts_model_size":"0b6"}},
        "speaker_embedding":{{"dtype":"F32","shape":[{elements}],"data_offsets":[0,{}]}}}}"#,
        elements.wrapping_mul(4)
    );
    let length = if header == 0 { json.len() as u64 } else { header };
    [&length.to_le_bytes(), json.as_bytes(), &[0; 64]].concat()
}

#[test]
fn memory_is_bounded_by_the_file_and_the_limit_not_by_the_header() {
    let any = AudioLimits::any();
    for (channels, bits) in [(1, 16), (2, 32), (32, 32), (u16::MAX, 8)] {
        let bytes = boastful_wav(channels, bits);
        let used = peak(|| match ReferenceAudio::from_bytes(&bytes, "a", &any) {
            // What is there is used.
            Ok(audio) => {
                assert!(matches!(audio.warnings[..], [AudioWarning::Incomplete { .. }, ..]))
            }
            Err(_) => assert_eq!(channels, u16::MAX),
        });
        assert!(used < FIXED, "{used} bytes for {channels} channels");
    }
    for header in [0, 1 << 20, 99_000_000, 1 << 40, u64::MAX] {
        for elements in [1 << 20, 1 << 40, 1 << 62, u64::MAX] {
            let bytes = boastful_voice(header, elements);
            let used = peak(|| assert!(ClonedVoice::from_bytes(&bytes, "a").is_err()));
            assert!(used < 1 << 20, "{used} bytes for {header} {elements}");
        }
    }
    // A recording of ten minutes costs no more than the half minute of it that is used.
    let seconds = 600;
    let long = wav(&vec![0.25; 8_000 * seconds], 8_000);
    let limits = AudioLimits::default();
    let used = peak(|| drop(ReferenceAudio::from_bytes(&long, "a", &limits).unwrap()));
    // 30 s at both rates as floats, each twice while a vector grows or is copied.
    let bound = 2 * 4 * 30 * (8_000 + 24_000);
    assert!(used < bound + FIXED, "{used} bytes, {bound} expected");
}
