//! Text files, with or without a byte order mark.

use crate::wrong::WrongFile;

/// Returns the text without the byte order mark that some editors begin a file with.
pub fn strip_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns the bytes of a file as text, without a byte order mark.
///
/// # Errors
/// Returns a [`WrongFile`] if the bytes are not UTF-8, or are those of another kind of text file,
/// such as a Git LFS pointer or an HTML page.
pub fn text(bytes: Vec<u8>) -> Result<String, WrongFile> {
    if let Some(wrong) = WrongFile::recognise(&bytes) {
        return Err(wrong);
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| WrongFile::NotText { at: error.utf8_error().valid_up_to() })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(text(b"\xef\xbb\xbf{}".to_vec()).unwrap(), "{}");
        assert_eq!(text(b"{}".to_vec()).unwrap(), "{}");
        assert_eq!(text("\u{feff}\u{feff}a".into()).unwrap(), "\u{feff}a");
        assert_eq!(strip_bom("\u{feff}a"), "a");
    }

    #[test]
    fn files_that_are_not_text_are_named() {
        assert_eq!(text(b"{\"a\": \"\xe9\"}".to_vec()), Err(WrongFile::NotText { at: 7 }));
        assert_eq!(text(b"\xff\xfe{\0}\0".to_vec()), Err(WrongFile::Utf16));
        assert_eq!(text(Vec::new()), Err(WrongFile::Empty));
    }
}
