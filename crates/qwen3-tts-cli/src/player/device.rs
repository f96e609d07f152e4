//! The system's sound device.

use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use rodio::{ChannelCount, DeviceSinkBuilder, MixerDeviceSink, SampleRate, Source};

use crate::failure::{Failure, Result};

/// Plays chunks of audio, without gaps as long as they arrive in time.
pub struct Player {
    device: MixerDeviceSink,
    /// The open stream, from the first chunk on.
    voice: Option<Voice>,
}

struct Voice {
    player: rodio::Player,
    samples: Sender<Vec<f32>>,
}

impl Player {
    pub fn open() -> Result<Self> {
        let mut device = DeviceSinkBuilder::open_default_sink()
            .map_err(|error| Failure::Other(format!("cannot open a sound device: {error}")))?;
        device.log_on_drop(false);
        Ok(Self { device, voice: None })
    }

    pub fn play(&mut self, samples: &[f32], sample_rate: u32) -> Result {
        let voice = match &mut self.voice {
            Some(voice) => voice,
            None => self.voice.insert(Voice::start(&self.device, sample_rate)?),
        };
        let sent = voice.samples.send(samples.to_vec());
        sent.map_err(|_| Failure::Other("the sound device has stopped".to_owned()))
    }

    /// Waits until all audio was played.
    pub fn finish(self) {
        if let Some(Voice { player, samples, .. }) = self.voice {
            drop(samples);
            player.sleep_until_end();
        }
    }
}

impl Voice {
    fn start(device: &MixerDeviceSink, sample_rate: u32) -> Result<Self> {
        let rate = NonZero::new(sample_rate);
        let rate = rate.ok_or_else(|| Failure::Other("the sample rate is 0".to_owned()))?;
        let (samples, queue) = mpsc::channel();
        let player = rodio::Player::connect_new(device.mixer());
        player.append(Queue { queue, current: Vec::new().into_iter(), rate });
        Ok(Self { player, samples })
    }
}

/// The samples of all chunks in order, with silence if they arrive too late.
struct Queue {
    queue: Receiver<Vec<f32>>,
    current: std::vec::IntoIter<f32>,
    rate: SampleRate,
}

impl Iterator for Queue {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        loop {
            if let Some(sample) = self.current.next() {
                return Some(sample);
            }
            match self.queue.try_recv() {
                Ok(samples) => self.current = samples.into_iter(),
                Err(mpsc::TryRecvError::Empty) => return Some(0.0),
                Err(mpsc::TryRecvError::Disconnected) => return None,
            }
        }
    }
}

impl Source for Queue {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> ChannelCount {
        NonZero::<u16>::MIN
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}
