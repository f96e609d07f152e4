"""Seeded random checkpoints in the published layout, small enough for a repository.

Each tensor has its own generator, seeded by its name, so that changing one keeps the others.
"""

import hashlib
import json
import math
from pathlib import Path

import torch
from qwen_tts.core.models.configuration_qwen3_tts import Qwen3TTSConfig
from qwen_tts.core.models.modeling_qwen3_tts import Qwen3TTSForConditionalGeneration
from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import (
    Qwen3TTSTokenizerV2Config,
)
from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Model
from safetensors.torch import load_file, save_file

import tiny_config
from tiny_tokenizer import TinyTokenizer

HEAD_GAIN = 6.0  # gives logits with a clear maximum
AUDIO_STD = 0.1


def normal(seed, name, shape, std=1.0, mean=0.0):
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
    return torch.randn(tuple(shape), generator=generator) * std + mean


def write(folder, kind, size, seed, max_new_tokens=8192):
    """Writes a whole checkpoint directory. The end-of-speech row of the codec head is zero."""
    folder, tokenizer = Path(folder), TinyTokenizer()
    config = tiny_config.model(kind, size, tokenizer)
    write_configs(folder, tokenizer, config, tiny_config.SPEECH_TOKENIZER, max_new_tokens)
    weights = model_weights(config, seed)
    # Published files of the base kind carry no metadata.
    metadata = None if kind == "base" else {"format": "pt"}
    save(weights, folder / "model.safetensors", metadata)
    speech = speech_weights(tiny_config.SPEECH_TOKENIZER)
    save(speech, folder / "speech_tokenizer" / "model.safetensors")


def write_configs(folder, tokenizer, config, speech_tokenizer, max_new_tokens):
    """Creates the directories of a checkpoint and writes all files except the weights."""
    (folder / "speech_tokenizer").mkdir(parents=True, exist_ok=True)
    tokenizer.write(folder)
    for name, content in {
        "config.json": config,
        "generation_config.json": tiny_config.generation(max_new_tokens),
        "preprocessor_config.json": tiny_config.PREPROCESSOR,
        "speech_tokenizer/config.json": speech_tokenizer,
        "speech_tokenizer/configuration.json": tiny_config.SPEECH_CONFIGURATION,
        "speech_tokenizer/preprocessor_config.json": tiny_config.SPEECH_PREPROCESSOR,
    }.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


def save(tensors, path, metadata=None):
    """Writes a safetensors file with the permissions of other files."""
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata)
    path.chmod(0o644)


def set_eos_row(folder, row):
    """Replaces the end-of-speech row of a checkpoint's codec head."""
    path = Path(folder) / "model.safetensors"
    config = json.loads((Path(folder) / "config.json").read_text())
    weights = load_file(path)
    weights["talker.codec_head.weight"][config["talker_config"]["codec_eos_token_id"]] = row
    save(weights, path, {"format": "pt"})


def model_weights(config, seed):
    parsed = Qwen3TTSConfig(**json.loads(json.dumps(config)))
    with torch.device("meta"):
        shapes = Qwen3TTSForConditionalGeneration(parsed).state_dict()
    weights = {}
    for name, meta in shapes.items():
        value = model_tensor(name, meta.shape, parsed.talker_config, seed)
        weights[name] = value.to(torch.bfloat16).contiguous()
    return weights


def model_tensor(name, shape, talker, seed):
    """Returns a tensor, scaled to keep activations near one through all layers, and codes diverse."""
    if name.startswith("speaker_encoder."):
        inner = name.removeprefix("speaker_encoder.")
        return normal(seed, name, shape, speaker_encoder_std(inner, shape))
    if name.endswith("text_embedding.weight"):
        return normal(seed, name, shape)
    if "talker.model.codec_embedding" in name:
        return normal(seed, name, shape, 0.5)
    if "code_predictor.model.codec_embedding" in name:
        return normal(seed, name, shape, 0.25)
    if "codec_head" in name or ".lm_head." in name:
        value = normal(seed, name, shape, HEAD_GAIN / math.sqrt(shape[1]))
        if "codec_head" in name:
            value[talker.codec_eos_token_id] = 0
        return value
    if len(shape) == 1:
        is_norm = "norm" in name and name.endswith("weight")
        return normal(seed, name, shape, 0.1, 1.0) if is_norm else normal(seed, name, shape, 0.05)
    std = 1 / math.sqrt(math.prod(shape[1:]))
    if name.endswith(("o_proj.weight", "down_proj.weight")):
        std *= 0.6
    return normal(seed, name, shape, std)


def speaker_encoder_std(name, shape):
    """Returns a scale that keeps activations near one after a spectrogram of about -7 ± 3."""
    if len(shape) == 1:
        return 0.1
    return math.sqrt(2 / math.prod(shape[1:])) * (0.2 if name.startswith("blocks.0") else 1.0)


def speech_weights(config, seed=7):
    """Returns the weights of the speech tokenizer, the same for all kinds and sizes, as published."""
    model = Qwen3TTSTokenizerV2Model(Qwen3TTSTokenizerV2Config(**json.loads(json.dumps(config))))
    model = model.float().eval()
    modules = dict(model.named_modules())
    weights = {}
    for name, value in model.state_dict().items():
        owner = modules[name.rsplit(".", 1)[0]]
        weights[name] = speech_tensor(name, value.shape, owner, weights, seed)
    model.load_state_dict(weights)
    with torch.no_grad():
        calibrate_decoder(model.decoder, seed)
        calibrate_encoder(model.encoder, seed)
    return {name: value.float().contiguous().clone() for name, value in model.state_dict().items()}


def speech_tensor(name, shape, owner, weights, seed):
    parent, leaf = name.rsplit(".", 1)
    if leaf == "initialized":
        return torch.ones(shape)
    if leaf == "cluster_usage":
        return normal(seed, name, shape).abs() + 0.5
    if leaf in ("embedding_sum", "embed_sum"):
        usage = weights.get(f"{parent}.cluster_usage", torch.ones(shape[0]))
        return normal(seed, name, shape) * usage[:, None]
    if leaf in ("alpha", "beta"):
        return normal(seed, name, shape, 0.3, 0.5 if leaf == "beta" else 0.0)
    if leaf in ("scale", "gamma"):
        return normal(seed, name, shape, 0.1, 0.6)
    if isinstance(owner, torch.nn.ConvTranspose1d) and leaf == "weight":
        return normal(seed, name, shape, math.sqrt(owner.stride[0] / (shape[0] * shape[2])))
    if len(shape) == 1:
        is_norm = leaf == "weight"
        return normal(seed, name, shape, 0.1, 1.0) if is_norm else normal(seed, name, shape, 0.05)
    std = 1 / math.sqrt(math.prod(shape[1:]))
    return normal(seed, name, shape, std * (0.5 if ".conv2.conv." in name else 1.0))


def calibrate_decoder(decoder, seed):
    """Scales the last convolution so that random codes give a moderate level without an offset."""
    last = decoder.decoder[-1].conv
    shape = (1, decoder.config.num_quantizers, 60)
    codes = (normal(seed, "calibration", shape).abs() * 1e6).long() % decoder.config.codebook_size
    last.bias.zero_()
    raw = capture(last, lambda: decoder(codes))
    last.weight.mul_(AUDIO_STD / raw.std())
    last.bias.fill_(-float(raw.mean() * AUDIO_STD / raw.std()))


def capture(module, run):
    """Returns the output of `module` during `run`."""
    seen = []
    handle = module.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    run()
    handle.remove()
    return seen[-1]


def calibrate_encoder(encoder, seed):
    """Draws codewords around the residuals of a synthetic signal, so that codes are diverse."""
    time = torch.arange(24000 * 6) / 24000
    pitch = 120 + 60 * torch.sin(2 * math.pi * 0.7 * time)
    signal = 0.2 * torch.sin(2 * math.pi * pitch * time)
    signal = signal + normal(seed, "calibration noise", time.shape, 0.05)
    latent = encoder.encoder(signal[None, None])
    latent = encoder.encoder_transformer(latent.transpose(1, 2))[0].transpose(1, 2)
    latent = encoder.downsample(latent)
    quantizer = encoder.quantizer
    for part in ("semantic", "acoustic"):
        quantizers = getattr(quantizer, f"{part}_residual_vector_quantizer")
        residual = quantizers.input_proj(latent)
        for index, layer in enumerate(quantizers.layers):
            book = layer.codebook
            values = residual[0].T
            words = normal(seed, f"{part} codebook {index}", book.embed_sum.shape)
            words = values.mean(0) + values.std(0) * words
            book.embed_sum.copy_(words * book.cluster_usage[:, None])
            book._embed = None
            residual = residual - layer.decode(layer.encode(residual))
