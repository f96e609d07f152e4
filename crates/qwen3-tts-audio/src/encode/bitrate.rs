//! The bit rate of MP3 and AAC if none is asked for.

/// Highest sample rate in Hz of MPEG-2, which has the lower bit rates.
const MAX_LOW_RATE: u32 = 24_000;

/// Returns the default bit rate in kbit/s.
pub fn default_bitrate(sample_rate: u32) -> u32 {
    if sample_rate > MAX_LOW_RATE { 96 } else { 64 }
}
