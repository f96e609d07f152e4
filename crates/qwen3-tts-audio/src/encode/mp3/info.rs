//! The first frame, which tells players the length and the delay of the audio, and plays as silence.

use oxideav_mp3::{Mp3FrameHeader, silent_side_info, write_header, write_side_info};

use super::header::{DELAY, header};

/// Name of the encoder. Players remove the delay of encoders that have names of this kind only.
const ENCODER: &[u8; 9] = b"LAME3.100";
/// Flags of the fields that follow: all, and all but the length.
const ALL: u32 = 0xf;
const WITHOUT_LENGTH: u32 = 0xc;
/// Number of bytes that the fields need.
const FIELDS: usize = 160;
/// Bit rates in kbit/s, one of which has room for the fields at any sample rate.
const BITRATES: [u32; 5] = [64, 80, 96, 128, 160];

/// Length of a complete file.
pub struct Length {
    pub n_frames: usize,
    /// Size of the frames in bytes.
    pub n_bytes: usize,
    /// Number of samples after the audio.
    pub padding: usize,
}

/// Returns the frame. Its size does not depend on the length.
pub fn frame(frames: &Mp3FrameHeader, length: Option<Length>) -> Vec<u8> {
    let side = write_side_info(&silent_side_info(frames));
    let has_room = |header: &Mp3FrameHeader| {
        header.frame_len().is_some_and(|size| size >= 4 + side.len() + FIELDS)
    };
    let larger = BITRATES.map(|bitrate| header(bitrate, frames.sample_rate_hz));
    let mut all = std::iter::once(*frames).chain(larger);
    let header = all.find(has_room).expect("room at 160 kbit/s");
    let size = header.frame_len().unwrap_or(0);
    let mut bytes = write_header(&header).to_vec();
    bytes.extend(side);
    bytes.extend(b"Info");
    let padding = length.as_ref().map_or(0, |length| length.padding);
    match length {
        Some(length) => {
            bytes.extend(ALL.to_be_bytes());
            bytes.extend((length.n_frames as u32).to_be_bytes());
            // With this frame.
            bytes.extend(((length.n_bytes + size) as u32).to_be_bytes());
        }
        None => bytes.extend(WITHOUT_LENGTH.to_be_bytes()),
    }
    // Positions of the hundredth parts, and the quality, the best of 100.
    bytes.extend((0..100_u32).map(|part| (part * 256 / 100) as u8));
    bytes.extend(100_u32.to_be_bytes());
    bytes.extend(ENCODER);
    // Constant bit rate, and nothing about the low pass and the levels.
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.push(frames.bitrate_kbps.unwrap_or(0).min(255) as u8);
    let delays = (DELAY as u32) << 12 | (padding as u32).min(4095);
    bytes.extend(&delays.to_be_bytes()[1..]);
    bytes.resize(size, 0);
    bytes
}
