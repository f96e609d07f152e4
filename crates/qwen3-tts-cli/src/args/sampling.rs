//! Random choice of codes.

use clap::Args;

use super::usage;

#[derive(Args)]
pub struct SamplingArgs {
    /// Always choose the most likely code
    #[arg(long, conflicts_with_all = RANDOM)]
    pub greedy: bool,

    /// Sampling temperature of the first codebook, or 0 for --greedy
    #[arg(long, value_name = "T", allow_negative_numbers = true,
          value_parser = usage::number::<f32>)]
    pub temperature: Option<f32>,

    /// Number of candidates for the first codebook, or 0 for all
    #[arg(long, value_name = "K", allow_negative_numbers = true,
          value_parser = usage::whole::<usize>)]
    pub top_k: Option<usize>,

    /// Probability mass of the candidates for the first codebook
    #[arg(long, value_name = "P", allow_negative_numbers = true,
          value_parser = usage::number::<f32>)]
    pub top_p: Option<f32>,

    /// Penalty on codes of the first codebook that were spoken before
    #[arg(long, value_name = "R", allow_negative_numbers = true,
          value_parser = usage::number::<f32>)]
    pub repetition_penalty: Option<f32>,

    /// Sampling temperature of the other codebooks, or 0 to choose their most likely codes
    #[arg(long, value_name = "T", allow_negative_numbers = true,
          value_parser = usage::number::<f32>)]
    pub subtalker_temperature: Option<f32>,

    /// Number of candidates for the other codebooks, or 0 for all
    #[arg(long, value_name = "K", allow_negative_numbers = true,
          value_parser = usage::whole::<usize>)]
    pub subtalker_top_k: Option<usize>,

    /// Probability mass of the candidates for the other codebooks
    #[arg(long, value_name = "P", allow_negative_numbers = true,
          value_parser = usage::number::<f32>)]
    pub subtalker_top_p: Option<f32>,

    /// Random seed; the same seed gives the same speech [default: drawn, and written to --stats]
    #[arg(long, value_name = "N", allow_negative_numbers = true,
          value_parser = usage::whole::<u64>)]
    pub seed: Option<u64>,
}

/// Flags of random sampling, which conflict with `--greedy`.
const RANDOM: [&str; 6] = [
    "temperature",
    "top_k",
    "top_p",
    "subtalker_temperature",
    "subtalker_top_k",
    "subtalker_top_p",
];
