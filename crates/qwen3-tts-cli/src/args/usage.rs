//! Usage errors, and texts that begin with a hyphen.

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

/// Returns a number above zero.
pub fn positive(argument: &str) -> Result<usize, String> {
    let number = argument.parse::<usize>().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "expected a positive integer".to_owned())
}

/// Returns true if clap took one of the arguments for a flag that is a text: "-5 degrees".
pub fn takes_text_for_flag(error: &Error, arguments: &[String]) -> bool {
    let Some(flag) = unknown_flag(error) else { return false };
    let is_text = |argument: &&String| argument.starts_with(flag) && !is_flag(argument);
    arguments.iter().any(|argument| is_text(&argument))
}

/// Returns the message of an error in one line, with what to do about an unknown flag.
pub fn message(error: &Error) -> String {
    let message = first_paragraph(&error.to_string());
    match (error.get(ContextKind::SuggestedArg), unknown_flag(error)) {
        (Some(ContextValue::String(known)), _) => format!("{message}; did you mean {known}?"),
        (_, Some(_)) => format!("{message}; before a text that begins with a hyphen, write --"),
        _ => message,
    }
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
