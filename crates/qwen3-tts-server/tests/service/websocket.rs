//! What a session of the WebSocket protocol says.

use qwen3_tts_audio::{Encoding, Format, Metadata};
use qwen3_tts_pipeline::{LoadOptions, LongText, SpeechRequest, Synthesizer};
use qwen3_tts_testkit::checkpoint;
use serde_json::{Value, json};

use crate::socket::Client;
use crate::support::{settings, start};

pub const MODEL: &str = "custom_voice_0b6";

const TEXT: &str = "One two. Three, Dr. Four! “Five?” Six.\n\nSeven [pause 1s] eight. Nine";

/// A short speech in PCM.
fn short() -> Value {
    json!({
        "voice": "ryan", "response_format": "pcm", "stream_audio": true, "seed": 5,
        "max_new_tokens": 3,
    })
}

/// Returns the PCM of a text that the pipeline speaks by sentence.
fn expected(text: &str) -> Vec<u8> {
    let pcm = Encoding::new(Format::Pcm);
    pcm.encode(&samples(text), 24_000, Metadata::default()).unwrap()
}

/// Returns the samples of a text that the pipeline speaks by sentence.
fn samples(text: &str) -> Vec<f32> {
    let options = LoadOptions::default().threads(2);
    let tts = Synthesizer::load(checkpoint(MODEL), &options).unwrap();
    let request = SpeechRequest::new(text).speaker("ryan").seed(5).max_frames(3);
    let request = request.long_text(LongText::default().each_sentence(true));
    tts.speak(request).unwrap().collect_audio().unwrap().audio
}

#[test]
fn the_audio_is_that_of_the_text_however_it_is_cut() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, short());
    let expected = expected(TEXT);
    let letters: Vec<String> = TEXT.chars().map(String::from).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    let words: Vec<&str> = TEXT.split_inclusive(' ').collect();
    for (index, parts) in [&[TEXT][..], &words, &letters].into_iter().enumerate() {
        let answers = client.speak(parts);
        let sentences =
            ["One two.", "Three, Dr. Four!", "“Five?”", "Six.", "Seven [pause 1s] eight.", "Nine"];
        assert_eq!(answers.sentences(), sentences);
        assert!(answers.bytes() == expected, "{} parts have other audio", parts.len());
        let done = json!({
            "type": "session.done", "utterance_index": index, "total_sentences": sentences.len(),
        });
        assert_eq!(answers.messages.last(), Some(&done));
    }
}

#[test]
fn messages_are_those_of_the_dialect() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, short());
    let answers = client.speak(&["Hello there."]);
    let n_bytes = answers.bytes().len();
    assert_eq!(n_bytes % 2, 0);
    let expected = [
        json!({
            "type": "audio.start", "utterance_index": 0, "sentence_index": 0,
            "sentence_text": "Hello there.", "format": "pcm", "sample_rate": 24_000,
        }),
        json!({
            "type": "audio.done", "utterance_index": 0, "sentence_index": 0,
            "total_bytes": n_bytes, "error": false,
        }),
        json!({ "type": "session.done", "utterance_index": 0, "total_sentences": 1 }),
    ];
    assert_eq!(answers.messages, expected);
}

#[test]
fn a_sentence_is_spoken_before_the_text_is_complete() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, short());
    client.send_text("One two. Three ");
    let start = client.message();
    assert_eq!(
        (&start["type"], &start["sentence_text"]),
        (&json!("audio.start"), &json!("One two."))
    );
    assert_eq!(client.message()["type"], "audio.done");
    client.send_text("four.");
    client.send_done();
    let answers = client.answers();
    assert_eq!(answers.sentences(), ["Three four."]);
    assert_eq!(answers.of_type("audio.start")[0]["sentence_index"], 1);
}

#[test]
fn without_streaming_a_sentence_is_one_file() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, json!({ "voice": "ryan", "max_new_tokens": 3 }));
    let answers = client.speak(&["One two. Three four."]);
    assert_eq!(answers.audio.len(), 2);
    for (files, done) in answers.audio.iter().zip(answers.of_type("audio.done")) {
        let [file] = &files[..] else { panic!("{} messages", files.len()) };
        assert!(file.starts_with(b"RIFF"), "WAV is the default");
        let length = u32::from_le_bytes(file[4..8].try_into().unwrap());
        assert_eq!(length as usize + 8, file.len());
        assert_eq!(done["total_bytes"], file.len());
    }
}

#[test]
fn every_format_is_written_both_ways() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::connect(&service);
    for (format, begin) in [
        ("wav", &b"RIFF"[..]),
        ("flac", b"fLaC"),
        ("mp3", b""),
        ("aac", b""),
        ("opus", b"OggS"),
        ("pcm", b""),
    ] {
        for stream_audio in [false, true] {
            client.configure(json!({
                "response_format": format, "stream_audio": stream_audio, "max_new_tokens": 2,
                "voice": "ryan", "seed": 1,
            }));
            let answers = client.speak(&["One."]);
            let bytes = answers.bytes();
            assert!(bytes.len() > 100 && bytes.starts_with(begin), "{format} {}", bytes.len());
            assert_eq!(answers.of_type("audio.start")[0]["format"], format);
            assert!(stream_audio || answers.audio[0].len() == 1, "{format}");
        }
    }
}

#[test]
fn the_bytes_of_each_format_are_those_of_the_encoder() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::connect(&service);
    let samples = samples("One.");
    for (name, format) in [
        ("wav", Format::Wav),
        ("flac", Format::Flac),
        ("mp3", Format::Mp3),
        ("aac", Format::Aac),
        ("pcm", Format::Pcm),
    ] {
        let mut fields = short();
        fields["response_format"] = name.into();
        fields["stream_audio"] = false.into();
        client.configure(fields.clone());
        let file = Encoding::new(format).encode(&samples, 24_000, Metadata::default()).unwrap();
        assert!(client.speak(&["One."]).bytes() == file, "{name}");
        fields["stream_audio"] = true.into();
        client.configure(fields);
        let answers = client.speak(&["One."]);
        // Formats whose head has the length of the audio have it in one message only.
        let streamed = answers.bytes();
        assert!([Format::Aac, Format::Pcm].contains(&format) == (streamed == file), "{name}");
        assert_eq!(answers.of_type("audio.done")[0]["total_bytes"], streamed.len());
    }
}

#[test]
fn streamed_aac_is_frame_after_frame() {
    let service = start(settings(&[MODEL]));
    let mut fields = short();
    fields["response_format"] = "aac".into();
    fields["max_new_tokens"] = 40.into();
    let mut client = Client::configured(&service, fields);
    let answers = client.speak(&["One two three. Four five six."]);
    assert_eq!(answers.audio.len(), 2);
    for sentence in &answers.audio {
        assert!(sentence.len() > 2, "{} messages", sentence.len());
        let bytes = sentence.concat();
        let mut rest = &bytes[..];
        let mut n_frames = 0;
        while !rest.is_empty() {
            // The head of an ADTS frame: a sync word, then its length in 13 bits.
            assert_eq!((rest[0], rest[1] & 0xf6), (0xff, 0xf0), "frame {n_frames}");
            let length = (usize::from(rest[3] & 3) << 11)
                | (usize::from(rest[4]) << 3)
                | usize::from(rest[5] >> 5);
            rest = rest.get(length..).expect("whole frames");
            n_frames += 1;
        }
        // Frames of 1024 samples for those of 80 ms, and one of silence before them.
        assert!(n_frames > 2, "{n_frames} frames");
    }
}

#[test]
fn the_whole_text_is_one_sentence_on_demand() {
    let service = start(settings(&[MODEL]));
    let mut fields = short();
    fields["split_granularity"] = "none".into();
    let mut client = Client::configured(&service, fields);
    let answers = client.speak(&["One. ", "Two. ", "Three. "]);
    assert_eq!(answers.sentences(), ["One. Two. Three."]);
}

#[test]
fn speed_and_sample_rate_hold_for_the_pauses_too() {
    let service = start(settings(&[MODEL]));
    let mut fields = short();
    fields["sample_rate"] = 48_000.into();
    let mut client = Client::configured(&service, fields);
    let answers = client.speak(&["One. Two."]);
    assert_eq!(answers.of_type("audio.start")[0]["sample_rate"], 48_000);
    let twice = 2 * expected("One. Two.").len();
    assert!(answers.bytes().len().abs_diff(twice) <= 8, "{} {twice}", answers.bytes().len());
    let mut fields = short();
    fields["speed"] = 2.into();
    client.configure(fields);
    let half = expected("One. Two.").len() / 2;
    let found = client.speak(&["One. Two."]).bytes().len();
    assert!(found.abs_diff(half) <= 2_000, "{found} {half}");
}

#[test]
fn a_text_that_says_nothing_has_no_audio() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, short());
    for parts in [&[][..], &[""], &[" \n", "\n"], &["...", " *** "]] {
        let answers = client.speak(parts);
        assert_eq!(answers.messages.len(), 1, "{answers:?}");
        assert_eq!(answers.messages[0]["total_sentences"], 0);
    }
    assert_eq!(client.speak(&["Now."]).messages.last().unwrap()["utterance_index"], 4);
}

#[test]
fn texts_may_be_sent_ahead_and_configured_anew() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, short());
    for voice in ["vivian", "ryan"] {
        client.send_text("One.");
        client.send_done();
        let mut fields = short();
        fields["voice"] = voice.into();
        client.configure(fields);
    }
    client.send_text("One.");
    client.send_done();
    client.send(&json!({ "type": "session.close" }));
    let audio: Vec<_> = (0..3).map(|_| client.answers().bytes()).collect();
    assert!(audio[0] == audio[2] && audio[0] != audio[1]);
    assert_eq!(client.close_code(), 1000);
}

#[test]
fn a_configuration_waits_for_the_end_of_the_text() {
    let service = start(settings(&[MODEL]));
    let mut client = Client::configured(&service, short());
    client.send_text("One");
    client.configure(short());
    let error = client.message();
    assert!(error["message"].as_str().unwrap().contains("input.done"), "{error}");
    assert_eq!(client.speak(&[" two."]).sentences(), ["One two."]);
}

#[test]
fn livekit_is_understood() {
    let mut settings = settings(&[MODEL]);
    settings.api_keys = vec!["secret".to_owned()];
    let service = start(settings);
    let headers = [("authorization", "Api-Key secret")];
    let (mut client, _) = Client::connect_with(&service, &headers).unwrap();
    client.configure(json!({
        "task_type": "CustomVoice", "response_format": "pcm", "stream_audio": true, "speed": 1.0,
        "voice": "ryan", "language": "Auto", "max_new_tokens": 3, "initial_codec_chunk_frames": 2,
        "x_vector_only_mode": false,
    }));
    let answers = client.speak(&["Hello", " there", ". How", " are you?"]);
    assert_eq!(answers.sentences(), ["Hello there.", "How are you?"]);
    // It keeps the connection by empty texts.
    assert_eq!(client.speak(&[]).messages.len(), 1);
    client.send(&json!({ "type": "session.close" }));
    assert_eq!(client.close_code(), 1000);
}
