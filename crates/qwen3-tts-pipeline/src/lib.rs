//! Qwen3-TTS from a model directory to speech.
