//! The finding of a guard.

/// Something that breaks a rule.
#[derive(Debug, PartialEq)]
pub struct Violation {
    /// The file or crate.
    pub place: String,
    /// The rule, and what to do.
    pub reason: String,
}

impl Violation {
    /// Returns the finding that `place` breaks a rule.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}
