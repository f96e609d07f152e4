//! Names and shapes of the tensors of `speech_tokenizer/model.safetensors`.

use super::layout::{Dtype, Tensor, Tensors};

const ENTRIES: usize = 2048;
const QUANTIZERS: usize = 16;
const ENCODER_QUANTIZERS: usize = 32;
/// Size of a codeword, and of the quantiser's output.
const CODEWORD: usize = 256;
const CODEBOOK: usize = 512;
const LATENT: usize = 1024;
const HIDDEN: usize = 512;
const LAYERS: usize = 8;
const DECODER: usize = 1536;
const UPSAMPLE_RATES: [usize; 4] = [8, 5, 4, 3];

/// Returns the tensors, sorted by name.
pub fn tensors() -> Vec<Tensor> {
    let mut tensors = Tensors::new(Dtype::F32);
    decoder_quantizer(&mut tensors);
    tensors.add_with_bias("decoder.pre_conv.conv", &[LATENT, CODEBOOK, 3], 0);
    pre_transformer(&mut tensors);
    for stage in 0..2 {
        upsample(&mut tensors, &format!("decoder.upsample.{stage}"));
    }
    decoder_blocks(&mut tensors);
    encoder_convolutions(&mut tensors);
    encoder_transformer(&mut tensors);
    encoder_quantizer(&mut tensors);
    tensors.sorted()
}

fn decoder_quantizer(tensors: &mut Tensors) {
    for (part, layers) in [("rvq_first", 1), ("rvq_rest", QUANTIZERS - 1)] {
        let prefix = format!("decoder.quantizer.{part}");
        tensors.add(format!("{prefix}.input_proj.weight"), &[CODEWORD, CODEBOOK, 1]);
        tensors.add(format!("{prefix}.output_proj.weight"), &[CODEBOOK, CODEWORD, 1]);
        for layer in 0..layers {
            let book = format!("{prefix}.vq.layers.{layer}._codebook");
            tensors.add(format!("{book}.cluster_usage"), &[ENTRIES]);
            tensors.add(format!("{book}.embedding_sum"), &[ENTRIES, CODEWORD]);
        }
    }
}

fn pre_transformer(tensors: &mut Tensors) {
    let (heads, head_dim, intermediate) = (16, 64, 1024);
    let prefix = "decoder.pre_transformer";
    tensors.add_with_bias(&format!("{prefix}.input_proj"), &[HIDDEN, LATENT], 0);
    tensors.add_with_bias(&format!("{prefix}.output_proj"), &[LATENT, HIDDEN], 0);
    tensors.add(format!("{prefix}.norm.weight"), &[HIDDEN]);
    for layer in 0..LAYERS {
        let layer = format!("{prefix}.layers.{layer}");
        attention(tensors, &layer, heads * head_dim);
        tensors.add(format!("{layer}.mlp.gate_proj.weight"), &[intermediate, HIDDEN]);
        tensors.add(format!("{layer}.mlp.up_proj.weight"), &[intermediate, HIDDEN]);
        tensors.add(format!("{layer}.mlp.down_proj.weight"), &[HIDDEN, intermediate]);
        tensors.add(format!("{layer}.input_layernorm.weight"), &[HIDDEN]);
        tensors.add(format!("{layer}.post_attention_layernorm.weight"), &[HIDDEN]);
    }
}

/// Adds projections and layer scales, which both transformers have.
fn attention(tensors: &mut Tensors, layer: &str, width: usize) {
    for name in ["q_proj", "k_proj", "v_proj"] {
        tensors.add(format!("{layer}.self_attn.{name}.weight"), &[width, HIDDEN]);
    }
    tensors.add(format!("{layer}.self_attn.o_proj.weight"), &[HIDDEN, width]);
    tensors.add(format!("{layer}.self_attn_layer_scale.scale"), &[HIDDEN]);
    tensors.add(format!("{layer}.mlp_layer_scale.scale"), &[HIDDEN]);
}

/// Adds a transposed convolution of stride 2 and a ConvNeXt block.
fn upsample(tensors: &mut Tensors, prefix: &str) {
    tensors.add_with_bias(&format!("{prefix}.0.conv"), &[LATENT, LATENT, 2], 1);
    tensors.add_with_bias(&format!("{prefix}.1.dwconv.conv"), &[LATENT, 1, 7], 0);
    tensors.add_with_bias(&format!("{prefix}.1.norm"), &[LATENT], 0);
    tensors.add_with_bias(&format!("{prefix}.1.pwconv1"), &[4 * LATENT, LATENT], 0);
    tensors.add_with_bias(&format!("{prefix}.1.pwconv2"), &[LATENT, 4 * LATENT], 0);
    tensors.add(format!("{prefix}.1.gamma"), &[LATENT]);
}

fn decoder_blocks(tensors: &mut Tensors) {
    tensors.add_with_bias("decoder.decoder.0.conv", &[DECODER, LATENT, 7], 0);
    let mut width = DECODER;
    for (index, rate) in UPSAMPLE_RATES.into_iter().enumerate() {
        let block = format!("decoder.decoder.{}.block", index + 1);
        snake(tensors, &format!("{block}.0"), width);
        tensors.add_with_bias(&format!("{block}.1.conv"), &[width, width / 2, 2 * rate], 1);
        width /= 2;
        for unit in 2..5 {
            let unit = format!("{block}.{unit}");
            snake(tensors, &format!("{unit}.act1"), width);
            snake(tensors, &format!("{unit}.act2"), width);
            tensors.add_with_bias(&format!("{unit}.conv1.conv"), &[width, width, 7], 0);
            tensors.add_with_bias(&format!("{unit}.conv2.conv"), &[width, width, 1], 0);
        }
    }
    snake(tensors, "decoder.decoder.5", width);
    tensors.add_with_bias("decoder.decoder.6.conv", &[1, width, 7], 0);
}

fn snake(tensors: &mut Tensors, prefix: &str, width: usize) {
    tensors.add(format!("{prefix}.alpha"), &[width]);
    tensors.add(format!("{prefix}.beta"), &[width]);
}

/// Adds SEANet: a residual block and a strided convolution per ratio, with activations between.
fn encoder_convolutions(tensors: &mut Tensors) {
    let prefix = "encoder.encoder.layers";
    let mut width = 64;
    tensors.add_with_bias(&format!("{prefix}.0.conv"), &[width, 1, 7], 0);
    for (index, ratio) in [4, 5, 6, 8].into_iter().enumerate() {
        let residual = format!("{prefix}.{}.block", 3 * index + 1);
        tensors.add_with_bias(&format!("{residual}.1.conv"), &[width / 2, width, 3], 0);
        tensors.add_with_bias(&format!("{residual}.3.conv"), &[width, width / 2, 1], 0);
        let strided = format!("{prefix}.{}.conv", 3 * index + 3);
        tensors.add_with_bias(&strided, &[2 * width, width, 2 * ratio], 0);
        width *= 2;
    }
    tensors.add_with_bias(&format!("{prefix}.14.conv"), &[HIDDEN, width, 3], 0);
    tensors.add("encoder.downsample.conv.weight", &[HIDDEN, HIDDEN, 4]);
}

fn encoder_transformer(tensors: &mut Tensors) {
    let intermediate = 2048;
    for layer in 0..LAYERS {
        let layer = format!("encoder.encoder_transformer.layers.{layer}");
        attention(tensors, &layer, HIDDEN);
        tensors.add(format!("{layer}.mlp.fc1.weight"), &[intermediate, HIDDEN]);
        tensors.add(format!("{layer}.mlp.fc2.weight"), &[HIDDEN, intermediate]);
        tensors.add_with_bias(&format!("{layer}.input_layernorm"), &[HIDDEN], 0);
        tensors.add_with_bias(&format!("{layer}.post_attention_layernorm"), &[HIDDEN], 0);
    }
}

fn encoder_quantizer(tensors: &mut Tensors) {
    for (part, layers) in [("semantic", 1), ("acoustic", ENCODER_QUANTIZERS - 1)] {
        let prefix = format!("encoder.quantizer.{part}_residual_vector_quantizer");
        tensors.add(format!("{prefix}.input_proj.weight"), &[CODEWORD, HIDDEN, 1]);
        tensors.add(format!("{prefix}.output_proj.weight"), &[HIDDEN, CODEWORD, 1]);
        for layer in 0..layers {
            let book = format!("{prefix}.layers.{layer}.codebook");
            tensors.add(format!("{book}.cluster_usage"), &[ENTRIES]);
            tensors.add(format!("{book}.embed_sum"), &[ENTRIES, CODEWORD]);
            tensors.add(format!("{book}.initialized"), &[1]);
        }
    }
}
