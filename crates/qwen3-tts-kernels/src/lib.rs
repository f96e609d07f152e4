//! CPU kernels of the Qwen3-TTS engine: raw slices in, slices out.
