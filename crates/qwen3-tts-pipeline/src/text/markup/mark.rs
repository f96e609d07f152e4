//! The syntax of a single mark.

use std::time::Duration;

use super::error::{MarkupError, Result};

/// A mark in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Silence.
    Pause(Duration),
    /// The beginning of a part with another speaker, language or instruction.
    Open(Kind, String),
    /// The end of such a part.
    Close(Kind),
}

/// The property that a pair of marks changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Speaker,
    Language,
    Instruct,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Speaker, Self::Language, Self::Instruct];

    /// Returns the name in the brackets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Speaker => "speaker",
            Self::Language => "language",
            Self::Instruct => "instruct",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Speaker => "the name of a speaker, as in [speaker ryan]",
            Self::Language => "the name of a language, as in [language german]",
            Self::Instruct => "an instruction, as in [instruct \"whispering\"]",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

const PAUSE: &str = "pause";

/// Maximum length of the silence between two texts.
pub const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Reads the mark whose bracket is at `place`. Returns it and the end of its closing bracket.
pub fn read(text: &str, place: usize) -> Result<(Mark, usize)> {
    let brackets = Brackets::read(text, place)?;
    Ok((brackets.mark()?, brackets.end))
}

/// The contents of a pair of brackets.
struct Brackets<'t> {
    /// Place of the opening bracket.
    place: usize,
    name: &'t str,
    argument: Argument,
    /// End of the closing bracket.
    end: usize,
}

/// The words after the name of a mark.
struct Argument {
    place: usize,
    text: String,
    is_quoted: bool,
}

impl<'t> Brackets<'t> {
    fn read(text: &'t str, place: usize) -> Result<Self> {
        let line = line(text, place);
        let inside = &line[1..];
        let is_in_name = |letter: char| letter.is_alphanumeric() || "/_-".contains(letter);
        let after_name = inside.trim_start_matches(is_in_name);
        let name = &inside[..inside.len() - after_name.len()];
        let rest = after_name.trim_start();
        let argument_place = place + line.len() - rest.len();
        let (argument, length) = match rest.chars().next() {
            Some('"' | '“') => quoted(rest, argument_place)?,
            _ => bare(rest, place)?,
        };
        let argument = Argument { place: argument_place, ..argument };
        Ok(Self { place, name, argument, end: argument_place + length })
    }

    fn mark(&self) -> Result<Mark> {
        if self.name.eq_ignore_ascii_case(PAUSE) {
            return self.pause().map(Mark::Pause);
        }
        if let Some(kind) = Kind::named(self.name) {
            return self.value(kind).map(|value| Mark::Open(kind, value));
        }
        match self.name.strip_prefix('/') {
            Some(name) => self.closing(name).map(Mark::Close),
            None => Err(self.unknown()),
        }
    }

    fn value(&self, kind: Kind) -> Result<String> {
        let Argument { place, text, is_quoted } = &self.argument;
        let may_be_empty = *is_quoted && kind == Kind::Instruct;
        if text.trim().is_empty() && !may_be_empty {
            return Err(MarkupError::new(*place, format!("expected {}", kind.example())));
        }
        Ok(text.clone())
    }

    fn closing(&self, name: &str) -> Result<Kind> {
        if name.eq_ignore_ascii_case(PAUSE) {
            let reason = "a pause has no end: leave [/pause] out";
            return Err(MarkupError::new(self.place, reason));
        }
        let kind = Kind::named(name).ok_or_else(|| self.unknown())?;
        match self.argument.text.is_empty() && !self.argument.is_quoted {
            true => Ok(kind),
            false => Err(MarkupError::new(
                self.argument.place,
                format!("expected ] after /{}, found {:?}", kind.name(), self.argument.text),
            )),
        }
    }

    fn pause(&self) -> Result<Duration> {
        let Argument { place, text, .. } = &self.argument;
        duration(text).map_err(|reason| MarkupError::new(*place, reason))
    }

    fn unknown(&self) -> MarkupError {
        const HELP: &str = "expected pause, speaker, language or instruct; a bracket that is not a \
                            mark is written \\[";
        let name = self.name;
        if name.is_empty() {
            return MarkupError::new(self.place, format!("a bracket without a mark: {HELP}"));
        }
        let hint = nearest(name).map(|name| format!(" (did you mean [{name}]?)"));
        let hint = hint.unwrap_or_default();
        MarkupError::new(self.place, format!("unknown mark [{name}]{hint}; {HELP}"))
    }
}

/// Returns the rest of the line from `place`, or as much of it as a mark may take.
fn line(text: &str, place: usize) -> &str {
    let most = text.len().min(place + MAX_MARK_BYTES);
    let end = (place..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(place);
    text[place..end].split('\n').next().unwrap_or_default()
}

/// Maximum length of a mark, so that the time to read a text is linear in its length.
const MAX_MARK_BYTES: usize = 4096;

/// Reads words up to the closing bracket. Returns them and their length with the bracket.
fn bare(rest: &str, bracket: usize) -> Result<(Argument, usize)> {
    let end = rest.find([']', '[']).filter(|end| rest[*end..].starts_with(']'));
    let Some(end) = end else {
        return Err(MarkupError::new(
            bracket,
            "the mark does not end: expected ] on the same line; a bracket that is not a mark is \
             written \\[",
        ));
    };
    let text = rest[..end].trim().to_owned();
    Ok((Argument { place: 0, text, is_quoted: false }, end + 1))
}

/// Reads words in quotation marks up to the closing bracket. `place` is that of the opening
/// quotation mark.
fn quoted(rest: &str, place: usize) -> Result<(Argument, usize)> {
    let mut letters = rest.char_indices();
    let close = match letters.next() {
        Some((_, '“')) => '”',
        _ => '"',
    };
    let mut text = String::new();
    while let Some((at, letter)) = letters.next() {
        if letter == close {
            let after = &rest[at + letter.len_utf8()..];
            let tail = after.trim_start();
            if !tail.starts_with(']') {
                let place = place + rest.len() - tail.len();
                return Err(MarkupError::new(place, "expected ] after the quotation mark"));
            }
            let length = rest.len() - tail.len() + 1;
            return Ok((Argument { place: 0, text, is_quoted: true }, length));
        }
        let next = letters.clone().next().map(|(_, next)| next);
        match next.filter(|next| letter == '\\' && (*next == close || *next == '\\')) {
            Some(escaped) => {
                text.push(escaped);
                letters.next();
            }
            None => text.push(letter),
        }
    }
    let reason = format!("the quotation does not end: expected {close} on the same line");
    Err(MarkupError::new(place, reason))
}

/// Parses `500ms` or `1.5s`, to milliseconds.
fn duration(text: &str) -> std::result::Result<Duration, String> {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let number = text[..text.len() - unit.len()].parse::<f64>().ok();
    let milliseconds = match unit.trim_start().to_ascii_lowercase().as_str() {
        "ms" => number,
        "s" => number.map(|seconds| seconds * 1000.0),
        "" if number.is_some() => {
            return Err(format!(
                "the pause {text:?} has no unit: did you mean {text}ms or {text}s?"
            ));
        }
        _ => None,
    };
    let milliseconds = milliseconds.filter(|length| length.is_finite()).ok_or_else(|| {
        let found = if text.is_empty() { "nothing".to_owned() } else { format!("{text:?}") };
        format!("expected a duration, as in [pause 500ms] or [pause 1.5s], found {found}")
    })?;
    let pause = Duration::from_millis(milliseconds.round() as u64);
    match pause <= MAX_PAUSE {
        true => Ok(pause),
        false => Err(format!("the pause {text:?} is too long: expected at most 60 s")),
    }
}

/// Returns the name of the mark most similar to `name`, if it is similar enough.
fn nearest(name: &str) -> Option<String> {
    let slash = if name.starts_with('/') { "/" } else { "" };
    let name = name.trim_start_matches('/').to_lowercase();
    let names = Kind::ALL.map(Kind::name);
    let known = names.into_iter().chain((slash.is_empty()).then_some(PAUSE));
    let rated = known.map(|known| (strsim::jaro_winkler(&name, known), known));
    let (likeness, known) = rated.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness > LIKE).then(|| format!("{slash}{known}"))
}

/// The Jaro–Winkler similarity above which a name is taken for a misspelling of another.
const LIKE: f64 = 0.8;
