//! Decoders of packets, by codec.

use std::borrow::Cow;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::packet::Packet;

use super::aac::Core;
use super::error::AudioError;
use super::limits::{check_channels, check_rate};
use super::opus::{Opus, RATE};

/// A decoder of one stream.
pub struct Decoder {
    codec: Codec,
    params: AudioCodecParameters,
    /// True if the audio has half of the bandwidth of the stream.
    pub is_half: bool,
    /// The fixed part of the header of the last MPEG packet.
    mpeg_format: Option<[u8; 3]>,
    /// The interleaved samples of the last packet.
    pub interleaved: Vec<f32>,
    /// Sample rate of the last packet in Hz.
    pub rate: u32,
    /// Number of channels of the last packet.
    pub channels: usize,
}

enum Codec {
    Opus(Box<Opus>),
    Symphonia(Box<dyn AudioDecoder>),
}

impl Decoder {
    /// Creates a decoder.
    ///
    /// # Errors
    /// Returns [`AudioError::UnknownCodec`] if no decoder fits, and an error if the stream has an
    /// impossible sample rate or number of channels.
    pub fn new(params: &AudioCodecParameters) -> Result<Self, AudioError> {
        let unknown = |found: &'static str| AudioError::UnknownCodec { found: found.into() };
        let (mut params, mut is_half) = (params.clone(), false);
        if params.extra_data.is_some() {
            // MP4 has no room for rates above 65 535 Hz: the codec's own header has them.
            params.sample_rate = params.sample_rate.filter(|rate| *rate > 0);
        }
        if matches!(params.codec, CODEC_ID_PCM_ALAW | CODEC_ID_PCM_MULAW) {
            // Those of the file, which the decoder takes for those of its result.
            (params.bits_per_sample, params.bits_per_coded_sample) = (None, None);
        }
        // Decoders allocate memory according to the header: check it first.
        params.sample_rate.map_or(Ok(()), check_rate)?;
        params.channels.as_ref().map_or(Ok(()), |channels| check_channels(channels.count()))?;
        if let (CODEC_ID_AAC, Some(config)) = (params.codec, &params.extra_data) {
            let core = Core::find(config).map_err(unknown)?;
            is_half = core.is_half;
            params.extra_data = Some(core.config);
        }
        let codec = match params.codec {
            CODEC_ID_OPUS => Codec::Opus(Box::new(Opus::new(&params).map_err(unknown)?)),
            _ => Codec::Symphonia(symphonia(&params)?),
        };
        let (interleaved, mpeg_format) = (Vec::new(), None);
        Ok(Self { codec, params, is_half, mpeg_format, interleaved, rate: 0, channels: 0 })
    }

    /// Decodes a packet.
    pub fn decode(&mut self, packet: &Packet) -> Result<(), SymphoniaError> {
        if self.is_new_mpeg_format(packet)
            && let Ok(codec) = symphonia(&self.params)
        {
            self.codec = Codec::Symphonia(codec);
        }
        match &mut self.codec {
            Codec::Symphonia(decoder) => {
                let buffer: GenericAudioBufferRef = decoder.decode(packet)?;
                self.rate = buffer.spec().rate();
                self.channels = buffer.spec().channels().count();
                buffer.copy_to_vec_interleaved(&mut self.interleaved);
                self.is_half |= self.params.codec == CODEC_ID_AAC
                    && self.params.sample_rate == Some(2 * self.rate);
            }
            Codec::Opus(opus) => {
                opus.decode(&packet.data, &mut self.interleaved)
                    .map_err(|_| SymphoniaError::DecodeError("opus: invalid packet"))?;
                (self.rate, self.channels) = (RATE, opus.channels);
                let end = packet.trim_end.get() as usize * opus.channels;
                self.interleaved.truncate(self.interleaved.len().saturating_sub(end));
            }
        }
        Ok(())
    }

    /// True for Opus.
    pub fn is_opus(&self) -> bool {
        matches!(self.codec, Codec::Opus(_))
    }

    /// Returns the number of frames at 48 kHz in front of the audio, if the codec gives one.
    pub fn pre_skip(&self) -> Option<u64> {
        match &self.codec {
            Codec::Opus(opus) => Some(opus.pre_skip),
            Codec::Symphonia(_) => None,
        }
    }

    /// True for MPEG audio, whose packets say for themselves what they are.
    pub fn is_mpeg(&self) -> bool {
        matches!(self.params.codec, CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3)
    }

    /// True if the sample rate or the channels change with an MPEG packet, which a decoder refuses.
    fn is_new_mpeg_format(&mut self, packet: &Packet) -> bool {
        let Some(&[_, version, rate, mode]) = packet.data.first_chunk().filter(|_| self.is_mpeg())
        else {
            return false;
        };
        // The mode 3 is mono, all others are stereo.
        let format = Some([version & 0x18, rate & 0x0c, u8::from(mode >> 6 == 3)]);
        let last = std::mem::replace(&mut self.mpeg_format, format);
        last.is_some_and(|_| last != format)
    }
}

fn symphonia(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, AudioError> {
    // The lengths in the headers of MPEG audio are often estimates: no trimming by them.
    let is_exact = !matches!(params.codec, CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3);
    let options = AudioDecoderOptions::default().gapless(is_exact);
    symphonia::default::get_codecs().make_audio_decoder(params, &options).map_err(|error| {
        match error {
            SymphoniaError::Unsupported(_) => AudioError::UnknownCodec { found: name(params) },
            error => AudioError::damaged(0.0, error.to_string()),
        }
    })
}

/// Names a codec that is not decoded.
fn name(params: &AudioCodecParameters) -> Cow<'static, str> {
    let name = match params.codec {
        CODEC_ID_AAC => "AAC with more than two channels",
        CODEC_ID_AC3 => "AC-3",
        CODEC_ID_EAC3 => "E-AC-3",
        CODEC_ID_AC4 => "AC-4",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_TRUEHD => "TrueHD",
        CODEC_ID_WMA => "WMA",
        CODEC_ID_SPEEX => "Speex",
        CODEC_ID_MUSEPACK => "Musepack",
        CODEC_ID_WAVPACK => "WavPack",
        CODEC_ID_MONKEYS_AUDIO => "Monkey's Audio",
        CODEC_ID_TTA => "TTA",
        _ => "an unknown codec",
    };
    name.into()
}
