//! Goldens, tolerances and tiny checkpoints for the tests of Qwen3-TTS.
