//! Usage errors, and texts that begin with a hyphen.

use std::str::FromStr;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// Returns true for an argument that begins with a hyphen and is spelled like a flag: `-o`,
/// `--voice`, `--voice=FILE`.
pub fn is_flag(argument: &str) -> bool {
    let name = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'));
    let name = name.and_then(|name| name.split('=').next()).unwrap_or_default();
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Returns the text of an option, which may begin with a hyphen but is no flag.
pub fn text(argument: &str) -> Result<String, String> {
    match is_flag(argument) {
        true => Err("expected a text, found a flag".to_owned()),
        false => Ok(argument.to_owned()),
    }
}

/// Returns a positive integer.
pub fn positive(argument: &str) -> Result<usize, String> {
    let number = argument.parse::<usize>().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

/// Returns an integer that is not negative.
pub fn whole<T: FromStr>(argument: &str) -> Result<T, String> {
    argument.parse().map_err(|_| "expected a whole number".to_owned())
}

/// Returns a number.
pub fn number<T: FromStr>(argument: &str) -> Result<T, String> {
    argument.parse().map_err(|_| "expected a number".to_owned())
}

/// Returns a time of up to a minute: `500ms`, `0.5s` or seconds without a unit.
pub fn duration(argument: &str) -> Result<Duration, String> {
    let (number, unit) = match (argument.strip_suffix("ms"), argument.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (_, Some(number)) => (number, 1.0),
        _ => (argument, 1.0),
    };
    let seconds = number.trim().parse().map(|number: f64| number * unit);
    let seconds = seconds.ok().filter(|seconds| (0.0..=60.0).contains(seconds));
    let duration = seconds.map(|seconds| Duration::from_millis((1000.0 * seconds).round() as u64));
    duration.ok_or_else(|| "expected a time of up to 60s, such as 300ms or 0.5s".to_owned())
}

/// Returns true if clap took one of the arguments for a flag that is a text: "-5 degrees".
pub fn takes_text_for_flag(error: &Error, arguments: &[String]) -> bool {
    let Some(flag) = unknown_flag(error) else { return false };
    let is_text = |argument: &&String| argument.starts_with(flag) && !is_flag(argument);
    arguments.iter().any(|argument| is_text(&argument))
}

/// Returns the message of an error in one line, with what to do about it.
pub fn message(error: &Error, arguments: &[String]) -> String {
    let message = first_paragraph(&error.to_string());
    match advice(error, arguments) {
        Some(advice) => format!("{message}; {advice}"),
        None => message,
    }
}

fn advice(error: &Error, arguments: &[String]) -> Option<String> {
    if let Some(known) = suggestion(error) {
        return Some(format!("did you mean {known}?"));
    }
    let is_speak = arguments.get(1).is_some_and(|command| command == "speak");
    match error.kind() {
        ErrorKind::UnknownArgument if unknown_flag(error).is_some() => {
            Some("before a text that begins with a hyphen, write --".to_owned())
        }
        ErrorKind::UnknownArgument if is_speak => Some(
            "put a text of several words in quotes: qwen3-tts speak \"Hello world\"".to_owned(),
        ),
        ErrorKind::InvalidSubcommand => Some(
            "to speak a text, write qwen3-tts speak \"TEXT\"; qwen3-tts --help lists the commands"
                .to_owned(),
        ),
        ErrorKind::MissingRequiredArgument if is_speak => Some(
            "give the text in quotes, name a file of text with -f, or write - to read the text \
             from a pipe or the terminal"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Returns the name that clap takes for the intended one.
fn suggestion(error: &Error) -> Option<&str> {
    const KINDS: [ContextKind; 3] =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    KINDS.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(known) => Some(known.as_str()),
        // The closest is the last.
        ContextValue::Strings(known) => known.last().map(String::as_str),
        _ => None,
    })
}

fn unknown_flag(error: &Error) -> Option<&str> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag))
            if error.kind() == ErrorKind::UnknownArgument && flag.starts_with('-') =>
        {
            Some(flag)
        }
        _ => None,
    }
}

/// Returns clap's error message without the usage that follows.
fn first_paragraph(message: &str) -> String {
    let lines = message.lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in [("300ms", 300), ("0.5s", 500), ("2", 2000), ("0", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "ms", "-1s", "61s", "nan", "1m"] {
            assert!(duration(text).unwrap_err().contains("300ms"), "{text}");
        }
    }

    #[test]
    fn flags_are_told_from_texts() {
        for flag in ["-o", "--voice", "--voice=FILE", "--voise=my file.wav", "-hello", "--top_k"] {
            assert!(is_flag(flag), "{flag}");
        }
        for text in [
            "-",
            "--",
            "-5",
            "-5 degrees",
            "-wait, what?",
            "- hello",
            "-- so",
            "-¿Qué?",
            "-0.5",
            "a",
        ] {
            assert!(!is_flag(text), "{text}");
        }
    }
}
