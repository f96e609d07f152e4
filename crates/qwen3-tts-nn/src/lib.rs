//! Tensor, layers, state and weights for Qwen3-TTS models.
