//! Quantization of the latent to codes.

use qwen3_tts_config::EncoderConfig;
use qwen3_tts_nn::{Codebook, Device, Ids, Linear, Result, Tensor, Weights};

/// The encoding half of the reference's `MimiSplitResidualVectorQuantizer`. Both splits start
/// from the same latent. Only the codebooks in use are read.
pub(crate) struct SplitRvqEncoder {
    semantic: RvqEncoder,
    acoustic: RvqEncoder,
}

impl SplitRvqEncoder {
    pub(crate) fn load(
        config: &EncoderConfig,
        n_codebooks: usize,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self> {
        let load = |name: &str, n| {
            let name = format!("{name}_residual_vector_quantizer");
            RvqEncoder::load(config, n, &weights.under(name), device)
        };
        let n_semantic = config.num_semantic_quantizers.min(n_codebooks);
        Ok(Self {
            semantic: load("semantic", n_semantic)?,
            acoustic: load("acoustic", n_codebooks - n_semantic)?,
        })
    }

    /// Encodes `[1, n, hidden_size]` to `n` codes for each codebook.
    ///
    /// # Errors
    /// Returns an error if a projected latent is NaN or infinite: the nearest codeword would hide it.
    pub(crate) fn encode(&self, latent: &Tensor) -> Result<Vec<Ids>> {
        let mut codes = self.semantic.encode(latent)?;
        codes.extend(self.acoustic.encode(latent)?);
        Ok(codes)
    }
}

struct RvqEncoder {
    /// Present if the codebooks are narrower than the latent.
    input_proj: Option<Linear>,
    codebooks: Vec<Codebook>,
}

impl RvqEncoder {
    fn load(
        config: &EncoderConfig,
        n_codebooks: usize,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self> {
        let (hidden, dim) = (config.hidden_size, config.vector_quantization_hidden_dimension);
        let layers = weights.under("layers");
        let codebook = |i| {
            let weights = layers.under(i).under("codebook");
            Codebook::load(&weights, "embed_sum", config.codebook_size, config.codebook_dim, device)
        };
        let input_proj = weights.under("input_proj");
        Ok(Self {
            input_proj: match dim == hidden {
                true => None,
                false => Some(Linear::load_pointwise(&input_proj, hidden, dim, device)?),
            },
            codebooks: (0..n_codebooks).map(codebook).collect::<Result<_>>()?,
        })
    }

    /// Encodes the latent; each codebook encodes the residual of the ones before it.
    fn encode(&self, latent: &Tensor) -> Result<Vec<Ids>> {
        let mut residual = match &self.input_proj {
            Some(projection) => projection.forward(latent),
            None => latent.clone(),
        };
        residual.to_finite_vec("the projected latents")?;
        let mut encode = |codebook: &Codebook| {
            let codes = codebook.encode(&residual);
            residual = residual.sub(&codebook.decode(&codes));
            codes
        };
        Ok(self.codebooks.iter().map(&mut encode).collect())
    }
}
