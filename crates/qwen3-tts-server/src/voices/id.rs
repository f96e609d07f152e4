//! Ids of registered voices.

use std::fmt;

use super::error::VoiceError;

/// Id of a registered voice: the name of its file without the extension.
///
/// It has 1 to 64 ASCII letters, digits, `-` and `_`, so that it names a file of the directory of
/// voices and no other one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VoiceId(String);

/// Maximum length in bytes.
const MAX_BYTES: usize = 64;

/// Names that mean the model's default voice, or none, to clients.
const RESERVED: [&str; 3] = ["auto", "default", "none"];

/// Names of devices, which Windows opens in place of a file whatever its extension is. Those with a
/// number follow in [`is_device`].
const DEVICES: [&str; 4] = ["aux", "con", "nul", "prn"];

impl VoiceId {
    /// Returns the id that is written exactly like `text`; `None` if it is not the id of a voice.
    pub fn exact(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_well_formed = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(allowed);
        let lower = text.to_ascii_lowercase();
        let is_free = !RESERVED.contains(&lower.as_str()) && !is_device(&lower);
        (is_well_formed && is_free).then(|| Self(text.to_owned()))
    }

    /// Returns the id of a new voice: its name in lower case, with `_` in place of spaces.
    ///
    /// # Errors
    /// Returns [`VoiceError::InvalidName`] if that is not an id.
    pub fn of_name(name: &str) -> Result<Self, VoiceError> {
        Self::exact(&folded(name)).ok_or_else(|| VoiceError::InvalidName { name: name.to_owned() })
    }

    /// Returns the ids that a name in a request may mean, the most likely first.
    pub fn meant_by(name: &str) -> impl Iterator<Item = Self> {
        let exact = Self::exact(name.trim());
        let folded = Self::exact(&folded(name)).filter(|folded| exact.as_ref() != Some(folded));
        exact.into_iter().chain(folded)
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VoiceId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "_")
}

fn is_device(lower: &str) -> bool {
    let numbered = || {
        let number = lower.strip_prefix("com").or_else(|| lower.strip_prefix("lpt"))?;
        (number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
    };
    DEVICES.contains(&lower) || numbered().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_is_an_id() {
        let paths = [
            "",
            ".",
            "..",
            "../a",
            "a/b",
            "/etc/passwd",
            "a\\b",
            "C:a",
            "a.voice",
            ".hidden",
            "a\0b",
            "a\nb",
            "a b",
            "ä",
            "a:b",
            "~a",
            "$HOME",
            "%2e%2e",
            "a*",
            "con",
            "NUL",
            "com1",
            "Lpt9",
            "default",
            "None",
            "AUTO",
        ];
        for path in paths {
            assert_eq!(VoiceId::exact(path), None, "{path:?}");
        }
        let longest = "x".repeat(MAX_BYTES);
        assert!(VoiceId::exact(&longest).is_some());
        assert_eq!(VoiceId::exact(&format!("{longest}x")), None);
        for id in ["a", "ann-2_B", "0", "-", "console", "com", "com10", "defaults"] {
            assert_eq!(VoiceId::exact(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn the_id_of_a_new_voice_is_in_lower_case() {
        assert_eq!(VoiceId::of_name(" Ann Smith ").unwrap().as_str(), "ann_smith");
        for name in ["Jürgen", "a/b", "Default", "", " "] {
            let error = VoiceId::of_name(name).unwrap_err();
            assert!(matches!(error, VoiceError::InvalidName { .. }), "{name:?}");
        }
    }

    #[test]
    fn a_name_means_the_file_that_is_written_like_it_first() {
        let meant = |name| VoiceId::meant_by(name).map(|id| id.to_string()).collect::<Vec<_>>();
        assert_eq!(meant("Ann"), ["Ann", "ann"]);
        assert_eq!(meant("ann"), ["ann"]);
        assert_eq!(meant("Ann Smith"), ["ann_smith"]);
        assert!(meant("../ann").is_empty());
        assert!(meant("ryan:0.7,vivian:0.3").is_empty());
    }
}
