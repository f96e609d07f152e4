//! Typed, validated configuration of Qwen3-TTS checkpoints.
