"""Writes the trained voice as a checkpoint in the published layout."""

import sys
from pathlib import Path

import torch
from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import (
    Qwen3TTSTokenizerV2Config,
)
from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Model

import codec
import shape
import talker

sys.path.append(str(Path(__file__).resolve().parent.parent))
import tiny_checkpoint  # noqa: E402

MAX_NEW_TOKENS = 2_048
# The published sampling defaults draw at a temperature of 0.9, for a model that is never sure.
# This one knows what comes next but for its own lack of training.
HEAD_GAIN = 2.0


def talker_weights(trained, tokenizer):
    model = talker.build(tokenizer)
    model.load_state_dict(trained["model"])
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(trained["average"][name])
        rows = model.talker.model.text_embedding.weight
        for token, like in tokenizer.stand_ins().items():
            rows[token] = rows[like]
        for head in (model.talker.codec_head, *model.talker.code_predictor.lm_head):
            head.weight.mul_(HEAD_GAIN)
    return {
        name: value.to(torch.bfloat16).contiguous() for name, value in model.state_dict().items()
    }


def speech_weights(trained, books):
    """The trained decoder; the encoder keeps seeded random weights, a preset voice needs none."""
    torch.manual_seed(4)
    model = Qwen3TTSTokenizerV2Model(Qwen3TTSTokenizerV2Config(**shape.speech_tokenizer()))
    decoder = codec.build(books)
    decoder.load_state_dict(trained["decoder"])
    model.decoder.load_state_dict(decoder.state_dict())
    return {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}


def write(folder, talker_path, codec_path, books):
    folder, tokenizer = Path(folder), shape.ByteTokenizer()
    config, speech_tokenizer = shape.model(tokenizer), shape.speech_tokenizer()
    tiny_checkpoint.write_configs(folder, tokenizer, config, speech_tokenizer, MAX_NEW_TOKENS)
    trained = torch.load(talker_path, map_location="cpu", weights_only=False)
    weights = talker_weights(trained, tokenizer)
    tiny_checkpoint.save(weights, folder / "model.safetensors", {"format": "pt"})
    trained = torch.load(codec_path, map_location="cpu", weights_only=False)
    weights = speech_weights(trained, books)
    tiny_checkpoint.save(weights, folder / "speech_tokenizer" / "model.safetensors")
