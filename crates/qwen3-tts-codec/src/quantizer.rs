//! Dequantization of codes to the latent.

use qwen3_tts_config::DecoderConfig;
use qwen3_tts_nn::{Codebook, Device, Ids, Linear, Result, Tensor, Weights};

/// The decoding half of the reference's `SplitResidualVectorQuantizer`: one semantic codebook and
/// the acoustic codebooks, each part a sum of codewords with its own projection.
pub(crate) struct SplitResidualVectorQuantizer {
    rvq_first: ResidualVectorQuantizer,
    rvq_rest: ResidualVectorQuantizer,
    device: Device,
}

impl SplitResidualVectorQuantizer {
    /// The reference splits off one codebook and ignores `num_semantic_quantizers`.
    const N_SEMANTIC: usize = 1;

    pub(crate) fn load(config: &DecoderConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let load =
            |name: &str, n| ResidualVectorQuantizer::load(config, n, &weights.under(name), device);
        Ok(Self {
            rvq_first: load("rvq_first", Self::N_SEMANTIC)?,
            rvq_rest: load("rvq_rest", config.num_quantizers - Self::N_SEMANTIC)?,
            device: device.clone(),
        })
    }

    /// Decodes `n` frames of codes to `[1, n, codebook_dim]`.
    pub(crate) fn decode<F: AsRef<[u32]>>(&self, frames: &[F]) -> Tensor {
        let codebook = |i: usize| {
            let codes: Vec<u32> = frames.iter().map(|frame| frame.as_ref()[i]).collect();
            Ids::new(&codes, &self.device)
        };
        let n_rest = self.rvq_rest.codebooks.len();
        let first = self.rvq_first.decode((0..Self::N_SEMANTIC).map(codebook));
        let rest =
            self.rvq_rest.decode((Self::N_SEMANTIC..Self::N_SEMANTIC + n_rest).map(codebook));
        first.add(&rest)
    }
}

struct ResidualVectorQuantizer {
    codebooks: Vec<Codebook>,
    output_proj: Linear,
}

impl ResidualVectorQuantizer {
    fn load(
        config: &DecoderConfig,
        n_quantizers: usize,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self> {
        let dim = config.codebook_dim / 2;
        let layers = weights.under("vq.layers");
        let codebook = |i| {
            let weights = layers.under(i).under("_codebook");
            Codebook::load(&weights, "embedding_sum", config.codebook_size, dim, device)
        };
        let output_proj = weights.under("output_proj");
        Ok(Self {
            codebooks: (0..n_quantizers).map(codebook).collect::<Result<_>>()?,
            output_proj: Linear::load_pointwise(&output_proj, dim, config.codebook_dim, device)?,
        })
    }

    fn decode(&self, codes: impl Iterator<Item = Ids>) -> Tensor {
        let codewords = self.codebooks.iter().zip(codes).map(|(book, ids)| book.decode(&ids));
        let sum = codewords.reduce(|sum, codeword| sum.add(&codeword));
        self.output_proj.forward(&sum.expect("a quantizer has at least one codebook"))
    }
}
