//! The keys of clients.

use std::sync::Arc;

use subtle::ConstantTimeEq;

/// The keys, one of which a client has to send, if there are any.
#[derive(Clone, Default)]
pub struct Keys(Arc<[String]>);

impl Keys {
    pub fn new(keys: Vec<String>) -> Self {
        Self(keys.into())
    }

    /// Returns true if no key is needed.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the index of a key. The time that it takes tells nothing about the keys but their
    /// lengths.
    pub fn find(&self, found: &str) -> Option<usize> {
        let matches = self.0.iter().map(|key| key.as_bytes().ct_eq(found.as_bytes()));
        let matches: Vec<bool> = matches.map(bool::from).collect();
        matches.iter().position(|&is_equal| is_equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_keys_are_found() {
        let keys = Keys::new(vec!["first".to_owned(), "second".to_owned()]);
        assert_eq!(keys.find("second"), Some(1));
        for wrong in ["", "sec", "second ", "SECOND", "firstsecond"] {
            assert_eq!(keys.find(wrong), None, "{wrong:?}");
        }
        assert!(Keys::default().is_open() && !keys.is_open());
    }
}
