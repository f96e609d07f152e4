//! Names: what is not read is named, and what is no file is told from what is no recording.

use std::fs;
use std::io::Write;

use qwen3_tts_pipeline::{AudioError, AudioLimits, Error, ReferenceAudio};

use crate::formats::bytes;
use crate::refuse;

#[test]
fn formats_that_are_not_read_are_named() {
    let mut stream = vec![0; 600];
    [0, 188, 376, 564].into_iter().for_each(|at| stream[at] = 0x47);
    for (head, name) in [
        (&b"#!AMR\n\x3c\x48"[..], "AMR"),
        (b"#!AMR-WB\n\x3c", "AMR"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "WMA"),
        (b"\x0b\x77\x12\x34", "AC-3"),
        (b".snd\0\0\0\x18", "AU"),
        (b"wvpk\0\0\0\0", "WavPack"),
        (b"MThd\0\0\0\x06", "MIDI"),
        (b"\0\0\0\x08wide\0\0\0\x08mdat", "QuickTime"),
        (b"PK\x03\x04\x14\0", "ZIP"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\xef\xbb\xbf<html>", "web page"),
        (b"Hello!", "text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (&stream, "transport stream"),
    ] {
        let error = refuse(head);
        assert!(matches!(error, AudioError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.to_string().contains("convert it to WAV"), "{error}");
    }
    for (file, name) in
        [("speex.ogg", "Speex"), ("ac3.mkv", "AC-3"), ("aac_surround.m4a", "AAC with more")]
    {
        let error = refuse(&bytes(file)).to_string();
        assert!(error.contains(name) && error.contains("convert it to WAV"), "{error}");
    }
    assert!(matches!(refuse(b""), AudioError::Empty));
}

/// Replaces the code of the codec in an M4A file.
#[test]
fn codecs_in_mp4_are_named_by_their_codes() {
    for (code, name) in [(b"samr", "AMR"), (b"ec-3", "E-AC-3"), (b"zzzz", "\"zzzz\" in MP4")] {
        let mut file = bytes("aac.m4a");
        let at = file.windows(4).position(|window| window == b"mp4a").unwrap();
        file[at..at + 4].copy_from_slice(code);
        // Without the description of an AAC stream.
        let at = file.windows(4).position(|window| window == b"esds").unwrap();
        file[at..at + 4].copy_from_slice(b"free");
        let error = refuse(&file);
        assert!(matches!(error, AudioError::UnknownCodec { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn an_address_is_no_file() {
    let data = format!("data:audio/wav;base64,{}", "UklGR".repeat(10_000));
    for (name, kind) in [
        ("https://example.org/ann.wav", "web address"),
        ("HTTP://example.org/ann.wav", "web address"),
        ("file:///tmp/ann.wav", "file URL"),
        (&data, "data URL"),
    ] {
        let error = ReferenceAudio::read(name, &AudioLimits::default()).unwrap_err();
        assert!(
            matches!(&error, Error::Audio { source: AudioError::NotAFile { .. }, .. }),
            "{error}"
        );
        let message = error.to_string();
        assert!(message.contains(kind) && message.contains("name the file"), "{message}");
        assert!(message.len() < 200 && !message.contains("damaged"), "{message}");
    }
}

#[test]
fn a_missing_file_is_missing_and_not_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.wav");
    let message = ReferenceAudio::read(&path, &AudioLimits::default()).unwrap_err().to_string();
    assert!(message.contains("none.wav") && !message.contains("damaged"), "{message}");
}

/// A file whose index is at its end, so that it has to be read twice.
#[test]
fn a_reader_gives_what_the_file_gives() {
    let file = bytes("aac.m4a");
    let limits = AudioLimits::default();
    let whole = ReferenceAudio::from_bytes(&file, "a", &limits).unwrap();
    assert_eq!(ReferenceAudio::from_reader(&file[..], "a", &limits).unwrap(), whole);
}

#[test]
#[cfg(unix)]
fn a_pipe_gives_what_the_file_gives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let file = bytes("aac.m4a");
    let writer = std::thread::spawn({
        let (path, file) = (path.clone(), file.clone());
        move || fs::OpenOptions::new().write(true).open(path).unwrap().write_all(&file).unwrap()
    });
    let limits = AudioLimits::default();
    let audio = ReferenceAudio::read(&path, &limits).unwrap();
    writer.join().unwrap();
    assert_eq!(audio, ReferenceAudio::from_bytes(&file, "a", &limits).unwrap());
}
