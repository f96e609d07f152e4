//! Opus packets to samples.

use opus_pure::{MAX_PACKET_SAMPLES, OpusDecoder, OpusMSDecoder};
use symphonia::core::codecs::audio::AudioCodecParameters;

/// Sample rate of decoded Opus in Hz, whatever was recorded.
pub const RATE: u32 = 48_000;
/// Number of bytes of an `OpusHead` without a channel mapping.
const HEAD: usize = 19;

/// A decoder of one stream.
pub struct Opus {
    streams: Streams,
    pub channels: usize,
    /// Number of frames at 48 kHz that the encoder puts in front of the audio.
    pub pre_skip: u64,
    /// Factor of the samples.
    gain: f32,
}

enum Streams {
    One(Box<OpusDecoder>),
    Many(Box<OpusMSDecoder>),
}

impl Opus {
    /// Starts from the `OpusHead` in `params`, without which there is one stream.
    ///
    /// # Errors
    /// Returns the name of the codec's variety if it cannot be decoded.
    pub fn new(params: &AudioCodecParameters) -> Result<Self, &'static str> {
        let mut bare = [0; HEAD];
        bare[9] = params.channels.as_ref().map_or(1, |channels| channels.count()) as u8;
        let head = params.extra_data.as_deref().filter(|head| head.len() >= HEAD);
        let head = head.unwrap_or(&bare);
        let (channels, family) = (usize::from(head[9]), head[18]);
        let streams = match family {
            0 => OpusDecoder::new(RATE as i32, channels).map(|one| Streams::One(Box::new(one))),
            _ => OpusMSDecoder::new(RATE as i32, channels, family)
                .map(|many| Streams::Many(Box::new(many))),
        };
        // In Q7.8 dB.
        let gain = f32::from(i16::from_le_bytes([head[16], head[17]])) / 256.0;
        Ok(Self {
            streams: streams.map_err(|_| "Opus with an unusual number of channels")?,
            channels,
            pre_skip: u64::from(u16::from_le_bytes([head[10], head[11]])),
            gain: 10_f32.powf(gain / 20.0),
        })
    }

    /// Decodes a packet to interleaved samples.
    pub fn decode(&mut self, packet: &[u8], interleaved: &mut Vec<f32>) -> Result<(), String> {
        interleaved.clear();
        interleaved.resize(MAX_PACKET_SAMPLES * self.channels, 0.0);
        let frames = match &mut self.streams {
            Streams::One(one) => one.decode(packet, MAX_PACKET_SAMPLES, interleaved),
            Streams::Many(many) => many.decode(packet, MAX_PACKET_SAMPLES, interleaved),
        };
        let frames = frames.map_err(|error| error.to_string())?;
        interleaved.truncate(frames * self.channels);
        if self.gain != 1.0 {
            interleaved.iter_mut().for_each(|sample| *sample *= self.gain);
        }
        Ok(())
    }
}
