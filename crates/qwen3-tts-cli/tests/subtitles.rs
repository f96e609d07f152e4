//! Subtitles: times of pieces in the audio, for players and for programs.

mod support;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{command, in_dir, names, refuses, run_with_input, succeeds};

const TEXT: &str = "One two three. Four five six?\n\nSeven & eight!";
const SHORT: [&str; 6] = ["--piece-tokens", "99", "--max-frames", "4", "--seed", "7"];
/// Samples of a piece of four frames.
const PIECE: usize = 4 * 1920;

fn speak(dir: &Path, text: &str, flags: &[&str]) -> Output {
    in_dir(dir, &[&["speak", text, "-o", "a.wav"], flags].concat())
}

/// A subtitle as a player reads it.
#[derive(Debug, PartialEq)]
struct Cue {
    milliseconds: Range<u64>,
    lines: Vec<String>,
}

fn cue(start: usize, end: usize, lines: &[&str]) -> Cue {
    let milliseconds = start as u64 / 24..end as u64 / 24;
    Cue { milliseconds, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
}

/// Reads SRT or WebVTT: blocks of lines, of which one has the times.
fn read(text: &str) -> Vec<Cue> {
    let blocks = text.split("\n\n").filter(|block| block.contains(" --> "));
    let cue = |block: &str| {
        let (times, words) =
            block[block.find("\n0").map_or(0, |at| at + 1)..].split_once('\n').unwrap();
        let (start, end) = times.split_once(" --> ").unwrap();
        let lines = words.lines().map(str::to_owned).collect();
        Cue { milliseconds: milliseconds(start)..milliseconds(end), lines }
    };
    blocks.map(cue).collect()
}

fn milliseconds(clock: &str) -> u64 {
    let numbers = clock.split([':', ',', '.']).map(|number| number.parse::<u64>().unwrap());
    let [hours, minutes, seconds, rest] = numbers.collect::<Vec<_>>().try_into().unwrap();
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

fn json(dir: &Path, name: &str) -> Value {
    serde_json::from_str(&text(dir, name)).unwrap()
}

#[test]
fn each_piece_has_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let second = PIECE + 15_600;
    let expected = [
        cue(0, PIECE, &["One two three. Four five six?"]),
        cue(second, second + PIECE, &["Seven & eight!"]),
    ];
    for flags in [&[][..], &["--stream"], &["--batch-size", "1"]] {
        let flags = [&SHORT, flags, &["--subtitles", "a.srt"]].concat();
        succeeds(&speak(dir.path(), TEXT, &flags));
        assert_eq!(read(&text(dir.path(), "a.srt")), expected);
        assert!(text(dir.path(), "a.srt").starts_with("1\n00:00:00,000 --> 00:00:00,320\nOne"));
    }
    succeeds(&speak(dir.path(), TEXT, &[&SHORT[..], &["--subtitles", "a.vtt"]].concat()));
    let written = text(dir.path(), "a.vtt");
    assert!(written.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:00.320\nOne"), "{written}");
    assert_eq!(read(&written)[1].lines, ["Seven &amp; eight!"]);
    // The audio is as long as they say.
    let samples = (fs::metadata(dir.path().join("a.wav")).unwrap().len() as usize - 44) / 2;
    assert_eq!(samples, second + PIECE);
    assert_eq!(names(dir.path()), ["a.srt", "a.vtt", "a.wav"]);
}

#[test]
fn each_sentence_may_have_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--subtitles", "a.srt", "--subtitle-granularity", "sentence"];
    succeeds(&speak(dir.path(), TEXT, &[&SHORT[..], &flags].concat()));
    let starts = [0, PIECE + 6_000, 2 * PIECE + 6_000 + 15_600];
    let texts = ["One two three.", "Four five six?", "Seven & eight!"];
    let expected: Vec<Cue> =
        starts.iter().zip(texts).map(|(start, text)| cue(*start, start + PIECE, &[text])).collect();
    assert_eq!(read(&text(dir.path(), "a.srt")), expected);
}

#[test]
fn long_texts_are_on_two_lines() {
    let dir = tempfile::tempdir().unwrap();
    let long = "The wind rose over the bay in the evening,\nand the boats came home.";
    let flags = [&SHORT[..], &["--subtitles", "a.srt"]].concat();
    succeeds(&speak(dir.path(), &long.replace('\n', "  \n "), &flags));
    assert_eq!(
        read(&text(dir.path(), "a.srt")),
        [cue(0, PIECE, &long.lines().collect::<Vec<_>>())]
    );
}

const MARKED: &str = "[pause 200ms]\n# The start\n[speaker mina]One \\[1].[/speaker] [pause 1s] Two.\n# The end\nThree.";

#[test]
fn programs_get_speakers_chapters_and_ranges() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--markup", "--speaker", "arlo", "--subtitles", "a.json"];
    succeeds(&speak(dir.path(), MARKED, &[&SHORT[..], &flags].concat()));
    let written = json(dir.path(), "a.json");
    let pieces = [
        ("The start", "arlo", 0, 15_600),
        ("One [1].", "mina", 0, 24_000),
        ("Two.", "arlo", 0, 15_600),
        ("The end", "arlo", 1, 15_600),
        ("Three.", "arlo", 1, 0),
    ];
    let (mut place, mut starts) = (4_800, Vec::new());
    for (index, (words, speaker, chapter, pause)) in pieces.into_iter().enumerate() {
        let piece = &written["pieces"][index];
        starts.push(place);
        assert_eq!((&piece["text"], &piece["speaker"]), (&json!(words), &json!(speaker)));
        assert_eq!(piece["chapter"], json!(chapter));
        let [start, end] = ["start_sample", "end_sample"].map(|name| piece[name].as_u64().unwrap());
        assert_eq!((start, end), (place as u64, (place + PIECE) as u64), "{words}");
        assert_eq!(piece["start"].as_f64().unwrap(), place as f64 / 24_000.0);
        assert_eq!(piece["end"].as_f64().unwrap(), (place + PIECE) as f64 / 24_000.0);
        let [from, to] = [0, 1].map(|side| piece["range"][side].as_u64().unwrap() as usize);
        assert_eq!(MARKED[from..to].replace('\\', ""), words);
        place += PIECE + pause;
    }
    assert_eq!(written["pieces"].as_array().unwrap().len(), pieces.len());
    let second = starts[3];
    let chapters = json!([
        {"title": "The start", "start": 0.2, "start_sample": 4_800},
        {"title": "The end", "start": second as f64 / 24_000.0, "start_sample": second},
    ]);
    assert_eq!(written["chapters"], chapters);
    assert_eq!((&written["n_samples"], &written["sample_rate"]), (&json!(place), &json!(24_000)));
}

#[test]
fn chapters_are_in_the_metadata_of_the_audio() {
    let dir = tempfile::tempdir().unwrap();
    let second = 4_800 + 3 * PIECE + 15_600 + 24_000 + 15_600;
    let time = format!("00:00:0{}.{:03}", second / 24_000, second % 24_000 / 24);
    for flags in [&["-o", "a.flac"][..], &["-o", "a.flac", "--stream"], &["-o", "a.opus"]] {
        let flags = [&["speak", MARKED, "--markup"], &SHORT[..], flags].concat();
        succeeds(&in_dir(dir.path(), &flags));
        let file =
            fs::read(dir.path().join(flags[flags.iter().position(|f| *f == "-o").unwrap() + 1]));
        let file = String::from_utf8_lossy(&file.unwrap()).into_owned();
        for words in ["00:00:00.200", "The end", &time, "The start"] {
            assert!(file.contains(words), "{flags:?}: {words}");
        }
        assert!(file.contains("TITLE=The start") && !file.contains("[speaker"));
    }
}

#[test]
fn a_resumed_run_has_the_same_subtitles() {
    let dir = tempfile::tempdir().unwrap();
    let flags = [&SHORT[..], &["--markup", "--subtitles", "a.json"]].concat();
    succeeds(&speak(dir.path(), MARKED, &flags));
    let whole = text(dir.path(), "a.json");
    for name in ["a.wav", "a.json"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    let resumed = [&flags[..], &["--resume", "--batch-size", "1"]].concat();
    let mut killed = command(["speak", MARKED, "-o", "a.wav"]);
    let killed = killed.current_dir(dir.path()).args(&resumed).stderr(Stdio::null()).spawn();
    let (mut killed, begin) = (killed.unwrap(), Instant::now());
    let stored = dir.path().join("a.wav.parts/00001.json");
    while !stored.exists() && killed.try_wait().unwrap().is_none() {
        assert!(begin.elapsed().as_secs() < 60);
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    succeeds(&speak(dir.path(), MARKED, &resumed));
    assert_eq!(text(dir.path(), "a.json"), whole);
    assert_eq!(names(dir.path()), ["a.json", "a.wav"]);
}

#[test]
fn a_text_from_a_pipe_is_read_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.srt");
    let flags = ["speak", "-", "--stream", "-o", "-", "--subtitles", file.to_str().unwrap()];
    succeeds(&run_with_input(flags.into_iter().chain(SHORT), TEXT.as_bytes()));
    assert_eq!(read(&text(dir.path(), "a.srt")).len(), 2);
    let wav = dir.path().join("a.wav");
    let flags = ["speak", TEXT, "-o", wav.to_str().unwrap(), "--subtitles", "-"];
    let output = command(flags.into_iter().chain(SHORT)).output().unwrap();
    succeeds(&output);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), text(dir.path(), "a.srt"));
}

#[test]
fn files_that_cannot_be_subtitles_are_refused_first() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |flags: &[&str], words: &[&str]| {
        refuses(&speak(dir.path(), "One.", flags), words);
        assert!(names(dir.path()).is_empty());
    };
    let expected = "expected a name that ends with .srt, .vtt or .json";
    refused(&["--subtitles", "a.txt"], &["cannot write subtitles to a.txt", expected]);
    refused(&["--subtitles", "srt"], &[expected]);
    refused(&["--subtitles", "none/a.srt"], &["cannot write none/a.srt"]);
    refused(&["--subtitles", "a.json", "--stats", "./a.json"], &["two outputs", "--subtitles"]);
    refused(&["--subtitles", "-", "--stats", "-"], &["two outputs", "--subtitles", "--stats"]);
    refused(&["--subtitle-granularity", "sentence"], &["--subtitles <FILE>"]);
    let flags = ["--subtitles", "a.srt", "--subtitle-granularity", "sentence", "--no-split"];
    refused(&flags, &["--no-split"]);
    refused(&["--subtitles", "a.srt", "--subtitle-granularity", "word"], &["piece", "sentence"]);
}
