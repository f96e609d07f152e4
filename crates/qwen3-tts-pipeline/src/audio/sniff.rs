//! Recognition of a file by its first bytes.

use super::error::AudioError;

/// Number of bytes at the start of a file that [`sniff`] looks at.
pub const HEAD: usize = 512;

/// The formats that are treated apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// RIFF, RF64, BW64, Wave64, AIFF, AIFC, and CAF unless it is compressed.
    Pcm,
    /// MP4, M4A, MOV and 3GP.
    Mp4,
    /// Everything else that may be a recording.
    Other,
}

/// Names of formats that are not read, with their first bytes and the position of those.
const FOREIGN: &[(&str, usize, &[u8])] = &[
    ("AMR", 0, b"#!AMR"),
    ("WMA or another ASF file", 0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    ("AC-3", 0, b"\x0b\x77"),
    ("DTS", 0, b"\x7f\xfe\x80\x01"),
    ("AU", 0, b".snd"),
    ("WavPack", 0, b"wvpk"),
    ("Monkey's Audio", 0, b"MAC "),
    ("Musepack", 0, b"MPCK"),
    ("Musepack", 0, b"MP+"),
    ("TTA", 0, b"TTA1"),
    ("TAK", 0, b"tBaK"),
    ("DSD", 0, b"DSD "),
    ("DSD", 0, b"FRM8"),
    ("RealAudio", 0, b".ra\xfd"),
    ("RealMedia", 0, b".RMF"),
    ("AAC in ADIF", 0, b"ADIF"),
    ("AAC in LOAS", 0, b"\x56\xe0"),
    ("AAC in LOAS", 0, b"\x56\xe1"),
    ("Speex", 28, b"Speex   "),
    ("a video (Theora)", 28, b"\x80theora"),
    ("text", 0, b"\xff\xfe"),
    ("text", 0, b"\xfe\xff"),
    ("MIDI", 0, b"MThd"),
    ("Flash video", 0, b"FLV"),
    ("AVI", 8, b"AVI "),
    ("WebP", 8, b"WEBP"),
    ("VOC", 0, b"Creative Voice File"),
    ("SPHERE", 0, b"NIST_1A"),
    ("a dictation (DSS)", 0, b"\x02dss"),
    ("a dictation (DS2)", 0, b"\x03ds2"),
    ("iLBC", 0, b"#!iLBC"),
    ("a QuickTime file without its ftyp box", 4, b"moov"),
    ("a QuickTime file without its ftyp box", 4, b"mdat"),
    ("a QuickTime file without its ftyp box", 4, b"wide"),
    ("an MPEG programme stream", 0, b"\0\0\x01\xba"),
    ("a ZIP archive", 0, b"PK\x03\x04"),
    ("a gzip archive", 0, b"\x1f\x8b"),
    ("a 7-Zip archive", 0, b"7z\xbc\xaf\x27\x1c"),
    ("a RAR archive", 0, b"Rar!"),
    ("a PNG picture", 0, b"\x89PNG"),
    ("a JPEG picture", 0, b"\xff\xd8\xff"),
    ("a GIF picture", 0, b"GIF8"),
    ("a PDF document", 0, b"%PDF"),
    ("a program", 0, b"\x7fELF"),
    ("a Git LFS pointer", 0, b"version https://git-lfs"),
    ("an M3U playlist", 0, b"#EXTM3U"),
];

/// Says what the file is whose first bytes are `head`.
///
/// # Errors
/// Returns [`AudioError::Foreign`] if it is known and cannot be read, and [`AudioError::Empty`] if
/// there are no bytes.
pub fn sniff(head: &[u8]) -> Result<Container, AudioError> {
    let at = |position: usize, magic: &[u8]| {
        head.get(position..).is_some_and(|rest| rest.starts_with(magic))
    };
    if head.is_empty() {
        return Err(AudioError::Empty);
    }
    let is_any = |position: usize, tags: &[&[u8]]| tags.iter().any(|tag| at(position, tag));
    let is_pcm = (is_any(0, &[b"RIFF", b"RF64", b"BW64"]) && at(8, b"WAVE"))
        || at(0, b"riff\x2e\x91\xcf\x11")
        || (at(0, b"FORM") && is_any(8, &[b"AIFF", b"AIFC"]))
        || (at(0, b"caff") && is_any(28, &[b"lpcm", b"ulaw", b"alaw", b"ima4"]));
    if is_pcm {
        return Ok(Container::Pcm);
    }
    if at(4, b"ftyp") {
        return Ok(Container::Mp4);
    }
    let foreign = FOREIGN.iter().find(|(_, position, magic)| at(*position, magic));
    let found = foreign.map(|(name, ..)| *name).or_else(|| stream(head)).or_else(|| text(head));
    found.map_or(Ok(Container::Other), |found| Err(AudioError::Foreign { found }))
}

/// Names an MPEG transport stream: packets of 188 bytes that start with the same byte.
fn stream(head: &[u8]) -> Option<&'static str> {
    let is_stream = [0, 188, 376].iter().all(|at| head.get(*at) == Some(&0x47));
    is_stream.then_some("an MPEG transport stream")
}

/// Names a file of text.
fn text(head: &[u8]) -> Option<&'static str> {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    let text = str::from_utf8(head.get(..head.len().min(64))?).ok()?;
    if !head.iter().all(is_text) {
        return None;
    }
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let is_page = start.starts_with('<');
    Some(if is_page { "a web page or XML" } else { "text" })
}
