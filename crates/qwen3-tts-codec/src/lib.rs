//! Qwen3-TTS speech tokenizer: speech codes to 24 kHz audio.
