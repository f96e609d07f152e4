//! Names, shapes and dtypes of the tensors of `model.safetensors`.

use super::kind::{Kind, Size};

/// Widths that differ between sizes, and those that do not.
const LAYERS: usize = 28;
const HEADS: usize = 16;
const KEY_VALUE_HEADS: usize = 8;
const HEAD_DIM: usize = 128;
const VOCABULARY: usize = 3072;
const TEXT_VOCABULARY: usize = 151_936;
const TEXT_HIDDEN: usize = 2048;
/// The code predictor has one size.
const PREDICTOR_LAYERS: usize = 5;
const PREDICTOR_HIDDEN: usize = 1024;
const PREDICTOR_INTERMEDIATE: usize = 3072;
const ENTRIES: usize = 2048;
const CODE_GROUPS: usize = 16;

/// Data type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dtype {
    /// bfloat16, the type of the model's weights.
    Bf16,
    /// float32, the type of the speech tokenizer's weights.
    F32,
}

impl Dtype {
    /// Returns the number of bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Self::Bf16 => 2,
            Self::F32 => 4,
        }
    }

    /// Returns the name in a safetensors header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::F32 => "F32",
        }
    }
}

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The published name.
    pub name: String,
    /// The published shape.
    pub shape: Vec<usize>,
    /// The published dtype.
    pub dtype: Dtype,
}

/// Collects tensors of one dtype under a prefix.
pub struct Tensors {
    dtype: Dtype,
    all: Vec<Tensor>,
}

impl Tensors {
    /// Creates an empty collection.
    pub fn new(dtype: Dtype) -> Self {
        Self { dtype, all: Vec::new() }
    }

    /// Adds a tensor.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.all.push(Tensor { name: name.into(), shape: shape.to_vec(), dtype: self.dtype });
    }

    /// Adds a weight and a bias as long as the weight's `biased` dimension.
    pub fn add_with_bias(&mut self, prefix: &str, shape: &[usize], biased: usize) {
        self.add(format!("{prefix}.weight"), shape);
        self.add(format!("{prefix}.bias"), &[shape[biased]]);
    }

    /// Returns the tensors, sorted by name.
    pub fn sorted(mut self) -> Vec<Tensor> {
        self.all.sort_by(|left, right| left.name.cmp(&right.name));
        self.all
    }
}

/// Returns the hidden and the intermediate size of the talker.
fn talker_widths(size: Size) -> (usize, usize) {
    match size {
        Size::Small => (1024, 3072),
        Size::Large => (2048, 6144),
    }
}

/// Returns the tensors of `model.safetensors`, sorted by name.
pub fn model(size: Size, kind: Kind) -> Vec<Tensor> {
    let (hidden, intermediate) = talker_widths(size);
    let mut tensors = Tensors::new(Dtype::Bf16);
    tensors.add("talker.model.text_embedding.weight", &[TEXT_VOCABULARY, TEXT_HIDDEN]);
    tensors.add("talker.model.codec_embedding.weight", &[VOCABULARY, hidden]);
    tensors.add("talker.codec_head.weight", &[VOCABULARY, hidden]);
    let projection = "talker.text_projection.linear_fc";
    tensors.add_with_bias(&format!("{projection}1"), &[TEXT_HIDDEN, TEXT_HIDDEN], 0);
    tensors.add_with_bias(&format!("{projection}2"), &[hidden, TEXT_HIDDEN], 0);
    transformer(&mut tensors, "talker.model", LAYERS, hidden, intermediate);
    code_predictor(&mut tensors, hidden);
    if kind == Kind::Base {
        speaker_encoder(&mut tensors, hidden);
    }
    tensors.sorted()
}

fn code_predictor(tensors: &mut Tensors, talker_hidden: usize) {
    let prefix = "talker.code_predictor";
    let (hidden, intermediate) = (PREDICTOR_HIDDEN, PREDICTOR_INTERMEDIATE);
    transformer(tensors, &format!("{prefix}.model"), PREDICTOR_LAYERS, hidden, intermediate);
    for group in 0..CODE_GROUPS - 1 {
        let embedding = format!("{prefix}.model.codec_embedding.{group}.weight");
        tensors.add(embedding, &[ENTRIES, talker_hidden]);
        tensors.add(format!("{prefix}.lm_head.{group}.weight"), &[ENTRIES, hidden]);
    }
    if talker_hidden != hidden {
        let projection = format!("{prefix}.small_to_mtp_projection");
        tensors.add_with_bias(&projection, &[hidden, talker_hidden], 0);
    }
}

fn transformer(tensors: &mut Tensors, prefix: &str, layers: usize, hidden: usize, wide: usize) {
    for layer in 0..layers {
        let layer = format!("{prefix}.layers.{layer}");
        let attention = format!("{layer}.self_attn");
        tensors.add(format!("{attention}.q_proj.weight"), &[HEADS * HEAD_DIM, hidden]);
        tensors.add(format!("{attention}.k_proj.weight"), &[KEY_VALUE_HEADS * HEAD_DIM, hidden]);
        tensors.add(format!("{attention}.v_proj.weight"), &[KEY_VALUE_HEADS * HEAD_DIM, hidden]);
        tensors.add(format!("{attention}.o_proj.weight"), &[hidden, HEADS * HEAD_DIM]);
        tensors.add(format!("{attention}.q_norm.weight"), &[HEAD_DIM]);
        tensors.add(format!("{attention}.k_norm.weight"), &[HEAD_DIM]);
        tensors.add(format!("{layer}.mlp.gate_proj.weight"), &[wide, hidden]);
        tensors.add(format!("{layer}.mlp.up_proj.weight"), &[wide, hidden]);
        tensors.add(format!("{layer}.mlp.down_proj.weight"), &[hidden, wide]);
        tensors.add(format!("{layer}.input_layernorm.weight"), &[hidden]);
        tensors.add(format!("{layer}.post_attention_layernorm.weight"), &[hidden]);
    }
    tensors.add(format!("{prefix}.norm.weight"), &[hidden]);
}

/// Adds ECAPA-TDNN: channels 512, three Res2Net blocks of scale 8, attentive statistics pooling.
fn speaker_encoder(tensors: &mut Tensors, hidden: usize) {
    let (mel, channels, pooled, attention) = (128, 512, 1536, 128);
    let mut conv = |name: &str, shape: [usize; 3]| {
        tensors.add_with_bias(&format!("speaker_encoder.{name}"), &shape, 0);
    };
    conv("blocks.0.conv", [channels, mel, 5]);
    for block in 1..4 {
        conv(&format!("blocks.{block}.tdnn1.conv"), [channels, channels, 1]);
        conv(&format!("blocks.{block}.tdnn2.conv"), [channels, channels, 1]);
        for part in 0..7 {
            let name = format!("blocks.{block}.res2net_block.blocks.{part}.conv");
            conv(&name, [channels / 8, channels / 8, 3]);
        }
        conv(&format!("blocks.{block}.se_block.conv1"), [attention, channels, 1]);
        conv(&format!("blocks.{block}.se_block.conv2"), [channels, attention, 1]);
    }
    conv("mfa.conv", [pooled, 3 * channels, 1]);
    conv("asp.tdnn.conv", [attention, 3 * pooled, 1]);
    conv("asp.conv", [pooled, attention, 1]);
    conv("fc", [hidden, 2 * pooled, 1]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL_CUSTOM_VOICE: u64 = 0xf0a8_4cc3_ef88_7a02;
    const SMALL_BASE: u64 = 0x0208_cf67_a68b_7360;
    const LARGE_CUSTOM_VOICE: u64 = 0x17c4_0c7c_8e7a_fc21;
    const SPEECH: u64 = 0x7d60_cf71_5abc_f616;

    /// Returns the number of bytes of tensor data.
    fn bytes(tensors: &[Tensor]) -> usize {
        let size = |tensor: &Tensor| tensor.shape.iter().product::<usize>() * tensor.dtype.size();
        tensors.iter().map(size).sum()
    }

    /// Returns the FNV-1a hash of `name dtype shape` lines, which identifies a list of tensors.
    fn digest(tensors: &[Tensor]) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for Tensor { name, shape, dtype } in tensors {
            for byte in format!("{name}\t{}\t{shape:?}\n", dtype.name()).bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        hash
    }

    /// Asserts that the tensors fit a published file size; its header is a fraction of a percent.
    fn assert_size(tensors: &[Tensor], published: usize) {
        let bytes = bytes(tensors);
        let header = published.checked_sub(bytes).expect("no more data than the published file");
        assert!(header < 200_000, "{header} bytes of header");
    }

    #[test]
    fn sizes_are_the_published_ones() {
        assert_size(&model(Size::Small, Kind::CustomVoice), 1_811_626_576);
        assert_size(&model(Size::Small, Kind::Base), 1_829_344_272);
        assert_size(&model(Size::Large, Kind::VoiceDesign), 3_833_402_552);
        assert_size(&model(Size::Large, Kind::Base), 3_857_413_744);
        assert_size(&crate::checkpoint::speech::tensors(), 682_293_092);
    }

    /// The expected digests come from the tensor lists of the published checkpoints.
    #[test]
    fn names_and_shapes_are_the_published_ones() {
        assert_eq!(digest(&model(Size::Small, Kind::CustomVoice)), SMALL_CUSTOM_VOICE);
        assert_eq!(digest(&model(Size::Small, Kind::Base)), SMALL_BASE);
        assert_eq!(digest(&model(Size::Large, Kind::CustomVoice)), LARGE_CUSTOM_VOICE);
        assert_eq!(digest(&crate::checkpoint::speech::tensors()), SPEECH);
    }
}
