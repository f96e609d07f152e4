//! Voices from recordings on the command line.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use qwen3_tts_testkit::{Golden, checkpoint, fixtures_dir, signal};
use support::{names, refuses, run, run_with_input, stderr, succeeds};

/// Writes the goldens' recording as a float WAV, which is lossless.
fn recording(dir: &Path, n_samples: usize) -> PathBuf {
    let path = dir.join("ann.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut wav = hound::WavWriter::create(&path, spec).unwrap();
    signal(n_samples).into_iter().for_each(|sample| wav.write_sample(sample).unwrap());
    wav.finalize().unwrap();
    path
}

fn codes(path: &Path) -> Vec<u32> {
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    serde_json::from_value::<Vec<Vec<u32>>>(json["codes"].clone()).unwrap().concat()
}

struct Setup {
    dir: tempfile::TempDir,
    golden: Golden,
    wav: String,
    model: String,
}

impl Setup {
    fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let golden = Golden::load(&format!("cloning/{name}"));
        let wav = recording(dir.path(), golden.number("reference_samples"));
        let model = checkpoint(golden.string("checkpoint"));
        Self { dir, wav: text(&wav), model: text(&model), golden }
    }

    fn path(&self, name: &str) -> String {
        text(&self.dir.path().join(name))
    }

    /// Speaks the golden's text with these flags and returns the codes.
    fn speak(&self, flags: &[&str]) -> Vec<u32> {
        let (out, json) = (self.path("out.wav"), self.path("out.json"));
        let frames = self.golden.number("max_frames").to_string();
        let mut args =
            vec!["speak", self.golden.string("text"), "--greedy", "--model", &self.model];
        args.extend(["--language", self.golden.string("language"), "--max-frames", &frames]);
        args.extend(["-o", &out, "--codes", &json]);
        args.extend(flags);
        succeeds(&run(args));
        codes(Path::new(&json))
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_recording_and_its_voice_file_speak_the_official_codes() {
    for name in ["icl_longer_text", "x_vector_streaming"] {
        let setup = Setup::new(name);
        let transcript = setup.golden.optional_string("reference_text");
        let how = match transcript {
            Some(transcript) => vec!["--ref-text", transcript],
            None => vec!["--x-vector-only"],
        };
        let reference = [&["--ref-audio", &setup.wav][..], &how].concat();
        let expected = setup.golden.u32("codes").1;
        assert_eq!(setup.speak(&reference), expected);

        let voice = setup.path("ann.voice");
        let create = [&["voice", "create", "--model", &setup.model, "-o", &voice][..], &reference];
        succeeds(&run(create.concat()));
        assert_eq!(setup.speak(&["--voice", &voice]), expected);

        let shown = run(["voice", "show", &voice, "--json"]);
        succeeds(&shown);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        assert_eq!(shown["transcript"].as_str(), transcript);
        assert_eq!(shown["hidden_size"], 64);
        let told = run(["voice", "show", &voice]);
        succeeds(&told);
        let told = String::from_utf8(told.stdout).unwrap();
        // A frame of codes for each 80 ms, which are 1920 samples, or part of them.
        let samples = hound::WavReader::open(&setup.wav).unwrap().duration();
        let frames = transcript.map(|_| samples.div_ceil(1920));
        assert_eq!(shown["frames"].as_u64(), frames.map(u64::from));
        assert_eq!(frames.is_some(), told.contains(" frames\n"), "{told}");
    }
}

#[test]
fn a_voice_with_a_recording_can_be_used_for_its_embedding_only() {
    let in_context = Setup::new("icl_longer_text");
    let voice = in_context.path("ann.voice");
    let transcript = in_context.golden.string("reference_text");
    succeeds(&run([
        "voice",
        "create",
        "--ref-audio",
        &in_context.wav,
        "--ref-text",
        transcript,
        "--model",
        &in_context.model,
        "-o",
        &voice,
    ]));
    let vector = Setup::new("x_vector_streaming");
    let spoken = vector.speak(&["--voice", &voice, "--x-vector-only"]);
    assert_eq!(spoken, vector.golden.u32("codes").1);
}

#[test]
fn a_recording_is_encoded_to_the_official_codes_and_decoded() {
    let setup = Setup::new("icl_longer_text");
    let (json, wav) = (setup.path("codes.json"), setup.path("again.wav"));
    succeeds(&run(["codec", "encode", &setup.wav, "--model", &setup.model, "-o", &json]));
    assert_eq!(codes(Path::new(&json)), setup.golden.u32("reference_codes").1);
    succeeds(&run(["codec", "decode", &json, "--model", &setup.model, "-o", &wav]));
    let frames = setup.golden.u32("reference_codes").0[0] as u32;
    assert_eq!(hound::WavReader::open(&wav).unwrap().duration(), frames * 1920);

    let printed = run(["codec", "encode", &setup.wav, "--model", &setup.model, "-o", "-"]);
    succeeds(&printed);
    assert_eq!(printed.stdout, fs::read(&json).unwrap());
}

#[test]
fn invalid_requests_are_refused_and_leave_nothing() {
    let setup = Setup::new("icl_longer_text");
    let out = setup.path("out.wav");
    let speak = |flags: &[&str]| {
        let base = ["speak", "Hello.", "--max-frames", "5", "-o", &out, "--model", &setup.model];
        run([&base[..], flags].concat())
    };
    let empty = setup.path("empty.voice");
    fs::write(&empty, "").unwrap();
    refuses(&speak(&[]), &["cloned voice"]);
    refuses(&speak(&["--ref-audio", &setup.wav]), &["--ref-text", "--x-vector-only"]);
    refuses(&speak(&["--x-vector-only"]), &["--ref-audio"]);
    refuses(&speak(&["--ref-text", "Hello."]), &["--ref-audio"]);
    refuses(&speak(&["--ref-audio", &setup.wav, "--ref-text", "  "]), &["transcript"]);
    refuses(&speak(&["--ref-audio", "gone.wav", "--x-vector-only"]), &["gone.wav"]);
    refuses(&speak(&["--ref-audio", &setup.wav, "--x-vector-only", "--speaker", "ryan"]), &[]);
    refuses(&speak(&["--voice", "gone.voice"]), &["gone.voice"]);
    refuses(&speak(&["--voice", &empty]), &["empty.voice"]);
    refuses(&speak(&["--voice", &setup.wav]), &["ann.wav"]);
    let silence = ["--trailing-silence", "-1"];
    let reference = ["--ref-audio", &setup.wav, "--x-vector-only"];
    refuses(&speak(&[&reference[..], &silence].concat()), &["silence"]);
    let instruct = ["--instruct", "Slowly."];
    refuses(&speak(&[&reference[..], &instruct].concat()), &["instruction"]);

    let voice = setup.path("new.voice");
    let create = |flags: &[&str]| run([&["voice", "create", "-o", &voice][..], flags].concat());
    refuses(&create(&["--model", &setup.model]), &["--ref-audio"]);
    let preset = checkpoint("custom_voice_0b6");
    refuses(&create(&[&reference[..], &["--model", &text(&preset)]].concat()), &["base model"]);
    refuses(&run(["voice", "show", &setup.wav]), &["ann.wav"]);
    refuses(&run(["codec", "encode", &empty, "-o", &out]), &["empty.voice"]);
    assert_eq!(names(setup.dir.path()), ["ann.wav", "empty.voice"]);
}

#[test]
fn the_built_in_voice_clones_without_a_download() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&dir.path().join(name));
    let recording = text(&fixtures_dir().join("goldens/demo_voice/mina-1.flac"));
    let speak = |out: &str, flags: &[&str]| {
        let base = ["speak", "Good morning.", "--seed", "1", "-o", out];
        let output = run([&base[..], flags].concat());
        succeeds(&output);
        assert!(stderr(&output).contains("closer of two demo voices"), "{}", stderr(&output));
        fs::read(out).unwrap()
    };
    let vector = ["--ref-audio", &recording, "--x-vector-only"];
    let spoken = speak(&path("a.wav"), &vector);
    let voice = path("mina.voice");
    let created = run([&["voice", "create", "-o", &voice][..], &vector].concat());
    succeeds(&created);
    assert!(stderr(&created).contains("closer of two demo voices"), "{}", stderr(&created));
    assert!(spoken == speak(&path("b.wav"), &["--voice", &voice]));

    // Text from a pipe can only be streaming text.
    let piped = path("piped.wav");
    let piped = [&["speak", "-", "--stream", "-o", &piped][..], &vector].concat();
    succeeds(&run_with_input(piped, b"Good morning."));

    // Several lines that clone; then lines of both kinds, of which those that clone fail.
    let line = format!(r#"{{"text": "Good morning.", "seed": 1, "voice": "{voice}"}}"#);
    let out = path("out");
    let batch = ["batch", "-", "--out", &out];
    succeeds(&run_with_input(batch, format!("{line}\n{line}\n").as_bytes()));
    assert!(fs::read(dir.path().join("out/00002.wav")).unwrap() == spoken);
    let mixed = run_with_input(batch, format!("{line}\n{{\"text\": \"One.\"}}\n").as_bytes());
    assert_eq!(mixed.status.code(), Some(1));
    assert!(stderr(&mixed).contains("line 1 failed"), "{}", stderr(&mixed));
}

/// A recording that has to be read more than once, in a pipe that cannot be.
#[test]
fn a_recording_on_standard_input_gives_the_codes_of_the_file() {
    let model = text(&checkpoint("base_0b6"));
    let file = fixtures_dir().join("audio/aac.m4a");
    let bytes = fs::read(&file).unwrap();
    let encode = |audio: &str, input: &[u8]| {
        let encoded =
            run_with_input(["codec", "encode", audio, "--model", &model, "-o", "-"], input);
        succeeds(&encoded);
        encoded.stdout
    };
    let expected = encode(&text(&file), b"");
    assert_eq!(encode("-", &bytes), expected);
    #[cfg(unix)]
    assert_eq!(encode("/dev/stdin", &bytes), expected);

    let dir = tempfile::tempdir().unwrap();
    let voice = |name: &str, audio: &str, input: &[u8]| {
        let voice = text(&dir.path().join(name));
        let create = ["voice", "create", "--x-vector-only", "--model", &model, "-o", &voice];
        succeeds(&run_with_input([&create[..], &["--ref-audio", audio]].concat(), input));
        fs::read(voice).unwrap()
    };
    assert_eq!(voice("a.voice", "-", &bytes), voice("b.voice", &text(&file), b""));
}

#[test]
fn what_is_no_recording_is_named() {
    let model = text(&checkpoint("base_0b6"));
    let speak = |words: &str, audio: &str| {
        run_with_input(
            ["speak", words, "--x-vector-only", "--model", &model, "--ref-audio", audio],
            b"Hello.",
        )
    };
    refuses(&speak("Hi.", "https://example.org/ann.wav"), &["web address", "name the file"]);
    refuses(&speak("Hi.", "data:audio/wav;base64,UklGRg=="), &["data URL", "name the file"]);
    refuses(&speak("Hi.", "-"), &["standard input", "text"]);
    refuses(&speak("-", "-"), &["the text and --ref-audio", "standard input"]);
}
