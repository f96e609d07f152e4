"""Jobs of many texts: everything about them but the machines. ``qwen3_tts.ray`` spreads them."""
