"""Single operations of the official package: rotary embedding, and the sampling chain."""

from pathlib import Path

import torch
from qwen_tts.core.models.configuration_qwen3_tts import Qwen3TTSTalkerConfig
from qwen_tts.core.models.modeling_qwen3_tts import (
    Qwen3TTSTalkerRotaryEmbedding,
    apply_multimodal_rotary_pos_emb,
)
from transformers import GenerationConfig

import official
import tiny_checkpoint

normal = tiny_checkpoint.normal


def write(checkpoints, goldens):
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    write_mrope(goldens / "mrope")
    write_sampling(checkpoints, goldens / "sampling")


def write_mrope(path):
    """Writes q and k after the interleaved multimodal rotation, with three equal position rows."""
    tensors = {}
    positions = torch.tensor([0, 1, 2, 3, 7, 100, 1023, 8191, 32767])
    for head_dim, sections in ((128, [24, 20, 20]), (32, [6, 5, 5])):
        scaling = {"interleaved": True, "mrope_section": sections, "rope_type": "default"}
        config = Qwen3TTSTalkerConfig(
            hidden_size=256, num_attention_heads=2, head_dim=head_dim, rope_theta=1000000,
            rope_scaling=scaling, code_predictor_config={},
        )  # fmt: skip
        rotary = Qwen3TTSTalkerRotaryEmbedding(config)
        rows = positions.view(1, 1, -1).expand(3, 1, -1)
        query = normal(3, f"query {head_dim}", (1, 4, len(positions), head_dim))
        key = normal(3, f"key {head_dim}", (1, 2, len(positions), head_dim))
        cos, sin = rotary(query, rows)
        rotated = apply_multimodal_rotary_pos_emb(query, key, cos, sin, sections, True)
        # Stored as [positions, heads, head_dim].
        for name, value in zip(("query", "key", "query_rotated", "key_rotated"), (query, key, *rotated)):
            tensors[f"{name}_{head_dim}"] = value[0].transpose(0, 1)
    tensors["positions"] = positions
    tiny_checkpoint.save(tensors, path.with_suffix(".safetensors"))
    official.write_json(
        path.with_suffix(".json"), {"rope_theta": 1000000, "head_dims": [128, 32]}
    )


DEFAULT = dict(
    repetition_penalty=1.05, temperature=0.9, top_k=50, top_p=1.0, do_sample=True, history=[]
)

SETTINGS = {
    "published": {},
    "published_with_history": {"history": [3, 3, 7, 11, 63, 0, 9]},
    "greedy": {"do_sample": False, "history": [1, 2, 3]},
    "strong_penalty": {"repetition_penalty": 2.0, "history": list(range(0, 64, 3))},
    "no_penalty": {"repetition_penalty": 1.0, "history": [5, 6]},
    "cold": {"temperature": 0.3, "history": [4, 5]},
    "hot": {"temperature": 1.7, "top_k": 0, "history": [4, 5]},
    "top_k_one": {"top_k": 1, "history": [4, 5]},
    "top_k_five": {"top_k": 5, "history": [4, 5]},
    "top_k_beyond_vocabulary": {"top_k": 5000, "history": [4, 5]},
    "top_p_half": {"top_k": 0, "top_p": 0.5, "history": [4, 5]},
    "top_p_tiny": {"top_k": 0, "top_p": 0.01, "history": [4, 5]},
    "top_k_then_top_p": {"top_k": 20, "top_p": 0.8, "history": [4, 5, 40, 41]},
    "ties": {"top_k": 4, "history": [4, 5]},
    "ties_top_p": {"top_k": 0, "top_p": 0.4, "history": [4, 5]},
    "first_token": {"history": []},
    "second_token": {"history": [8]},
}


def write_sampling(checkpoints, path):
    """Writes raw logits, and log-probabilities after the whole chain (-inf for excluded tokens).

    The chain is that of the talker's `generate` for the same parameters.
    """
    talker = official.load(Path(checkpoints) / "custom_voice_0b6").model.talker
    vocab, eos = talker.config.vocab_size, talker.config.codec_eos_token_id
    suppressed = [token for token in range(vocab - 1024, vocab) if token != eos]
    tensors, settings = {}, {}
    for name, changed in SETTINGS.items():
        setting = DEFAULT | changed
        logits = normal(4, f"sampling {name}", (1, vocab), 3.0)
        logits[0, eos] = 4.0
        if name.startswith("ties"):
            logits = (logits / 2).round() * 2
        history = torch.tensor([setting["history"]], dtype=torch.long)
        chain = processors(talker, setting, suppressed, eos)
        scores = chain(history, logits.clone())
        tensors[f"{name}.logits"] = logits[0]
        tensors[f"{name}.log_probabilities"] = torch.log_softmax(scores, dim=-1)[0]
        settings[name] = setting | {"chain": [type(step).__name__ for step in chain]}
    tiny_checkpoint.save(tensors, path.with_suffix(".safetensors"))
    official.write_json(
        path.with_suffix(".json"),
        {
            "vocab_size": vocab,
            "codec_eos_token_id": eos,
            "suppressed_from": vocab - 1024,
            "min_new_tokens": 2,
            "settings": settings,
        },
    )


def processors(talker, setting, suppressed, eos):
    parameters = {key: value for key, value in setting.items() if key != "history"}
    config = GenerationConfig(
        **parameters,
        min_new_tokens=2,
        max_new_tokens=100,
        suppress_tokens=suppressed,
        eos_token_id=eos,
    )
    talker._prepare_special_tokens(config, kwargs_has_attention_mask=True, device="cpu")
    return talker._get_logits_processor(
        generation_config=config, input_ids_seq_length=0, device="cpu", model_kwargs={}
    )
