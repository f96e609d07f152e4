#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod audio_file;
mod error;
mod fields;
mod model;
mod notifier;
mod options;
mod output;
mod process;
mod recording;
mod stream;
mod text;
mod voice;
mod wait;

/// The native half of the package `qwen3_tts`. Use the classes of the package.
#[pyo3::pymodule]
mod _native {
    /// Version of the package.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use crate::audio_file::{AudioFile, formats};
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::recording::Recording;
    #[pymodule_export]
    use crate::stream::Stream;
    #[pymodule_export]
    use crate::text::Text;
    #[pymodule_export]
    use crate::voice::Voice;
}
