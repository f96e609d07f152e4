//! Recordings within a request: `data:audio/wav;base64,…`.

use axum::http::StatusCode;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::error::shown;
use crate::error::{ApiError, ApiResult};

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns the bytes of a data URL in base64.
///
/// # Errors
/// Returns the status 400 if it is another address or is damaged, and 413 if it has more than
/// `max_bytes`.
pub fn decode(url: &str, max_bytes: usize) -> ApiResult<Vec<u8>> {
    let data = base64_part(url.trim_start()).map_err(invalid)?;
    // White space is as rare as it is harmless.
    let compact: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if compact.len() / 4 * 3 > max_bytes.saturating_add(2) {
        return Err(too_large(max_bytes));
    }
    let bytes = BASE64.decode(compact);
    let bytes = bytes.map_err(|error| invalid(format!("the base64 is damaged: {error}")))?;
    if bytes.len() > max_bytes { Err(too_large(max_bytes)) } else { Ok(bytes) }
}

/// Returns the part after `;base64,`. The error says why the URL has no such part.
fn base64_part(url: &str) -> Result<&str, String> {
    const EXPECTED: &str = "expected a data URL, such as data:audio/wav;base64,UklGRg…";
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(format!(
            "{EXPECTED}; if this is base64, put \"data:audio/wav;base64,\" before it"
        ));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "data" => {}
        "http" | "https" => {
            return Err(format!("this server fetches no recordings from the web: {EXPECTED}"));
        }
        "file" => return Err(format!("this server opens no files for clients: {EXPECTED}")),
        _ => return Err(format!("{EXPECTED}, found {:?}", shown(scheme))),
    }
    let (kind, data) = rest.split_once(',').ok_or("the data URL has no comma before its data")?;
    let is_base64 = kind.rsplit(';').next().is_some_and(|last| last.trim() == "base64");
    if is_base64 { Ok(data) } else { Err(format!("the data URL is not in base64: {EXPECTED}")) }
}

fn invalid(reason: impl std::fmt::Display) -> ApiError {
    ApiError::invalid(format!("`ref_audio`: {reason}")).param("ref_audio").code("invalid_recording")
}

fn too_large(max_bytes: usize) -> ApiError {
    let message = format!("`ref_audio`: the recording is larger than {max_bytes} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).param("ref_audio").code("body_too_large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_in_base64_are_read() {
        for url in [
            "data:audio/wav;base64,aGVsbG8=",
            "data:audio/wav;base64,aGVsbG8",
            "data:;base64,aGVsbG8=",
            "DATA:audio/webm;codecs=opus;base64,aGVs\r\nbG8=",
            " data:base64,aGVsbG8=",
        ] {
            let is_base64 = url.contains(";base64") || url.contains(":base64");
            assert!(is_base64);
            assert_eq!(decode(url, 5).unwrap(), b"hello", "{url}");
        }
    }

    #[test]
    fn other_addresses_are_refused_with_a_reason() {
        for (url, reason) in [
            ("https://example.org/a.wav", "no recordings from the web"),
            ("HTTP://169.254.169.254/", "no recordings from the web"),
            ("file:///etc/passwd", "opens no files"),
            ("ftp://a", "expected a data URL"),
            ("/etc/passwd", "expected a data URL"),
            ("aGVsbG8=", "put \"data:audio/wav;base64,\" before it"),
            ("data:audio/wav;base64", "no comma"),
            ("data:audio/wav,hello", "not in base64"),
            ("data:audio/wav;base64,aGVs*G8=", "base64 is damaged"),
            ("", "expected a data URL"),
        ] {
            let error = decode(url, 100).unwrap_err();
            assert_eq!((error.status.as_u16(), error.param.as_deref()), (400, Some("ref_audio")));
            assert!(error.message.contains(reason), "{url}: {error}");
        }
    }

    #[test]
    fn large_ones_are_refused() {
        for (max, fits) in [(4, false), (5, true)] {
            let decoded = decode("data:;base64,aGVsbG8=", max);
            assert_eq!(decoded.is_ok(), fits);
            assert!(decoded.err().is_none_or(|error| error.status == 413));
        }
        let long = format!("data:;base64,{}", "A".repeat(1000));
        assert_eq!(decode(&long, 700).unwrap_err().status, 413);
    }
}
