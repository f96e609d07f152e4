//! Sample rates and the bands of their spectra.

use oxideav_aac::adts::ADTS_SAMPLE_RATES_HZ;
use oxideav_aac::swb_offset::long_window_offsets;

/// Number of a sample rate in the standard.
pub type FrequencyIndex = u8;

/// Returns the number of a sample rate in Hz that AAC has.
pub fn frequency_index(sample_rate: u32) -> FrequencyIndex {
    let index = ADTS_SAMPLE_RATES_HZ.iter().position(|rate| *rate == sample_rate);
    index.expect("a rate that was checked") as FrequencyIndex
}

/// Returns the first line of each band, and the number of lines.
pub fn edges(index: FrequencyIndex) -> &'static [u16] {
    long_window_offsets(index).expect("a rate that has bands")
}

/// Returns the lines of each band.
pub fn bands(values: &[i32], index: FrequencyIndex) -> impl Iterator<Item = &[i32]> {
    let lines = |edges: &[u16]| usize::from(edges[0])..usize::from(edges[1]);
    edges(index).windows(2).map(move |edges| &values[lines(edges)])
}
