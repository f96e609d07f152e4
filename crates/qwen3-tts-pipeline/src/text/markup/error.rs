//! Errors of a text with marks, with their place.

/// Reason why a text with marks was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkupError {
    /// Byte in the text.
    pub place: usize,
    /// Expected and found.
    pub reason: String,
}

/// Result of reading marks.
pub type Result<T = ()> = std::result::Result<T, MarkupError>;

impl MarkupError {
    pub fn new(place: usize, reason: impl Into<String>) -> Self {
        Self { place, reason: reason.into() }
    }
}

/// Returns line and column of a byte of `text`, from 1.
pub fn position(text: &str, place: usize) -> (usize, usize) {
    let before = &text[..place];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
