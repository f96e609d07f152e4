//! JSON objects from names to values, in the order of the file.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A table of values by name, such as `spk_id` and `codec_language_id`. Lookups ignore case, and
/// take a space or a hyphen for an underscore.
///
/// The order of the file is kept: the first speaker of a checkpoint is its default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTable<T>(Vec<(String, T)>);

impl<T> NameTable<T> {
    /// Returns the value of `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.entry(name).map(|(_, value)| value)
    }

    /// Returns the name as the file writes it, and its value.
    pub fn entry(&self, name: &str) -> Option<(&str, &T)> {
        let wanted = folded(name);
        self.iter().find(|(entry, _)| folded(entry) == wanted)
    }

    /// Iterates over the entries in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Iterates over the names in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Folds a name for comparison: lower case, with underscores, and without combining accents.
pub(crate) fn folded(name: &str) -> String {
    let letters = name.trim().chars().filter(|letter| !matches!(letter, '\u{300}'..='\u{36f}'));
    letters
        .flat_map(char::to_lowercase)
        .map(|letter| if letter == '-' || letter.is_whitespace() { '_' } else { letter })
        .collect()
}

/// Returns the value of the name most similar to `name`, if it is similar enough.
pub(crate) fn nearest<'a, T>(
    name: &str,
    names: impl IntoIterator<Item = (&'a str, T)>,
) -> Option<T> {
    let name = folded(name);
    let likeness = |other: &str| strsim::jaro_winkler(&name, &folded(other));
    let rated = names.into_iter().map(|(other, value)| (likeness(other), value));
    let (likeness, value) = rated.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness > LIKE).then_some(value)
}

/// The Jaro–Winkler similarity above which a name is taken for a misspelling of another.
const LIKE: f64 = 0.84;

impl<T> Default for NameTable<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<N: Into<String>, T> FromIterator<(N, T)> for NameTable<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl<T> IntoIterator for NameTable<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NameTable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Table<T> {
            type Value = NameTable<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object from names to values")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(NameTable(entries))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(NameTable::default())
            }
        }

        deserializer.deserialize_any(Table(PhantomData))
    }
}
