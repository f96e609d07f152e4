//! The `qwen3-tts` command.

fn main() {}
