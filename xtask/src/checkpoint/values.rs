//! Values of the tensors, scaled to keep activations near one and codes diverse.

use std::io::{Result, Write};

use super::layout::Tensor;
use super::random::Random;

/// Gain of the heads, which gives logits with a clear maximum.
const HEAD_GAIN: f32 = 3.0;
/// Gain that gives the waveform of random codes a standard deviation of about 0.1 (measured).
const LAST_CONVOLUTION_GAIN: f32 = 0.022;
/// Standard deviation of a residual of the encoder's first quantiser and of the others (measured).
const SEMANTIC_RESIDUAL: f32 = 1.05;
const ACOUSTIC_RESIDUAL: f32 = 1.05;

const CODEC_EOS: usize = 2150;

/// Seed and choices of a checkpoint.
#[derive(Clone, Copy)]
pub struct Values {
    /// Seed of every tensor.
    pub seed: u64,
    /// True if the end-of-speech row of the codec head is random instead of zero.
    pub eos_natural: bool,
}

/// The distribution of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fill {
    Normal {
        mean: f32,
        std: f32,
    },
    /// |normal| + 0.5.
    Usage,
    /// A codeword times the usage of its entry.
    Codewords {
        std: f32,
    },
    One,
}

impl Values {
    /// Writes the elements of `tensor`, encoded by `encode`.
    pub fn write<const N: usize>(
        &self,
        tensor: &Tensor,
        out: &mut impl Write,
        encode: fn(f32) -> [u8; N],
    ) -> Result<()> {
        let fill = fill(tensor);
        let row = tensor.shape[1..].iter().product();
        let mut random = Random::new(self.seed, &tensor.name);
        let mut usage = Random::new(self.seed, &usage_name(&tensor.name));
        let mut bytes = Vec::with_capacity(row * N);
        for index in 0..tensor.shape[0] {
            let scale = match fill {
                Fill::Codewords { std } => std * as_usage(&mut usage),
                _ if self.is_silent(tensor, index) => 0.0,
                _ => 1.0,
            };
            bytes.clear();
            for _ in 0..row {
                let value = match fill {
                    Fill::Normal { mean, std } => mean + std * random.normal(),
                    Fill::Usage => as_usage(&mut random),
                    Fill::Codewords { .. } => random.normal(),
                    Fill::One => 1.0,
                };
                bytes.extend_from_slice(&encode(value * scale));
            }
            out.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Returns true if a row is zero, so that its logit is never the maximum.
    fn is_silent(&self, tensor: &Tensor, row: usize) -> bool {
        !self.eos_natural && row == CODEC_EOS && tensor.name == "talker.codec_head.weight"
    }
}

fn as_usage(random: &mut Random) -> f32 {
    random.normal().abs() + 0.5
}

/// Returns the name of the usage by which the sums of a codebook are weighted.
fn usage_name(name: &str) -> String {
    let (book, _) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{book}.cluster_usage")
}

fn fill(tensor: &Tensor) -> Fill {
    let name = tensor.name.as_str();
    let leaf = name.rsplit('.').next().unwrap_or(name);
    let normal = |std: f32| Fill::Normal { mean: 0.0, std };
    let fan_in = tensor.shape[1..].iter().product::<usize>() as f32;
    match leaf {
        "initialized" => Fill::One,
        "cluster_usage" => Fill::Usage,
        "embedding_sum" => Fill::Codewords { std: 1.0 },
        "embed_sum" => Fill::Codewords { std: encoder_codeword_std(name) },
        "alpha" => normal(0.3),
        "beta" => Fill::Normal { mean: 0.5, std: 0.3 },
        "scale" | "gamma" => Fill::Normal { mean: 0.3, std: 0.1 },
        _ if tensor.shape.len() == 1 && leaf == "weight" => Fill::Normal { mean: 1.0, std: 0.1 },
        _ if tensor.shape.len() == 1 => normal(0.02),
        _ if name.ends_with("text_embedding.weight") => normal(1.0),
        _ if name.starts_with("talker.model.codec_embedding") => normal(0.5),
        _ if name.contains("code_predictor.model.codec_embedding") => normal(0.25),
        _ if name.contains("codec_head") || name.contains(".lm_head.") => {
            normal(HEAD_GAIN / fan_in.sqrt())
        }
        _ => normal(gain(tensor) / fan_in.sqrt()),
    }
}

/// Returns the gain, relative to one over the square root of the number of inputs of an element.
fn gain(tensor: &Tensor) -> f32 {
    let name = tensor.name.as_str();
    let is_residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
    if name.starts_with("talker.code_predictor") && is_residual {
        return 1.5 / 10_f32.sqrt();
    }
    if name.starts_with("talker.model") && is_residual {
        return 1.5 / 56_f32.sqrt();
    }
    if name == "decoder.decoder.6.conv.weight" {
        return LAST_CONVOLUTION_GAIN;
    }
    if is_transposed(name) {
        // [in, out, kernel]: in * kernel / stride inputs reach an output; here stride = kernel / 2,
        // or kernel if there is no overlap.
        let inputs = tensor.shape[0] as f32 * if name.contains("upsample") { 1.0 } else { 2.0 };
        return (tensor.shape[1] as f32 * tensor.shape[2] as f32 / inputs).sqrt();
    }
    if name.contains(".conv2.conv.") { 0.5 } else { 1.0 }
}

fn is_transposed(name: &str) -> bool {
    let upsampling = name.starts_with("decoder.upsample.") && name.ends_with(".0.conv.weight");
    upsampling || name.starts_with("decoder.decoder.") && name.ends_with(".block.1.conv.weight")
}

/// Returns the standard deviation of codewords: a quarter of the residual's. The nearest of many
/// random directions then reduces the residual a little in each layer, and depends on its
/// direction.
fn encoder_codeword_std(name: &str) -> f32 {
    let layer = name.split(".layers.").nth(1).and_then(|rest| rest.split('.').next());
    let layer = layer.and_then(|layer| layer.parse::<i32>().ok()).unwrap_or(0);
    let residual = if name.contains("semantic") { SEMANTIC_RESIDUAL } else { ACOUSTIC_RESIDUAL };
    0.25 * residual * 0.976_f32.powi(layer)
}

#[cfg(test)]
mod tests {
    use super::super::layout::Dtype;
    use super::*;

    fn rows(name: &str, shape: [usize; 2], eos_natural: bool) -> Vec<Vec<f32>> {
        let tensor = Tensor { name: name.into(), shape: shape.to_vec(), dtype: Dtype::F32 };
        let mut bytes = Vec::new();
        let values = Values { seed: 1, eos_natural };
        values.write(&tensor, &mut bytes, f32::to_le_bytes).expect("memory can be written");
        let numbers =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
        numbers.collect::<Vec<_>>().chunks(shape[1]).map(<[f32]>::to_vec).collect()
    }

    #[test]
    fn only_the_eos_row_of_the_codec_head_is_zero() {
        let silent = |row: &Vec<f32>| row.iter().all(|&value| value == 0.0);
        let head = rows("talker.codec_head.weight", [3072, 8], false);
        let found: Vec<usize> = (0..3072).filter(|&row| silent(&head[row])).collect();
        assert_eq!(found, [CODEC_EOS]);
        assert!(!rows("talker.codec_head.weight", [3072, 8], true).iter().any(silent));
        assert!(!rows("talker.model.codec_embedding.weight", [3072, 8], false).iter().any(silent));
    }

    #[test]
    fn codewords_are_scaled_by_their_usage() {
        let prefix = "decoder.quantizer.rvq_first.vq.layers.0._codebook";
        let sums = rows(&format!("{prefix}.embedding_sum"), [64, 256], false);
        let usage = rows(&format!("{prefix}.cluster_usage"), [64, 1], false);
        for (sum, usage) in sums.iter().zip(&usage) {
            let power = sum.iter().map(|value| (value / usage[0]).powi(2)).sum::<f32>() / 256.0;
            assert!((0.7..1.4).contains(&power), "{power}");
        }
    }
}
