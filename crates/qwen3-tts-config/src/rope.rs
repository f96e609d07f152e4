//! Rotary positions, as transformers 4 and transformers 5 write them.

use serde::{Deserialize, Deserializer};

use crate::check::Check;
use crate::error::Result;

/// Rotary positions of a transformer.
///
/// transformers 4 writes `rope_theta`, and `rope_scaling` where it is not null. transformers 5
/// writes `rope_parameters` with the same fields and `rope_theta` inside.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RopeConfig {
    /// Base of the rotary frequencies.
    pub theta: f64,
    /// Section `rope_scaling`.
    pub scaling: Option<RopeScaling>,
    /// Section `rope_parameters`.
    pub parameters: Option<RopeScaling>,
}

/// `rope_scaling` or `rope_parameters`: multimodal rotary positions.
///
/// All three axes of a speech position are equal, so this is plain rotary embedding with any
/// sections, interleaved or not.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct RopeScaling {
    /// Base of the rotary frequencies, in `rope_parameters` only.
    #[serde(default)]
    pub rope_theta: Option<f64>,
    /// Type of the scaling: `default`, any other is refused.
    #[serde(default)]
    pub rope_type: Option<String>,
    /// Older name of `rope_type`; published files have both.
    #[serde(default)]
    pub r#type: Option<String>,
    /// Number of frequencies of each position axis, half of `head_dim` in sum.
    #[serde(default)]
    pub mrope_section: Option<Vec<usize>>,
    /// True if the axes alternate along the frequencies.
    #[serde(default)]
    pub interleaved: bool,
    /// Share of a head that is rotated: 1, any other is refused.
    #[serde(default)]
    pub partial_rotary_factor: Option<f64>,
}

impl RopeConfig {
    pub(crate) fn validate(&self, check: &Check, head_dim: usize) -> Result<()> {
        for (section, scaling) in
            [("rope_scaling", &self.scaling), ("rope_parameters", &self.parameters)]
        {
            let Some(scaling) = scaling else { continue };
            scaling.validate(check, section, head_dim)?;
            if let Some(theta) = scaling.rope_theta {
                let field = format!("{section}.rope_theta");
                check.equal(&field, theta, self.theta, "rope_theta beside it")?;
            }
        }
        Ok(())
    }
}

impl RopeScaling {
    fn validate(&self, check: &Check, section: &str, head_dim: usize) -> Result<()> {
        for kind in self.rope_type.iter().chain(&self.r#type) {
            let field = format!("{section}.rope_type");
            check.that(kind == "default", &field, "\"default\"", format!("\"{kind}\""))?;
        }
        if let Some(share) = self.partial_rotary_factor {
            let field = format!("{section}.partial_rotary_factor");
            check.equal(&field, share, 1.0, "no other is implemented")?;
        }
        let Some(axes) = &self.mrope_section else { return Ok(()) };
        let sum = axes.iter().fold(0usize, |sum, &n| sum.saturating_add(n));
        check.that(
            sum == head_dim / 2,
            &format!("{section}.mrope_section"),
            format!("a sum of {} (head_dim / 2)", head_dim / 2),
            format!("{axes:?}, a sum of {sum}"),
        )
    }
}

/// The fields of a section that are about rotary positions.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    rope_theta: Option<f64>,
    #[serde(default)]
    rope_scaling: Option<RopeScaling>,
    #[serde(default)]
    rope_parameters: Option<RopeScaling>,
}

impl<'de> Deserialize<'de> for RopeConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        // A flattened field has no path of its own in errors; `json` reads it from the message.
        let fields: Fields = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let path = error.path().to_string();
            serde::de::Error::custom(format!("`{path}`: {}", error.into_inner()))
        })?;
        let Fields { rope_theta, rope_scaling: scaling, rope_parameters: parameters } = fields;
        let nested = parameters.as_ref().and_then(|parameters| parameters.rope_theta);
        let theta = rope_theta.or(nested);
        let theta = theta.ok_or_else(|| serde::de::Error::missing_field("rope_theta"))?;
        Ok(Self { theta, scaling, parameters })
    }
}
