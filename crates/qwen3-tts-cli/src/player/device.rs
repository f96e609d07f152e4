//! The system's sound device.

use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, Sender};

use rodio::{ChannelCount, DeviceSinkBuilder, MixerDeviceSink, SampleRate, Source};

use crate::failure::{Failure, Result};

/// Plays audio that comes in pieces, without gaps as long as it comes in time.
pub struct Player {
    device: MixerDeviceSink,
    /// The voice that speaks, once there is something to say.
    voice: Option<Voice>,
}

struct Voice {
    player: rodio::Player,
    samples: Sender<Vec<f32>>,
    sample_rate: u32,
}

impl Player {
    pub fn open() -> Result<Self> {
        let mut device = DeviceSinkBuilder::open_default_sink()
            .map_err(|error| Failure::Other(format!("no sound device can be opened: {error}")))?;
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

    /// Waits until everything was heard.
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
        let rate = rate.ok_or_else(|| Failure::Other("a sample rate of 0".to_owned()))?;
        let (samples, queue) = mpsc::channel();
        let player = rodio::Player::connect_new(device.mixer());
        player.append(Queue { queue, current: Vec::new().into_iter(), rate });
        Ok(Self { player, samples, sample_rate })
    }
}

/// Samples in the order in which they came, and silence where they come too late.
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
