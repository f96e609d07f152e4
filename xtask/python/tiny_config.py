"""Configurations of the tiny checkpoints: every field of the published files, with small numbers.

Sizes that a port could confuse differ here: heads x head_dim is not the hidden size, the code
predictor has fewer layers than the talker, codebook, latent, hidden and decoder sizes of the speech
tokenizer differ, and its attention window (16 frames) is shorter than every golden.
"""

ENTRIES = 64  # codes per codebook; the last 1024 ids of the talker's vocabulary are its controls
CODE_GROUPS = 16
PUBLISHED_ENTRIES = 2048

LANGUAGES = {
    "chinese": 2055, "english": 2050, "german": 2053, "italian": 2070, "portuguese": 2071,
    "spanish": 2054, "japanese": 2058, "korean": 2064, "french": 2061, "russian": 2069,
}  # fmt: skip
DIALECTS = {"beijing_dialect": 2074, "sichuan_dialect": 2062}
SPEAKERS = {
    "serena": 3066, "vivian": 3065, "uncle_fu": 3010, "ryan": 3061, "aiden": 2861,
    "ono_anna": 2873, "sohee": 2864, "eric": 2875, "dylan": 2878,
}  # fmt: skip
SPEAKER_DIALECTS = {"eric": "sichuan_dialect", "dylan": "beijing_dialect"}
HIDDEN = {"0b6": 64, "1b7": 96}
SPEAKER_ENCODER = {
    "enc_channels": [16, 16, 16, 16, 48], "enc_kernel_sizes": [5, 3, 3, 3, 1],
    "enc_dilations": [1, 2, 3, 4, 1], "enc_res2net_scale": 8, "enc_attention_channels": 10,
    "enc_se_channels": 6,
}  # fmt: skip


def control(published_id):
    """Returns the id of a control token, at its published distance from the end of the codes."""
    return published_id - PUBLISHED_ENTRIES + ENTRIES


def model(kind, size, tokenizer):
    """Returns config.json of `kind` (custom_voice, voice_design, base) and `size` (0b6, 1b7)."""
    config = {
        "architectures": ["Qwen3TTSForConditionalGeneration"],
        "assistant_token_id": tokenizer.token("assistant"),
        "im_end_token_id": tokenizer.special("<|im_end|>"),
        "im_start_token_id": tokenizer.special("<|im_start|>"),
        "tts_bos_token_id": tokenizer.special("<tts_text_bos>"),
        "tts_eos_token_id": tokenizer.special("<tts_text_eod>"),
        "tts_pad_token_id": tokenizer.special("<tts_pad>"),
        "model_type": "qwen3_tts",
        "tokenizer_type": "qwen3_tts_tokenizer_12hz",
        "tts_model_size": size,
        "tts_model_type": kind,
        "talker_config": talker(kind, size, tokenizer),
        "transformers_version": "4.57.3",
    }
    if kind == "base":
        vector = {"enc_dim": HIDDEN[size], "sample_rate": 24000}
        config["speaker_encoder_config"] = vector | SPEAKER_ENCODER
    return config


def talker(kind, size, tokenizer):
    preset_voices = kind == "custom_voice"
    languages = LANGUAGES | (DIALECTS if preset_voices else {})
    speakers = SPEAKERS if preset_voices else {}
    return {
        "attention_bias": False,
        "attention_dropout": 0,
        "code_predictor_config": code_predictor(),
        "codec_bos_id": control(2149),
        "codec_eos_token_id": control(2150),
        "codec_think_id": control(2154),
        "codec_language_id": {name: control(id) for name, id in languages.items()},
        "codec_nothink_id": control(2155),
        "codec_pad_id": control(2148),
        "codec_think_bos_id": control(2156),
        "codec_think_eos_id": control(2157),
        "spk_id": {name: control(id) for name, id in speakers.items()},
        "spk_is_dialect": {name: SPEAKER_DIALECTS.get(name, False) for name in speakers},
        "head_dim": 32,
        "hidden_act": "silu",
        "hidden_size": HIDDEN[size],
        "initializer_range": 0.02,
        "intermediate_size": 128,
        "max_position_embeddings": 32768,
        "model_type": "qwen3_tts_talker",
        "num_attention_heads": 4,
        "num_code_groups": CODE_GROUPS,
        "num_hidden_layers": 3,
        "num_key_value_heads": 2,
        "position_id_per_seconds": 13,
        "rms_norm_eps": 1e-06,
        "rope_scaling": {
            "interleaved": True,
            "mrope_section": [6, 5, 5],
            "rope_type": "default",
            "type": "default",
        },
        "rope_theta": 1000000,
        "sliding_window": None,
        "text_hidden_size": 80,
        "text_vocab_size": -(-tokenizer.size // 64) * 64,
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": ENTRIES + 1024,
        "pad_token_id": control(2148),
    }


def code_predictor():
    layers = 2
    return {
        "attention_bias": False,
        "attention_dropout": 0,
        "head_dim": 32,
        "hidden_act": "silu",
        "hidden_size": 64,
        "initializer_range": 0.02,
        "intermediate_size": 96,
        "layer_types": ["full_attention"] * layers,
        "max_position_embeddings": 65536,
        "max_window_layers": 28,
        "model_type": "qwen3_tts_talker_code_predictor",
        "num_attention_heads": 4,
        "num_code_groups": CODE_GROUPS,
        "num_hidden_layers": layers,
        "num_key_value_heads": 2,
        "pad_token_id": None,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": ENTRIES,
    }


def generation(max_new_tokens=8192):
    return {
        "do_sample": True,
        "repetition_penalty": 1.05,
        "temperature": 0.9,
        "top_p": 1.0,
        "top_k": 50,
        "subtalker_dosample": True,
        "subtalker_temperature": 0.9,
        "subtalker_top_p": 1.0,
        "subtalker_top_k": 50,
        "max_new_tokens": max_new_tokens,
    }


PREPROCESSOR = {
    "padding_side": "left",
    "padding_value": 0.0,
    "processor_class": "Qwen3TTSProcessor",
    "return_attention_mask": True,
}

SPEECH_TOKENIZER = {
    "architectures": ["Qwen3TTSTokenizerV2Model"],
    "model_type": "qwen3_tts_tokenizer_12hz",
    "encoder_valid_num_quantizers": 16,
    "input_sample_rate": 24000,
    "output_sample_rate": 24000,
    "decode_upsample_rate": 1920,
    "encode_downsample_rate": 1920,
    "decoder_config": {
        "attention_bias": False,
        "attention_dropout": 0.0,
        "latent_dim": 24,
        "codebook_dim": 32,
        "codebook_size": ENTRIES,
        "decoder_dim": 48,
        "hidden_act": "silu",
        "hidden_size": 32,
        "intermediate_size": 56,
        "layer_scale_initial_scale": 0.01,
        "max_position_embeddings": 8000,
        "head_dim": 16,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "num_key_value_heads": 4,
        "num_quantizers": CODE_GROUPS,
        "num_semantic_quantizers": 1,
        "rms_norm_eps": 1e-05,
        "rope_theta": 10000,
        "semantic_codebook_size": 2 * ENTRIES,
        "sliding_window": 16,
        "upsample_rates": [8, 5, 4, 3],
        "upsampling_ratios": [2, 2],
        "vector_quantization_hidden_dimension": 32,
    },
    "encoder_config": {
        "_frame_rate": 12.5,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "audio_channels": 1,
        "codebook_dim": 16,
        "codebook_size": ENTRIES,
        "compress": 2,
        "dilation_growth_rate": 2,
        "dtype": "float32",
        "head_dim": 8,
        "hidden_act": "gelu",
        "hidden_size": 24,
        "initializer_range": 0.02,
        "intermediate_size": 48,
        "kernel_size": 7,
        "last_kernel_size": 3,
        "layer_scale_initial_scale": 0.01,
        "max_position_embeddings": 8000,
        "norm_eps": 1e-05,
        "normalize": False,
        "num_attention_heads": 3,
        "num_filters": 2,
        "num_hidden_layers": 2,
        "num_key_value_heads": 3,
        "num_quantizers": 32,
        "num_residual_layers": 1,
        "num_semantic_quantizers": 1,
        "pad_mode": "constant",
        "residual_kernel_size": 3,
        "rope_theta": 10000.0,
        "sampling_rate": 24000,
        "sliding_window": 20,
        "transformers_version": "4.57.0.dev0",
        "trim_right_ratio": 1.0,
        "upsample_groups": 24,
        "upsampling_ratios": [8, 6, 5, 4],
        "use_cache": False,
        "use_causal_conv": True,
        "use_conv_shortcut": False,
        "use_streaming": False,
        "vector_quantization_hidden_dimension": 16,
    },
    "transformers_version": "4.57.3",
}

SPEECH_CONFIGURATION = {"framework": "pytorch", "task": "feature-extraction", "allow_remote": True}

SPEECH_PREPROCESSOR = {
    "chunk_length_s": None,
    "feature_extractor_type": "EncodecFeatureExtractor",
    "feature_size": 1,
    "overlap": None,
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": True,
    "sampling_rate": 24000,
}


def with_another_block(speech_tokenizer):
    """The same with a decoder that has one more block, which doubles the sample rate."""
    decoder = speech_tokenizer["decoder_config"]
    return speech_tokenizer | {
        "output_sample_rate": 2 * speech_tokenizer["output_sample_rate"],
        "decode_upsample_rate": 2 * speech_tokenizer["decode_upsample_rate"],
        # Each block halves the channels.
        "decoder_config": decoder
        | {"decoder_dim": 32, "upsample_rates": decoder["upsample_rates"] + [2]},
    }
