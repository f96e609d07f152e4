//! The parts of `tokenizer.json` that are accepted, checked before a tokenizer is built from it.
//!
//! The format knows many more: some take gigabytes for a few bytes of the file, or tokenize the same
//! text differently each time. The model family needs none of them.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The first split of transformers' `Qwen2Converter`.
pub const QWEN2_SPLIT: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

/// The first split that `fix_mistral_regex` puts in its place for a vocabulary as large as the
/// published one: a word ends before a capital letter, and combining marks stay inside words.
pub const LARGE_SPLIT: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

/// Maximum number of added tokens. The published files have 33.
const MAX_ADDED_TOKENS: usize = 2048;

/// Maximum length of an added token in bytes. The longest published one has 21.
const MAX_ADDED_BYTES: usize = 128;

/// The part of `tokenizer.json` that is checked.
#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: Model,
}

#[derive(Deserialize)]
struct AddedToken {
    content: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    dropout: Option<f64>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(rename = "vocab")]
    _vocab: IgnoredAny,
    /// Other kinds of models have none.
    #[serde(rename = "merges")]
    _merges: Vec<IgnoredAny>,
}

/// Checks the text of a `tokenizer.json`.
///
/// # Errors
/// Returns the reason why it is refused.
pub fn check_tokenizer(text: &str) -> Result<(), String> {
    let description: Description = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Description { added_tokens, normalizer, pre_tokenizer, post_processor, decoder, model } =
        description;
    check_added_tokens(added_tokens.iter().map(|token| token.content.as_str()))?;
    check_steps("normalizer", &steps(&normalizer, "normalizers"), "NFC")?;
    check_steps("post-processor", &steps(&post_processor, "processors"), "ByteLevel")?;
    check_steps("decoder", &steps(&decoder, "decoders"), "ByteLevel")?;
    check_pre_tokenizer(&pre_tokenizer)?;
    check_model(&model)
}

fn check_model(model: &Model) -> Result<(), String> {
    if let Some(kind) = model.kind.as_ref().filter(|kind| *kind != "BPE") {
        return Err(format!("its model is {}; expected `BPE`", shown(kind)));
    }
    for (name, marks) in [
        ("continuing_subword_prefix", &model.continuing_subword_prefix),
        ("end_of_word_suffix", &model.end_of_word_suffix),
    ] {
        if let Some(marks) = marks.as_ref().filter(|marks| !marks.is_empty()) {
            return Err(format!("`{name}` of its model is {}; expected null", shown(marks)));
        }
    }
    match model.dropout {
        Some(dropout) if dropout != 0.0 => Err(format!(
            "`dropout` of its model is {dropout}, with which the same text has other tokens each \
             time; expected null"
        )),
        _ => Ok(()),
    }
}

/// Checks the number and the lengths of added tokens.
///
/// # Errors
/// Returns the reason why they are refused.
pub fn check_added_tokens<'a>(tokens: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut count = 0;
    for token in tokens {
        count += 1;
        let bytes = token.len();
        if bytes > MAX_ADDED_BYTES {
            let token = shown(token);
            return Err(format!(
                "added token {token} has {bytes} bytes; expected at most {MAX_ADDED_BYTES}"
            ));
        }
    }
    match count > MAX_ADDED_TOKENS {
        true => Err(format!("it has {count} added tokens; expected at most {MAX_ADDED_TOKENS}")),
        false => Ok(()),
    }
}

/// Checks that a part of the tokenizer is absent, or consists of steps of one kind.
fn check_steps(part: &str, steps: &[&Value], expected: &str) -> Result<(), String> {
    match steps.iter().map(|step| kind(step)).find(|kind| *kind != expected) {
        Some(found) => {
            Err(format!("its {part} is {}; expected null or `{expected}`", shown(found)))
        }
        None => Ok(()),
    }
}

/// Checks that texts are split by a known pattern, and then into bytes.
fn check_pre_tokenizer(value: &Value) -> Result<(), String> {
    let steps = steps(value, "pretokenizers");
    let [split, bytes] = steps[..] else {
        let steps = steps.len();
        return Err(format!("its pre-tokenizer has {steps} steps; expected `Split`, `ByteLevel`"));
    };
    for (step, expected) in [(split, "Split"), (bytes, "ByteLevel")] {
        if kind(step) != expected {
            let found = shown(kind(step));
            return Err(format!("its pre-tokenizer has {found}; expected `{expected}`"));
        }
    }
    let pattern = split["pattern"]["Regex"].as_str().unwrap_or_default();
    let is_known = [QWEN2_SPLIT, LARGE_SPLIT].contains(&pattern);
    if !is_known || split["behavior"] != "Isolated" || split["invert"] == true {
        return Err(format!(
            "its pre-tokenizer splits at {}; expected the pattern of Qwen2, isolated",
            shown(pattern)
        ));
    }
    if bytes["add_prefix_space"] != false || bytes["use_regex"] != false {
        return Err(
            "`add_prefix_space` and `use_regex` of its `ByteLevel` must be false".to_owned()
        );
    }
    Ok(())
}

/// Returns the steps of a sequence, which has them in `list`, or the only one; none for null.
fn steps<'v>(value: &'v Value, list: &str) -> Vec<&'v Value> {
    match value[list].as_array() {
        Some(steps) if kind(value) == "Sequence" => steps.iter().collect(),
        _ if value.is_null() => Vec::new(),
        _ => vec![value],
    }
}

fn kind(step: &Value) -> &str {
    step["type"].as_str().unwrap_or("without a type")
}

/// Returns the beginning of a text from the file, for a message.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    let end = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{end}`", start.escape_debug())
}
