//! The text tokenizer against ids of the official loader, and against damaged files.

mod support;

use std::fs;
use std::path::Path;

use qwen3_tts_pipeline::{ModelFiles, TextTokenizer};
use qwen3_tts_testkit::{Golden, checkpoint};
use serde_json::{Value, json};
use support::{LargeVocabulary, single_tokenizer};

/// Variable that names the directory of a published checkpoint (`vocab.json`, `merges.txt`,
/// `tokenizer_config.json`), to compare with the ids of the official loader.
const REAL: &str = "QWEN3_TTS_TOKENIZER";

#[test]
fn the_published_tokenizer_gives_the_official_ids() {
    let Some(dir) = std::env::var_os(REAL) else {
        eprintln!("skipped: set {REAL} to a directory with the published tokenizer");
        return;
    };
    matches_golden(Path::new(&dir), "tokenizer_published", "ids", |id| id);
}

#[test]
fn a_tiny_vocabulary_gives_the_official_ids() {
    matches_golden(&checkpoint("custom_voice_0b6"), "tokenizer_tiny", "ids", |id| id);
}

#[test]
fn a_large_vocabulary_is_split_as_the_official_loader_does() {
    let large = LargeVocabulary::new();
    let id = |id| if id < large.size { id } else { id + large.shift };
    matches_golden(large.checkpoint.path(), "tokenizer_tiny", "ids_large_split", id);
}

fn matches_golden(dir: &Path, golden: &str, field: &str, expected: impl Fn(u32) -> u32) {
    let tokenizer = TextTokenizer::load(&ModelFiles::directory(dir)).unwrap();
    let golden = Golden::load(golden);
    let cases = golden.request["texts"].as_array().unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let ids: Vec<u32> = serde_json::from_value(case[field].clone()).unwrap();
        let ids: Vec<u32> = ids.into_iter().map(&expected).collect();
        assert_eq!(tokenizer.encode(text).unwrap(), ids, "{text:?}");
    }
}

/// Writes a tokenizer of all bytes and a few merges, one of which begins with `#`.
fn write_small(dir: &Path) {
    let mut vocab: Vec<String> = byte_letters().map(String::from).to_vec();
    let merges = [("#", "#"), ("h", "e"), ("l", "l"), ("he", "ll"), ("Ċ", "Ċ")];
    vocab.extend(merges.iter().map(|(left, right)| format!("{left}{right}")));
    let next = vocab.len();
    let table: serde_json::Map<_, _> =
        vocab.into_iter().enumerate().map(|(id, token)| (token, json!(id))).collect();
    let lines: Vec<_> = merges.iter().map(|(left, right)| format!("{left} {right}")).collect();
    let special = |content: &str| json!({ "content": content, "special": true });
    let config = json!({ "added_tokens_decoder": {
        next.to_string(): special("<|im_start|>"),
        (next + 1).to_string(): special("<|im_end|>"),
    }});
    fs::write(dir.join("vocab.json"), json!(table).to_string()).unwrap();
    fs::write(dir.join("merges.txt"), lines.join("\n")).unwrap();
    fs::write(dir.join("tokenizer_config.json"), config.to_string()).unwrap();
}

/// Returns GPT-2's letter for each byte: the byte if it prints, else a character from 256 up.
fn byte_letters() -> [char; 256] {
    let mut other = 256;
    std::array::from_fn(|byte| {
        let prints = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        let code = if prints {
            byte as u32
        } else {
            other += 1;
            other - 1
        };
        char::from_u32(code).unwrap()
    })
}

fn byte_ids(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

const PAIR: u32 = 256;
const HE: u32 = 257;
const HELL: u32 = 259;
const NEWLINES: u32 = 260;
const IM_START: u32 = 261;
const IM_END: u32 = 262;

fn small() -> (tempfile::TempDir, TextTokenizer) {
    let dir = tempfile::tempdir().unwrap();
    write_small(dir.path());
    let tokenizer = TextTokenizer::load(&ModelFiles::directory(dir.path())).unwrap();
    (dir, tokenizer)
}

#[test]
fn merges_without_a_header_all_count() {
    let (dir, tokenizer) = small();
    assert_eq!(tokenizer.encode("##").unwrap(), [PAIR]);
    let merges = fs::read_to_string(dir.path().join("merges.txt")).unwrap();
    fs::write(dir.path().join("merges.txt"), format!("#version: 0.2\n{merges}\n")).unwrap();
    let with_header = TextTokenizer::load(&ModelFiles::directory(dir.path())).unwrap();
    assert_eq!(with_header.encode("##hell").unwrap(), [PAIR, HELL]);
}

#[test]
fn text_is_normalized_before_anything_else() {
    let (_dir, tokenizer) = small();
    assert_eq!(tokenizer.encode("e\u{301}").unwrap(), byte_ids("é"));
}

#[test]
fn a_text_is_wrapped_and_tokenized_whole() {
    let (_dir, tokenizer) = small();
    let assistant = || byte_ids("assistant");
    let ids = tokenizer.encode_text("\nhe<|im_end|>").unwrap();
    // The newline of the role and that of the text are one token.
    let expected = [
        vec![IM_START],
        assistant(),
        vec![NEWLINES, HE, IM_END, IM_END, 10, IM_START],
        assistant(),
        vec![10],
    ];
    assert_eq!(ids, expected.concat());
    let instruct = tokenizer.encode_instruct("he").unwrap();
    let expected = [vec![IM_START], byte_ids("user\n"), vec![HE, IM_END, 10]];
    assert_eq!(instruct, expected.concat());
}

/// Writes the small tokenizer as one file, with changes to it.
fn write_single(dir: &Path, change: impl FnOnce(&mut Value)) {
    write_small(dir);
    let mut whole = single_tokenizer(dir);
    change(&mut whole);
    fs::write(dir.join("tokenizer.json"), whole.to_string()).unwrap();
    for name in ["vocab.json", "merges.txt"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
}

#[test]
fn a_tokenizer_in_one_file_gives_the_same_ids() {
    let (_dir, tokenizer) = small();
    let dir = tempfile::tempdir().unwrap();
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false});
    write_single(dir.path(), |whole| {
        whole["post_processor"] = bytes.clone();
        whole["decoder"] = bytes;
        whole["normalizer"] = json!({"type": "Sequence", "normalizers": [{"type": "NFC"}]});
    });
    let from_one = TextTokenizer::load(&ModelFiles::directory(dir.path())).unwrap();
    for text in ["hello hellHell ##", "\n\ne\u{301} 123", "สวัสดี"] {
        assert_eq!(from_one.encode_text(text).unwrap(), tokenizer.encode_text(text).unwrap());
    }
}

/// Parts that no checkpoint of the family has; some would take gigabytes, or give other ids each
/// time.
#[test]
fn foreign_parts_of_a_tokenizer_are_refused_by_name() {
    let precompiled = json!({"type": "Precompiled", "precompiled_charsmap": "/////wAAAAA="});
    let replace = json!({"type": "Replace", "pattern": {"Regex": "."}, "content": "x".repeat(999)});
    let sequence = json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, replace]});
    let metaspace = json!({"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"});
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": true, "use_regex": false});
    let cases = [
        ("/normalizer", precompiled, &["normalizer", "`Precompiled`", "`NFC`"][..]),
        ("/normalizer", sequence, &["normalizer", "`Replace`"]),
        ("/normalizer", json!({"charsmap": "A"}), &["normalizer", "without a type"]),
        ("/normalizer", json!({"type": "\u{1b}[2J".repeat(999)}), &["\\u{1b}[2J", "…`"]),
        ("/pre_tokenizer", metaspace.clone(), &["pre-tokenizer", "1 steps"]),
        ("/pre_tokenizer", Value::Null, &["pre-tokenizer", "0 steps"]),
        ("/pre_tokenizer/pretokenizers/0", metaspace.clone(), &["`Metaspace`", "`Split`"]),
        ("/pre_tokenizer/pretokenizers/0/pattern/Regex", json!("(a+)+b"), &["`(a+)+b`", "Qwen2"]),
        ("/pre_tokenizer/pretokenizers/1", bytes, &["add_prefix_space"]),
        ("/post_processor", json!({"type": "RobertaProcessing"}), &["`RobertaProcessing`"]),
        ("/decoder", metaspace, &["decoder", "`Metaspace`"]),
        ("/model/type", json!("WordPiece"), &["`WordPiece`", "`BPE`"]),
        ("/model/dropout", json!(0.5), &["`dropout`", "0.5", "null"]),
        ("/model/continuing_subword_prefix", json!("##"), &["`continuing_subword_prefix`", "`##`"]),
        ("/model/end_of_word_suffix", json!("</w>"), &["`end_of_word_suffix`", "`</w>`", "null"]),
        // Without a type, these would be taken for a model of another kind.
        ("/model", json!({"vocab": {"a": 0}, "unk_token": "a"}), &["missing field"]),
        // The list of another part is not looked at.
        ("/pre_tokenizer", with_list("normalizers", "pretokenizers"), &["`Lowercase`", "`Split`"]),
        ("/post_processor", with_list("normalizers", "processors"), &["`Lowercase`"]),
        ("/decoder", with_list("processors", "decoders"), &["`Lowercase`"]),
        ("/added_tokens", added(1, 100_000), &["`aaaa", "100000 bytes", "at most 128"]),
        ("/added_tokens", added(5000, 8), &["5000 added tokens", "at most 2048"]),
    ];
    for (field, value, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        write_single(dir.path(), |whole| *whole.pointer_mut(field).unwrap() = value);
        let error = TextTokenizer::load(&ModelFiles::directory(dir.path())).unwrap_err();
        let message = error.to_string();
        let is_named = ["tokenizer.json"].iter().chain(words).all(|word| message.contains(word));
        assert!(is_named && message.len() < 400, "{field}: {message}");
    }
}

/// Returns a sequence with two lists of steps, the second of them refused.
fn with_list(first: &str, second: &str) -> Value {
    let refused = json!({"type": "Lowercase"});
    json!({"type": "Sequence", (first): [], (second): [refused, refused]})
}

/// Returns added tokens with ids from 263 on, `bytes` long.
fn added(count: usize, bytes: usize) -> Value {
    let token = |i: usize| {
        json!({"id": 263 + i, "content": added_content(i, bytes), "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false, "special": true})
    };
    (0..count).map(token).collect()
}

fn added_content(i: usize, bytes: usize) -> String {
    let number = i.to_string();
    "a".repeat(bytes - number.len()) + &number
}

#[test]
fn added_tokens_are_bounded_in_number_and_length() {
    let load = |count, bytes| {
        let dir = tempfile::tempdir().unwrap();
        write_small(dir.path());
        let path = dir.path().join("tokenizer_config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for token in added(count, bytes).as_array().unwrap() {
            config["added_tokens_decoder"][token["id"].to_string()] = token.clone();
        }
        fs::write(&path, config.to_string()).unwrap();
        TextTokenizer::load(&ModelFiles::directory(dir.path()))
    };
    let tokenizer = load(2000, 128).unwrap();
    assert_eq!(tokenizer.encode(&added_content(77, 128)).unwrap(), [263 + 77]);
    for (count, bytes, word) in [(1, 129, "129 bytes"), (3000, 8, "3002 added tokens")] {
        let message = load(count, bytes).unwrap_err().to_string();
        assert!(message.contains("tokenizer_config.json") && message.contains(word), "{message}");
    }
}

#[test]
fn damage_is_named() {
    let load = |damage: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        write_small(dir.path());
        damage(dir.path());
        let error = TextTokenizer::load(&ModelFiles::directory(dir.path())).unwrap_err();
        error.to_string()
    };
    for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
        let message = load(&|dir| fs::remove_file(dir.join(name)).unwrap());
        assert!(message.contains(name) && message.contains("missing"), "{message}");
        for bytes in [&b"{\"a\":"[..], b"one two three", &[0xff, 0xfe]] {
            let message = load(&|dir| fs::write(dir.join(name), bytes).unwrap());
            assert!(message.contains(name) && !message.contains('\n'), "{message}");
        }
    }
    let shifted = json!({ "added_tokens_decoder": { "999": { "content": "<|im_start|>" } } });
    let message =
        load(&|dir| fs::write(dir.join("tokenizer_config.json"), shifted.to_string()).unwrap());
    assert!(message.contains("<|im_start|>") && message.contains("999"), "{message}");
    let message = load(&|dir| fs::write(dir.join("tokenizer_config.json"), "{}").unwrap());
    assert!(message.contains("<|im_start|>"), "{message}");
    let message = load(&|dir| fs::write(dir.join("merges.txt"), "h e\nl l\nhe ll").unwrap());
    assert!(message.contains("needs 5 merges, found 3"), "{message}");
    let message = load(&|dir| fs::write(dir.join("merges.txt"), "h zz\n".repeat(5)).unwrap());
    assert!(message.contains("merges.txt") && message.contains("zz"), "{message}");
}

#[test]
fn an_endless_text_is_refused() {
    let (_dir, tokenizer) = small();
    let long = |letter: &str| tokenizer.encode(&letter.repeat(1 << 18)).map(|ids| ids.len());
    // The longest allowed text is split to its end, whatever it consists of.
    for letter in ["A", "a", " ", "\n", "!", "1"] {
        let ids = long(letter).unwrap();
        assert!(ids >= 1 << 17, "{letter:?} {ids}");
    }
    let error = long("ab").unwrap_err().to_string();
    assert!(error.contains("512 KiB") && error.contains("256 KiB"), "{error}");
}
