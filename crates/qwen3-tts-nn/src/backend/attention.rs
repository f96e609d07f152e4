//! Arguments of the attention operations.

use qwen3_tts_kernels::KvType;

use super::rope::RopePositions;

/// The sizes of an attention operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionSpec {
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Channels of a head.
    pub head_dim: usize,
    /// Largest number of keys that a query attends to, its own included; `None` for no limit.
    pub window: Option<usize>,
    /// Data type of cached keys and values on the CPU.
    pub kv_type: KvType,
}

/// The part of a batched step that belongs to one sequence, with its cache of type `C`.
pub(crate) struct Span<'a, C> {
    /// The rotations of the sequence's rows.
    pub positions: &'a RopePositions,
    /// Keys and values of the earlier rows.
    pub cache: &'a mut C,
}
