//! Levels of the channels of a recording, measured before they are mixed down.

/// Level from which the flat top of a wave counts as cut off.
const CLIPPED_LEVEL: f32 = 0.9;
/// Number of equal samples in a row that make a flat top.
const FLAT_TOP: usize = 3;
/// Share of its channels' power below which a mean says that they cancel each other: −20 dB.
const CANCELLED: f64 = 0.01;

/// Levels of a recording.
#[derive(Debug, Default)]
pub struct Levels {
    channels: Vec<Level>,
    /// Sum of the squares of the mean of the channels.
    mean_power: f64,
}

/// Levels of a channel.
#[derive(Debug, Default)]
pub struct Level {
    min: f32,
    max: f32,
    sum: f64,
    power: f64,
    samples: usize,
    clipped: usize,
    /// The last sample, and the number of times that it came in a row.
    run: (f32, usize),
}

impl Levels {
    /// Takes a frame and the mean of its channels into account.
    pub fn add(&mut self, frame: &[f32], mean: f32) {
        if self.channels.len() < frame.len() {
            self.channels.resize_with(frame.len(), Level::default);
        }
        self.channels.iter_mut().zip(frame).for_each(|(level, sample)| level.add(*sample));
        self.mean_power += f64::from(mean).powi(2);
    }

    /// Returns the largest distance of a sample from zero.
    pub fn peak(&self) -> f32 {
        self.channels.iter().map(|level| level.max.max(-level.min)).fold(0.0, f32::max)
    }

    /// Returns the largest mean of a channel, by its distance from zero.
    pub fn offset(&self) -> f64 {
        let offsets = self.channels.iter().map(|level| level.sum / level.samples.max(1) as f64);
        offsets.fold(0.0, |a, b| if b.abs() > a.abs() { b } else { a })
    }

    /// Returns the largest share of clipped samples of a channel, in 0..=1.
    pub fn clipped(&self) -> f64 {
        self.channels.iter().map(Level::clipped).fold(0.0, f64::max)
    }

    /// Returns the strongest channel if the channels cancel each other.
    pub fn cancelling(&self) -> Option<usize> {
        let power = self.channels.iter().map(|level| level.power);
        let mean = power.clone().sum::<f64>() / self.channels.len().max(1) as f64;
        // The first of those that are equal.
        let strongest = power.enumerate().reduce(|a, b| if b.1 > a.1 { b } else { a })?.0;
        (self.mean_power < CANCELLED * mean).then_some(strongest)
    }
}

impl Level {
    fn add(&mut self, sample: f32) {
        if self.samples == 0 {
            (self.min, self.max) = (sample, sample);
        }
        self.min = self.min.min(sample);
        self.max = self.max.max(sample);
        self.sum += f64::from(sample);
        self.power += f64::from(sample).powi(2);
        self.samples += 1;
        if sample != self.run.0 {
            self.clipped += self.flat_top();
            self.run = (sample, 0);
        }
        self.run.1 += 1;
    }

    /// Returns the length of the current run if it is clipped: a flat top, or beyond full scale,
    /// where a lossy codec leaves it.
    fn flat_top(&self) -> usize {
        let (sample, samples) = self.run;
        let level = sample.abs();
        let is_clipped = level > 1.0 || (level >= CLIPPED_LEVEL && samples >= FLAT_TOP);
        if is_clipped { samples } else { 0 }
    }

    fn clipped(&self) -> f64 {
        (self.clipped + self.flat_top()) as f64 / self.samples.max(1) as f64
    }
}
