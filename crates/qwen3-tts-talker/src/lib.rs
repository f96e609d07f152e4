//! Qwen3-TTS talker and code predictor: text tokens to speech codes.
