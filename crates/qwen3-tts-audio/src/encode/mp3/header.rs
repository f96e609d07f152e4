//! Properties of all frames.

use oxideav_mp3::{ChannelMode, Mp3FrameHeader, make_silent_header};

/// Number of samples by which the filters of the encoder delay the audio.
pub const DELAY: usize = 528;

/// Returns the header of a mono frame at a rate and a bit rate that MP3 has.
pub fn header(bitrate: u32, sample_rate: u32) -> Mp3FrameHeader {
    make_silent_header(bitrate, sample_rate, ChannelMode::SingleChannel)
        .expect("rates that were checked")
}
