//! The data type of activations.

/// The data type of activations, on a device that offers a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// float32, whatever the data type of the weights: results equal the CPU's except for rounding.
    #[default]
    Float32,
    /// The data type of the checkpoint's embeddings, usually bf16, which halves memory traffic. An
    /// embedding has the data type of its table, and the other operand of an operation is converted
    /// to it. Norms and softmax compute in float32 internally; sampling reads logits in float32.
    Checkpoint,
}
