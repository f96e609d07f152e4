//! Uncompressed files in all their spellings, written here sample by sample.

use qwen3_tts_pipeline::{AudioError, AudioLimits, AudioWarning, ReferenceAudio};

use crate::{read, refuse};

/// Samples of 16 bits that every width can hold, 0.5 s at 24 kHz, and no two neighbours alike.
fn samples() -> Vec<i16> {
    (0..12_000_i32).map(|i| ((i * 7_919) % 65_536 - 32_768) as i16 & !0xff).collect()
}

fn expected() -> Vec<f32> {
    samples().iter().map(|sample| f32::from(*sample) / 32_768.0).collect()
}

/// The samples as integers of `bits` in containers of `bytes`, little-endian.
fn integers(bytes: usize, bits: u32, is_left: bool) -> Vec<u8> {
    let pack = |sample: i16| {
        let value = i64::from(sample) << 48 >> (64 - bits);
        let value = if is_left { value << (8 * bytes as u32 - bits) } else { value };
        value.to_le_bytes()[..bytes].to_vec()
    };
    samples().into_iter().flat_map(pack).collect()
}

fn swapped(data: &[u8], width: usize) -> Vec<u8> {
    data.chunks(width).flat_map(|sample| sample.iter().rev().copied()).collect()
}

/// A chunk of RIFF, padded.
fn chunk(tag: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut chunk = [&tag[..], &(contents.len() as u32).to_le_bytes(), contents].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

/// A description of mono samples at 24 kHz.
fn fmt(tag: u16, align: u16, bits: u16, extension: &[u8]) -> Vec<u8> {
    let rate = 24_000_u32;
    let mut fmt = Vec::new();
    for number in [tag, 1] {
        fmt.extend(number.to_le_bytes());
    }
    fmt.extend(rate.to_le_bytes());
    fmt.extend((rate * u32::from(align)).to_le_bytes());
    for number in [align, bits] {
        fmt.extend(number.to_le_bytes());
    }
    fmt.extend(extension);
    chunk(b"fmt ", &fmt)
}

/// The extension of an extensible format, whose GUID begins with the tag.
fn extension(valid: u16, tag: u16) -> Vec<u8> {
    let guid = *b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    let head = [22, valid, 4, 0, tag].map(u16::to_le_bytes).concat();
    [&head[..], &guid].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    let len = chunks.len() as u32 + 4;
    [&b"RIFF"[..], &len.to_le_bytes(), b"WAVE", &chunks].concat()
}

fn plain(align: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    riff(&[fmt(1, align, bits, &[]), chunk(b"data", data)])
}

/// The plain file with other sizes of the file and of its samples.
fn sized(whole: u32, data: u32) -> Vec<u8> {
    let mut bytes = plain(2, 16, &integers(2, 16, true));
    bytes[4..8].copy_from_slice(&whole.to_le_bytes());
    bytes[40..44].copy_from_slice(&data.to_le_bytes());
    bytes
}

fn rf64(tag: &[u8; 4]) -> Vec<u8> {
    let data = integers(2, 16, true);
    let len = data.len() as u64;
    let sizes = [len + 72, len, len / 2].map(u64::to_le_bytes).concat();
    let ds64 = chunk(b"ds64", &[&sizes[..], &[0; 4]].concat());
    let unknown = u32::MAX.to_le_bytes();
    let head = [&tag[..], &unknown, b"WAVE"].concat();
    [head, ds64, fmt(1, 2, 16, &[]), b"data".to_vec(), unknown.to_vec(), data].concat()
}

fn wave64() -> Vec<u8> {
    let chunk = |tag: &[u8; 4], contents: &[u8]| {
        let guid = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
        let len = contents.len() as u64 + 24;
        let mut chunk = [&tag[..], guid, &len.to_le_bytes(), contents].concat();
        chunk.resize(chunk.len().next_multiple_of(8), 0);
        chunk
    };
    let chunks = [
        chunk(b"fmt ", &fmt(1, 2, 16, &[])[8..]),
        chunk(b"junk", &[7; 5]),
        chunk(b"data", &integers(2, 16, true)),
    ]
    .concat();
    let riff = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";
    let wave = b"wave\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
    [&riff[..], &(chunks.len() as u64 + 40).to_le_bytes(), wave, &chunks].concat()
}

/// AIFF, or AIFC with a codec; 24 000 as an 80-bit float is 0x400D with the mantissa 0xBB80….
fn aiff(codec: Option<&[u8; 4]>, bits: u16, frames: u32, data: &[u8]) -> Vec<u8> {
    let chunk = |tag: &[u8; 4], contents: &[u8]| {
        let mut chunk = [&tag[..], &(contents.len() as u32).to_be_bytes(), contents].concat();
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    };
    let mut comm = [&1_u16.to_be_bytes()[..], &frames.to_be_bytes(), &bits.to_be_bytes()].concat();
    comm.extend(b"\x40\x0d\xbb\x80\0\0\0\0\0\0");
    comm.extend(codec.iter().flat_map(|codec| [&codec[..], b"\0\0"].concat()));
    let form = if codec.is_some() { b"AIFC" } else { b"AIFF" };
    let chunks =
        [chunk(b"COMM", &comm), chunk(b"NAME", b"odd"), chunk(b"SSND", &[&[0; 8], data].concat())]
            .concat();
    [&b"FORM"[..], &(chunks.len() as u32 + 4).to_be_bytes(), form, &chunks].concat()
}

fn caf(codec: &[u8; 4], flags: u32, bytes: u32, bits: u32, data: &[u8], len: i64) -> Vec<u8> {
    let mut desc = [&24_000_f64.to_be_bytes()[..], codec].concat();
    desc.extend([flags, bytes, 1, 1, bits].map(u32::to_be_bytes).concat());
    let head = [b"caff\0\x01\0\0desc", &32_i64.to_be_bytes()[..], &desc, b"data"].concat();
    [&head[..], &len.to_be_bytes(), &[0; 4], data].concat()
}

fn floats<const N: usize>(pack: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    expected().into_iter().flat_map(pack).collect()
}

/// All spellings, with a name each. All hold the same samples.
pub fn all() -> Vec<(String, Vec<u8>)> {
    let s16 = integers(2, 16, true);
    let unsigned: Vec<u8> = integers(1, 8, true).iter().map(|byte| byte ^ 0x80).collect();
    let extensible = |align, bits, valid, tag, data: &[u8]| {
        riff(&[fmt(0xfffe, align, bits, &extension(valid, tag)), chunk(b"data", data)])
    };
    let f32s = floats(f32::to_le_bytes);
    let f64s = floats(|sample| f64::from(sample).to_le_bytes());
    let long = (s16.len() + 4) as i64;
    let mut all = vec![
        ("WAV, 8 bits".to_owned(), plain(1, 8, &unsigned)),
        ("WAV, 32-bit floats".into(), riff(&[fmt(3, 4, 32, &[]), chunk(b"data", &f32s)])),
        ("WAV, 64-bit floats".into(), riff(&[fmt(3, 8, 64, &[0; 2]), chunk(b"data", &f64s)])),
        ("WAV, extensible, 32-bit floats".into(), extensible(4, 32, 32, 3, &f32s)),
        ("WAV, extensible, 24 of 32 bits".into(), extensible(4, 32, 24, 1, &integers(4, 24, true))),
        ("WAV, extensible, 16 bits".into(), extensible(2, 16, 16, 1, &s16)),
        ("WAV, extensible, no valid bits".into(), extensible(2, 16, 0, 1, &s16)),
        ("WAV, a short fmt chunk".into(), {
            let short = chunk(b"fmt ", &fmt(1, 2, 16, &[])[8..22]);
            riff(&[short, chunk(b"data", &s16)])
        }),
        ("WAV, a long fmt chunk".into(), {
            riff(&[fmt(1, 2, 16, &[0; 24]), chunk(b"data", &s16)])
        }),
        ("WAV, no block size".into(), riff(&[fmt(1, 0, 16, &[]), chunk(b"data", &s16)])),
        ("WAV, chunks all around".into(), {
            let list = chunk(b"LIST", b"INFOodd");
            riff(&[list.clone(), fmt(1, 2, 16, &[]), list.clone(), chunk(b"data", &s16), list])
        }),
        ("WAV, an odd chunk without padding".into(), {
            let list = [&b"LIST"[..], &7_u32.to_le_bytes(), b"INFOodd"].concat();
            riff(&[list, fmt(1, 2, 16, &[]), chunk(b"data", &s16)])
        }),
        ("RF64".into(), rf64(b"RF64")),
        ("BW64".into(), rf64(b"BW64")),
        ("Wave64".into(), wave64()),
        ("AIFF, 8 bits".into(), aiff(None, 8, 12_000, &integers(1, 8, true))),
        ("AIFF, 12 bits".into(), aiff(None, 12, 12_000, &swapped(&integers(2, 12, true), 2))),
        ("AIFF, no number of frames".into(), aiff(None, 16, 0, &swapped(&s16, 2))),
        ("AIFC, sowt".into(), aiff(Some(b"sowt"), 16, 12_000, &s16)),
        ("AIFC, raw".into(), aiff(Some(b"raw "), 8, 12_000, &unsigned)),
        ("AIFC, fl32".into(), aiff(Some(b"fl32"), 32, 12_000, &swapped(&f32s, 4))),
        ("AIFC, fl64".into(), aiff(Some(b"FL64"), 64, 12_000, &swapped(&f64s, 8))),
        ("CAF, 16 bits, big-endian".into(), caf(b"lpcm", 0, 2, 16, &swapped(&s16, 2), long)),
        ("CAF, 16 bits, little-endian".into(), caf(b"lpcm", 2, 2, 16, &s16, long)),
        ("CAF, 32-bit floats".into(), caf(b"lpcm", 3, 4, 32, &f32s, 2 * long - 4)),
        ("CAF, no size".into(), caf(b"lpcm", 2, 2, 16, &s16, -1)),
    ];
    for (bytes, bits) in [(2, 16), (3, 24), (4, 32), (8, 64)] {
        let data = integers(bytes, bits as u32, true);
        all.push((format!("WAV, {bits} bits"), plain(bytes as u16, bits, &data)));
        if bits <= 32 {
            let data = swapped(&data, bytes);
            all.push((format!("AIFF, {bits} bits"), aiff(None, bits, 12_000, &data)));
        }
    }
    for (bytes, bits, side) in
        [(2, 12, "left"), (3, 20, "left"), (4, 20, "left"), (4, 24, "left"), (4, 24, "right")]
    {
        let data = integers(bytes, u32::from(bits), side == "left");
        let name = format!("WAV, {bits} bits on the {side} of {}", 8 * bytes);
        all.push((name, plain(bytes as u16, bits, &data)));
    }
    for (name, whole, data) in [
        ("0", 0, 0),
        ("0 and right", 0, 24_000),
        ("right and 0", 24_036, 0),
        ("0xFFFFFFFF", u32::MAX, u32::MAX),
        ("0x7FFFF000", 0x7fff_f000, 0x7fff_f000),
        ("too small and right", 8, 24_000),
        ("too large and right", 99_999, 24_000),
    ] {
        all.push((format!("WAV, sizes {name}"), sized(whole, data)));
    }
    all
}

#[test]
fn every_spelling_gives_the_samples() {
    for (name, bytes) in all() {
        println!("{name}");
        let audio = read(&bytes);
        assert_eq!((audio.source_sample_rate, audio.source_channels), (24_000, 1));
        assert!(audio.samples == expected());
        // Every other sample would be clipped if the recording were loud.
        assert_eq!(audio.warnings, []);
    }
}

#[test]
fn samples_with_more_bits_than_the_header_says_are_refused() {
    let noise: Vec<u8> =
        (0..96_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let error = refuse(&plain(4, 24, &noise));
    assert!(error.to_string().contains("more bits than its header says"), "{error}");
}

/// Samples that use all of their 12 bits.
#[test]
fn samples_are_found_on_the_right_of_their_containers() {
    let data: Vec<u8> = (0..24_000_i16).flat_map(|i| (i % 2_000 - 1_000).to_le_bytes()).collect();
    let audio = read(&plain(2, 12, &data));
    let expected: Vec<f32> =
        (0..24_000_i16).map(|i| f32::from(i % 2_000 - 1_000) / 2_048.0).collect();
    assert!(audio.samples == expected);
}

/// Quiet samples on the left of 16 bits are not mistaken for loud ones on the right.
#[test]
fn quiet_samples_stay_quiet() {
    let quiet: Vec<u8> =
        (0..24_000_i16).flat_map(|i| ((i % 100 - 50) << 4).to_le_bytes()).collect();
    let audio = read(&plain(2, 12, &quiet));
    let peak = audio.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert_eq!(peak, 800.0 / 32_768.0);
}

#[test]
fn an_empty_file_before_other_chunks_is_empty() {
    let list = chunk(b"LIST", &[7; 40_000]);
    let bytes = riff(&[fmt(1, 2, 16, &[]), chunk(b"data", &[]), list]);
    assert!(matches!(refuse(&bytes), AudioError::Empty));
}

#[test]
fn codecs_that_are_not_decoded_are_named() {
    for (tag, name) in [(0x31, "GSM 6.10"), (0x55, "MP3"), (0x161, "WMA"), (0x7777, "0x7777")] {
        let bytes = riff(&[fmt(tag, 2, 16, &[]), chunk(b"data", &[0; 4000])]);
        let error = refuse(&bytes);
        assert!(matches!(error, AudioError::UnknownCodec { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let error = refuse(&aiff(Some(b"QDM2"), 16, 100, &[0; 400]));
    assert!(error.to_string().contains("\"QDM2\" in AIFC"), "{error}");
}

/// Each file is cut to less than its header states.
#[test]
fn what_is_there_of_a_cut_file_is_used() {
    for (name, bytes) in all() {
        let half = bytes.len() - bytes.len() * 3 / 8;
        let limits = AudioLimits::default().min_seconds(0.1);
        let audio = ReferenceAudio::from_bytes(&bytes[..half], "ann", &limits).unwrap();
        let n = audio.samples.len();
        println!("{name}: {n}");
        assert!((6_000..9_000).contains(&n));
        assert!(audio.samples == expected()[..n]);
        match audio.warnings[..] {
            [AudioWarning::Incomplete { promised: Some(promised), found }] => {
                assert!((promised - 0.5).abs() < 1e-9, "{promised}");
                assert!((found - n as f64 / 24_000.0).abs() < 1e-9, "{found}");
            }
            // The header says nothing.
            [] => assert!(name.contains('0') || name.contains("no "), "{name}"),
            ref warnings => panic!("{name}: {warnings:?}"),
        }
    }
}
