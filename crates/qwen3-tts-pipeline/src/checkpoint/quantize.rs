//! Quantisation at load.

use std::fmt;
use std::str::FromStr;

use qwen3_tts_nn::{Bits, Quantization, Rounding};
use qwen3_tts_talker::Talker;

/// Number of bits to quantise the linear layers of each part to at load, in MLX's affine groups of
/// 64 weights. `None` leaves a part as it is in the checkpoint. Embeddings and the codec are never
/// quantised.
///
/// As text: `8`, `6` or `none` for all; `4` for [`Quantize::FOUR`]; or parts by name, such as
/// `talker=4,code-predictor=4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quantize {
    /// The talker's transformer, its head and its text projection.
    pub talker: Option<Bits>,
    /// The code predictor, whose weights are read fifteen times per frame.
    pub code_predictor: Option<Bits>,
}

const TALKER: &str = "talker";
const CODE_PREDICTOR: &str = "code-predictor";

impl Quantize {
    /// The talker in 4 bits and the code predictor in 8: in 4 bits it chooses many other codes.
    pub const FOUR: Self = Self { talker: Some(Bits::Four), code_predictor: Some(Bits::Eight) };

    /// Quantises all parts to the same number of bits.
    pub fn all(bits: Bits) -> Self {
        Self { talker: Some(bits), code_predictor: Some(bits) }
    }

    /// Returns bits and rounding of each part in full, by which results of other bits or of another
    /// rounding are told apart.
    pub fn details(self) -> String {
        let bits = |bits: Option<Bits>| match bits {
            Some(bits) => format!("{} bits", bits.get()),
            None => "as in the checkpoint".to_owned(),
        };
        let rounding = match Rounding::default() {
            Rounding::LeastSquares => "least squares",
            Rounding::Nearest => "nearest",
        };
        let (talker, code_predictor) = (bits(self.talker), bits(self.code_predictor));
        format!("{TALKER} {talker}, {CODE_PREDICTOR} {code_predictor}, {rounding}")
    }

    pub(crate) fn policy(self) -> Quantization {
        Talker::quantization(self.talker, self.code_predictor)
    }
}

impl FromStr for Quantize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains('=') {
            return Ok(match parse_bits(text)? {
                Some(Bits::Four) => Self::FOUR,
                bits => Self { talker: bits, code_predictor: bits },
            });
        }
        let mut quantize = Self::default();
        let mut given = Vec::new();
        for part in text.split(',') {
            let (name, bits) = part.split_once('=').unwrap_or((part, ""));
            if given.contains(&name) {
                return Err(format!("{name} is given twice"));
            }
            given.push(name);
            match name {
                TALKER => quantize.talker = parse_bits(bits)?,
                CODE_PREDICTOR => quantize.code_predictor = parse_bits(bits)?,
                _ => {
                    return Err(format!(
                        "there is no part `{name}`: expected {TALKER} or {CODE_PREDICTOR}"
                    ));
                }
            }
        }
        Ok(quantize)
    }
}

fn parse_bits(text: &str) -> Result<Option<Bits>, String> {
    if text == "none" {
        return Ok(None);
    }
    let bits = text.parse().ok().and_then(Bits::new);
    bits.map(Some).ok_or_else(|| format!("expected 8, 6, 4 or none, not `{text}`"))
}

impl fmt::Display for Quantize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |bits: Option<Bits>| bits.map_or("none".to_owned(), |b| b.get().to_string());
        let (talker, code_predictor) = (name(self.talker), name(self.code_predictor));
        match talker.parse() == Ok(*self) {
            true => f.write_str(&talker),
            false => write!(f, "{TALKER}={talker},{CODE_PREDICTOR}={code_predictor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_parse_round_trip() {
        let choices = [None, Some(Bits::Four), Some(Bits::Six), Some(Bits::Eight)];
        for talker in choices {
            for code_predictor in choices {
                let quantize = Quantize { talker, code_predictor };
                assert_eq!(quantize.to_string().parse(), Ok(quantize));
            }
        }
    }

    #[test]
    fn four_bits_are_the_talkers() {
        assert_eq!("4".parse(), Ok(Quantize::FOUR));
        let all = Quantize::all(Bits::Four);
        assert_eq!(all.to_string(), "talker=4,code-predictor=4");
        assert_eq!(all.to_string().parse(), Ok(all));
    }

    #[test]
    fn details_tell_bits_and_rounding_of_each_part() {
        let details = "talker 4 bits, code-predictor 8 bits, least squares";
        assert_eq!(Quantize::FOUR.details(), details);
        assert_ne!(Quantize::all(Bits::Four).details(), details);
        let none = Quantize::default().details();
        assert!(none.starts_with("talker as in the checkpoint, "), "{none}");
    }

    #[test]
    fn parts_are_quantised_separately() {
        let quantize: Quantize = "code-predictor=8".parse().unwrap();
        assert_eq!(quantize, Quantize { talker: None, code_predictor: Some(Bits::Eight) });
    }

    #[test]
    fn invalid_text_is_refused_by_name() {
        for (text, word) in [
            ("5", "`5`"),
            ("", "``"),
            ("talker=", "``"),
            ("talker=8,talker=4", "twice"),
            ("codec=8", "codec"),
            ("talker=8,4", "`4`"),
        ] {
            let error = text.parse::<Quantize>().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
