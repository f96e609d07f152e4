"""Writes the trained voice as a checkpoint in the published layout.

With `base/config.json` in place of `config.json`, the same weights are a checkpoint that clones.
"""

import json
import sys
from pathlib import Path

import torch
from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import (
    Qwen3TTSTokenizerV2Config,
)
from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Model

import shape
import talker
from codes import LEVEL_BOOK, PERIODS_BOOK

sys.path.append(str(Path(__file__).resolve().parent.parent))
import tiny_checkpoint  # noqa: E402

MAX_NEW_TOKENS = 2_048
# The published sampling defaults have a temperature of 0.9, for a model with flat distributions.
# This model is certain of text and position; only sounds may vary.
FACT_GAIN, SOUND_GAIN = 4.0, 2.0


def talker_weights(trained, tokenizer):
    model = talker.build(tokenizer)
    model.load_state_dict(trained["model"])
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(trained["average"][name])
        rows = model.talker.model.text_embedding.weight
        for token, like in tokenizer.stand_ins().items():
            rows[token] = rows[like]
        heads = [model.talker.codec_head, *model.talker.code_predictor.lm_head]
        for book, head in enumerate(heads):
            sounds = PERIODS_BOOK <= book <= LEVEL_BOOK
            head.weight.mul_(SOUND_GAIN if sounds else FACT_GAIN)
    return model.state_dict()


def speech_weights(decoder, encoder):
    model = Qwen3TTSTokenizerV2Model(Qwen3TTSTokenizerV2Config(**shape.speech_tokenizer()))
    model.decoder.load_state_dict(decoder)
    model.encoder.load_state_dict(encoder)
    return model.state_dict()


def write(folder, work):
    """Writes the results of the trainings in the directory `work`."""

    def trained(name):
        return torch.load(work / name, map_location="cpu", weights_only=False)

    def save(weights, path, metadata=None):
        halves = {name: value.to(torch.bfloat16) for name, value in weights.items()}
        tiny_checkpoint.save(halves, path, metadata)

    folder, tokenizer = Path(folder), shape.ByteTokenizer()
    config, speech_tokenizer = shape.model(tokenizer), shape.speech_tokenizer()
    tiny_checkpoint.write_configs(folder, tokenizer, config, speech_tokenizer, MAX_NEW_TOKENS)
    (folder / "base").mkdir(exist_ok=True)
    base = json.dumps(shape.model(tokenizer, "base"), indent=2)
    (folder / "base" / "config.json").write_text(base + "\n")
    weights = talker_weights(trained("talker.pt"), tokenizer)
    weights |= {f"speaker_encoder.{k}": value for k, value in trained("speaker.pt").items()}
    save(weights, folder / "model.safetensors", {"format": "pt"})
    weights = speech_weights(trained("codec.pt")["parts"][0], trained("encoder.pt"))
    save(weights, folder / "speech_tokenizer" / "model.safetensors")
