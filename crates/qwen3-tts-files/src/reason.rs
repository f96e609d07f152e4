//! Errors of the operating system in plain words.

use std::io::{Error, ErrorKind};

/// Returns the reason of an error without the system's number: "not found", "permission denied".
/// The text of an error that a program made stays as it is.
pub fn reason(error: &Error) -> String {
    let text = error.to_string();
    let Some(number) = error.raw_os_error() else { return text };
    let known = match error.kind() {
        ErrorKind::NotFound => "not found",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "a part of its path is a file, not a folder",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::QuotaExceeded => "the quota of the disk is used up",
        ErrorKind::FileTooLarge => "the file would be larger than the system allows",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::InvalidFilename => "the name is longer than the system allows",
        _ => return text.trim_end_matches(&format!(" (os error {number})")).to_owned(),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_errors_have_plain_words() {
        let missing = std::fs::read("/nonexistent/file").unwrap_err();
        assert_eq!(reason(&missing), "not found");
        let own = Error::new(ErrorKind::NotFound, "no such voice");
        assert_eq!(reason(&own), "no such voice");
        let other = Error::from_raw_os_error(4);
        assert!(!reason(&other).contains("os error"), "{other}");
    }
}
