//! Kinds of weights.

use std::str::FromStr;

use anyhow::{Context, Error, Result};

/// A kind of weights, in the form of `speak --quantize`; `4` is 4 bits in both parts, as in other
/// engines.
#[derive(Clone, Debug)]
pub struct Kind {
    text: String,
    /// Bits of the talker's matrices; `None` as in the file.
    pub talker: Option<u64>,
    /// Bits of the code predictor's matrices; `None` as in the file.
    pub code_predictor: Option<u64>,
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // The command's own 4 keeps the code predictor in 8 bits.
        let text = if text == "4" { "talker=4,code-predictor=4" } else { text };
        let bits = |part: &str| match text.contains('=') {
            false => bits(text),
            true => text.split(',').find_map(|rule| rule.strip_prefix(part)).map_or(Ok(None), bits),
        };
        let (talker, code_predictor) = (bits("talker=")?, bits("code-predictor=")?);
        Ok(Self { text: text.to_owned(), talker, code_predictor })
    }
}

impl Kind {
    /// Returns the value of `speak --quantize`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the bits of the talker's and of the code predictor's matrices.
    pub fn bits(&self) -> [Option<u64>; 2] {
        [self.talker, self.code_predictor]
    }
}

fn bits(text: &str) -> Result<Option<u64>> {
    match text {
        "none" => Ok(None),
        _ => text.parse().map(Some).with_context(|| format!("{text} bits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_of_both_parts_or_of_each() {
        let bits = |text: &str| text.parse::<Kind>().expect(text).bits();
        assert_eq!(bits("none"), [None, None]);
        assert_eq!(bits("8"), [Some(8), Some(8)]);
        assert_eq!(bits("4"), [Some(4), Some(4)]);
        assert_eq!(bits("talker=4,code-predictor=8"), [Some(4), Some(8)]);
        assert_eq!(bits("talker=4"), [Some(4), None]);
        assert!("talker=x".parse::<Kind>().is_err());
    }
}
