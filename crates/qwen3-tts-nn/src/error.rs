//! Errors of loading weights and of reading results back.

use std::path::PathBuf;

use qwen3_tts_files::{MissingFile, WrongFile};

/// A specialised [`Result`](std::result::Result).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why weights could not be loaded, or why a computation gave no usable result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or mapped.
    #[error("{}: cannot read the weights: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A file is not in the format that its name implies.
    #[error("{file}: not a valid weights file ({reason}); fetch it again")]
    Malformed {
        /// The file.
        file: String,
        /// The defect.
        reason: String,
    },
    /// A file is missing, and the files beside it tell why.
    #[error("{} is missing: {reason}", path.display())]
    MissingFile {
        /// The file.
        path: PathBuf,
        /// Reason, from the files beside it.
        reason: MissingFile,
    },
    /// A file is of another kind than its name says, or incomplete.
    #[error("{file}: {source}")]
    WrongFile {
        /// The file.
        file: String,
        /// Kind of the file.
        source: WrongFile,
    },
    /// A tensor that the model needs is missing.
    #[error("{file}: tensor `{name}` is missing (expected shape {expected:?})")]
    MissingTensor {
        /// The file or directory.
        file: String,
        /// The tensor's full name.
        name: String,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the configuration implies.
    #[error(
        "{file}: tensor `{name}` has shape {found:?}, but config.json asks for {expected:?}; \
         do the weights and config.json belong together?"
    )]
    TensorShape {
        /// The file or directory.
        file: String,
        /// The tensor's full name.
        name: String,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor has a data type that the engine does not compute with.
    #[error("{file}: tensor `{name}` has dtype {found}, expected {expected}")]
    TensorDtype {
        /// The file or directory.
        file: String,
        /// The tensor's full name.
        name: String,
        /// The data types that are supported.
        expected: String,
        /// The data type in the file.
        found: String,
    },
    /// A tensor has a value that is NaN or infinite.
    #[error(
        "{file}: tensor `{name}` has {value} at index {index}, expected finite numbers: the file \
         is damaged; fetch it again"
    )]
    NonFiniteTensor {
        /// The file or directory.
        file: String,
        /// The tensor's full name.
        name: String,
        /// Index of the first such value, in the order of the file.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A tensor of a quantised layer does not have the shape that the configuration implies.
    #[error(
        "{file}: tensor `{name}` of a quantised layer has shape {found:?}, but config.json asks \
         for {expected}; do the weights and config.json belong together?"
    )]
    QuantizedShape {
        /// The file or directory.
        file: String,
        /// The tensor's full name.
        name: String,
        /// The shapes that are possible.
        expected: String,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A layer is to be quantised to other bits than those that the checkpoint stores.
    #[error(
        "{file}: tensor `{name}` is quantised to {found} bits already, and can't be quantised to \
         {expected}: load it as it is, or take the checkpoint that it was made from"
    )]
    QuantizedAlready {
        /// The file or directory.
        file: String,
        /// The tensor's full name.
        name: String,
        /// The requested bits.
        expected: usize,
        /// The bits in the file.
        found: usize,
    },
    /// The file has tensors that the model does not know.
    #[error(
        "{file}: {count} tensors do not belong to this model, the first is `{name}`; \
         is config.json that of another checkpoint?"
    )]
    UnknownTensors {
        /// The file or directory.
        file: String,
        /// The first of them, in order of name.
        name: String,
        /// Number of such tensors.
        count: usize,
    },
    /// The requested device is not available.
    #[error("device `{device}` is not available: {reason}; use the device `cpu`")]
    DeviceMissing {
        /// The device.
        device: &'static str,
        /// The reason, and what to do about it.
        reason: String,
    },
    /// A computation gave NaN or an infinity.
    #[error("{what} are not finite numbers: the weights are damaged; fetch them again")]
    NonFinite {
        /// Name of the values.
        what: &'static str,
    },
}
