//! Frames: spectra that are quantised as finely as the bits of a frame allow.

use oxideav_mp3::scalefactors::FrameScaleFactors;
use oxideav_mp3::{
    GranuleChannel, GranuleChannelData, Mp3FrameHeader, NUM_LINES, SideInfo, assemble_main_data,
    choose_best_count1_table, choose_best_table_for_region, count_huffman_bits,
    encoder_region_boundaries, partition_split, silent_side_info, subdivide_bands, write_header,
    write_side_info,
};

use super::spectrum::{GRANULE, Spectrum};

/// Size of the header of a frame in bytes.
const HEADER: usize = 4;
/// Largest number of bits of a granule.
const MAX_BITS: usize = 4095;
/// Largest quantised value.
const MAX_VALUE: f32 = 8190.0;
/// Gain at which a step of the quantiser is 1.
const UNIT_GAIN: i32 = 210;
/// Rounding of powers of 3/4, where a step is not centred.
const ROUNDING: f32 = 0.4054;
/// Decoders do not agree on where this band of 24 kHz begins: no region may end there.
const DISPUTED: (u32, u8) = (24_000, 18);

/// An encoder of frames that do not depend on each other's bits.
pub struct Frames {
    header: Mp3FrameHeader,
    spectrum: Spectrum,
    /// Bytes that frames owe to the bit rate, times the sample rate.
    debt: u32,
}

/// A quantised spectrum and how it is coded.
struct Granule {
    values: [i32; NUM_LINES],
    info: GranuleChannel,
    n_pairs: usize,
    n_quads: usize,
    n_bits: usize,
}

impl Frames {
    pub fn new(header: Mp3FrameHeader) -> Self {
        Self { header, spectrum: Spectrum::new(), debt: 0 }
    }

    /// Returns the number of samples of a frame.
    pub fn samples_per_frame(&self) -> usize {
        GRANULE * usize::from(silent_side_info(&self.header).granule_count)
    }

    /// Encodes the samples of a frame.
    pub fn next(&mut self, samples: &[f32]) -> Vec<u8> {
        let header = self.padded_header();
        let mut side = silent_side_info(&header);
        let length = header.frame_len().expect("a frame of a bit rate");
        let mut n_bits = 8 * (length - HEADER - write_side_info(&side).len());
        let n_granules = usize::from(side.granule_count);
        let mut data = [[silence(), silence()], [silence(), silence()]];
        for (index, samples) in samples.as_chunks().0.iter().enumerate() {
            let lines = self.spectrum.next(samples);
            let granule = finest(&lines, &header, (n_bits / (n_granules - index)).min(MAX_BITS));
            n_bits -= granule.n_bits;
            side.granules[index][0] = granule.info;
            data[index][0] = GranuleChannelData {
                is: granule.values,
                big_pairs: granule.n_pairs,
                count1_quads: granule.n_quads,
            };
        }
        assemble(&header, side, &data, length)
    }

    /// Returns the header of the next frame, which is a byte longer if the bit rate needs it.
    fn padded_header(&mut self) -> Mp3FrameHeader {
        let mut header = self.header;
        let rate = header.sample_rate_hz;
        let bytes_times_rate =
            125 * header.bitrate_kbps.unwrap_or(0) * self.samples_per_frame() as u32;
        self.debt += bytes_times_rate % rate;
        header.padding = self.debt >= rate;
        self.debt %= rate;
        header
    }
}

fn silence() -> GranuleChannelData {
    GranuleChannelData { is: [0; NUM_LINES], big_pairs: 0, count1_quads: 0 }
}

fn assemble(
    header: &Mp3FrameHeader,
    mut side: SideInfo,
    data: &[[GranuleChannelData; 2]; 2],
    length: usize,
) -> Vec<u8> {
    let scale_factors = FrameScaleFactors {
        granules: Default::default(),
        granule_count: side.granule_count,
        channels: 1,
        part2_bits: Default::default(),
    };
    let main = assemble_main_data(header, &mut side, &scale_factors, data);
    let main = main.expect("values that their tables have");
    let mut bytes = write_header(header).to_vec();
    bytes.extend(write_side_info(&side));
    bytes.extend(main.bytes);
    bytes.resize(length, 0);
    bytes
}

/// Returns the spectrum in the finest steps that `n_bits` can hold. Finer steps take more bits, but for
/// a few exceptions, which cost nothing but quality.
fn finest(lines: &[f32; NUM_LINES], header: &Mp3FrameHeader, n_bits: usize) -> Granule {
    let powers = lines.map(|line| line.abs().powf(0.75));
    let largest = powers.iter().fold(0.0, |largest: f32, power| largest.max(*power));
    let with_gain = |gain: u8| {
        let step = (f32::from(gain) - UNIT_GAIN as f32) * 0.1875;
        let scale = (-step).exp2();
        if largest * scale > MAX_VALUE {
            return None;
        }
        let values = std::array::from_fn(|line| {
            let value = (powers[line] * scale + ROUNDING) as i32;
            if lines[line] < 0.0 { -value } else { value }
        });
        code(values, gain, header).filter(|granule| granule.n_bits <= n_bits)
    };
    let (mut low, mut high) = (0, u8::MAX);
    let mut best = with_gain(high);
    while low < high {
        let middle = low + (high - low) / 2;
        match with_gain(middle) {
            Some(granule) => {
                best = Some(granule);
                high = middle;
            }
            None => low = middle + 1,
        }
    }
    best.expect("silence takes no bits")
}

/// Chooses the regions and tables of a quantised spectrum. Returns `None` if no table has its values.
fn code(values: [i32; NUM_LINES], gain: u8, header: &Mp3FrameHeader) -> Option<Granule> {
    let split = partition_split(&values);
    let (rate, version) = (header.sample_rate_hz, header.version);
    let bands = subdivide_bands(rate, version, split.big_pairs);
    let mut info = silent_side_info(header).granules[0][0];
    info.big_values = split.big_pairs as u16;
    info.global_gain = gain;
    (info.region0_count, info.region1_count) = (bands.region0_count, bands.region1_count);
    if (rate, info.region0_count + info.region1_count + 2) == DISPUTED {
        // With at most 16 bands in the first region, the second has one to spare.
        info.region1_count -= 1;
    }
    let regions = encoder_region_boundaries(&info, split.big_pairs, rate, version);
    let end = 2 * split.big_pairs;
    let (first, second) = (regions.0.min(end), regions.1.min(end));
    for (table, (from, to)) in
        info.table_select.iter_mut().zip([(0, first), (first, second), (second, end)])
    {
        *table = choose_best_table_for_region(&values, from, to)?.0;
    }
    let (n_pairs, n_quads) = (split.big_pairs, split.count1_quads);
    (info.count1table_select, _) = choose_best_count1_table(&values, end, end + 4 * n_quads);
    let n_bits = count_huffman_bits(
        &values,
        n_pairs,
        regions,
        info.table_select,
        n_quads,
        info.count1table_select,
    )?;
    Some(Granule { values, info, n_pairs, n_quads, n_bits })
}
