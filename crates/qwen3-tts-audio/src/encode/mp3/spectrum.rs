//! Samples to spectra: the filter bank of MPEG audio and the transform of its bands.

use oxideav_mp3::{
    AnalysisState, BlockType, MdctState, NUM_LINES, alias_ca, alias_cs, analyze_granule,
    forward_overlap, mdct, window_long_family_analysis,
};

/// Number of samples that become a spectrum.
pub const GRANULE: usize = NUM_LINES;
const BANDS: usize = 32;
/// Number of lines of a band.
const LINES: usize = GRANULE / BANDS;
/// Number of lines on each side of an edge between bands that alias.
const ALIASES: usize = 8;
/// Factor of the transform.
const SCALE: f64 = 1.0 / 9.0;

/// The filters, with the samples that later spectra need.
pub struct Spectrum {
    filters: AnalysisState,
    overlaps: [MdctState; BANDS],
    cosines: [f32; ALIASES],
    sines: [f32; ALIASES],
}

impl Spectrum {
    pub fn new() -> Self {
        Self {
            filters: AnalysisState::new(),
            overlaps: std::array::from_fn(|_| MdctState::new()),
            cosines: alias_cs(),
            sines: alias_ca(),
        }
    }

    /// Returns the spectrum of the next samples.
    pub fn next(&mut self, samples: &[f32; GRANULE]) -> [f32; GRANULE] {
        let bands = analyze_granule(samples, &mut self.filters);
        let mut lines = [0.0; GRANULE];
        for (band, samples) in bands.iter().enumerate() {
            let mut samples = samples.map(f64::from);
            if band % 2 == 1 {
                // The filter bank reverses the frequencies of every other band.
                samples.iter_mut().skip(1).step_by(2).for_each(|sample| *sample = -*sample);
            }
            let overlapping = forward_overlap(&samples, &mut self.overlaps[band]);
            let windowed = window_long_family_analysis(&overlapping, BlockType::Long);
            let transformed = mdct(&windowed, 2 * LINES);
            for (line, value) in lines[band * LINES..][..LINES].iter_mut().zip(transformed) {
                *line = (value * SCALE) as f32;
            }
        }
        self.reduce_aliases(&mut lines);
        lines
    }

    /// Undoes what the decoder will do at the edges between bands.
    fn reduce_aliases(&self, lines: &mut [f32; GRANULE]) {
        for edge in (LINES..GRANULE).step_by(LINES) {
            for alias in 0..ALIASES {
                let (cosine, sine) = (self.cosines[alias], self.sines[alias]);
                let (below, above) = (lines[edge - 1 - alias], lines[edge + alias]);
                lines[edge - 1 - alias] = below * cosine + above * sine;
                lines[edge + alias] = above * cosine - below * sine;
            }
        }
    }
}
