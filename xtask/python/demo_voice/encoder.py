"""Trains the encoder of the speech tokenizer: from a recording to the codes that it was made from.

The notes cannot be heard: only one entry of each of their codebooks can be chosen, which carries no
information.
"""

import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import (
    Qwen3TTSTokenizerV2Config,
)
from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import (
    Qwen3TTSTokenizerV2Encoder,
)

import codec
import grid
import progress
import shape
import text
from codes import BOOK_SIZE, DIMENSIONS, FIRST_SOUND_BOOK, N_BOOKS, SPEAKER_BOOK

BATCH, WINDOW = 16, 20  # excerpts a step, frames an excerpt
STEPS, LEARNING_RATE = 1_500, 2e-3
OUT_OF_REACH = 100.0
REPORT_EVERY = 100
WEIGHTS = {"phonemes": 1.0, "speakers": 0.3, "sounds": 2.0}


def codebooks(books):
    """Returns the decoder's codebooks [16, 128, 64], with unused entries moved out of reach."""
    result = torch.full((N_BOOKS, BOOK_SIZE, DIMENSIONS), OUT_OF_REACH)
    for book in (0, SPEAKER_BOOK, *range(FIRST_SOUND_BOOK, N_BOOKS)):
        used = books.codebooks[book].abs().sum(1) > 0
        result[book, used] = books.codebooks[book][used]
    for book in range(SPEAKER_BOOK + 1, FIRST_SOUND_BOOK):
        result[book, 0] = 0.0
    return result


def build(books):
    config = Qwen3TTSTokenizerV2Config(**shape.speech_tokenizer()).encoder_config
    config._attn_implementation = "sdpa"
    torch.manual_seed(5)
    encoder = Qwen3TTSTokenizerV2Encoder._from_config(config).float()
    codec.reset(encoder)
    for layer, codebook in zip(layers(encoder), codebooks(books)):
        layer.codebook.embed_sum.copy_(codebook)
    return encoder


def layers(encoder):
    quantizer = encoder.quantizer
    semantic = quantizer.semantic_residual_vector_quantizer
    return [*semantic.layers, *quantizer.acoustic_residual_vector_quantizer.layers]


def projected(encoder, waves):
    """Returns the inputs of the two quantizers: [batch, samples] → two of [batch, frames, 64]."""
    x = encoder.encoder(waves[:, None])
    x = encoder.encoder_transformer(x.transpose(1, 2))[0].transpose(1, 2)
    x = encoder.downsample(x)
    quantizer = encoder.quantizer
    semantic = quantizer.semantic_residual_vector_quantizer
    acoustic = quantizer.acoustic_residual_vector_quantizer
    return [part.input_proj(x).transpose(1, 2) for part in (semantic, acoustic)]


def batch(data, rng):
    """Returns excerpts of speech with their codes, at the level of recordings."""
    columns, waves = [], []
    for _ in range(BATCH):
        utterance, wave = rng.choice(data)
        start = rng.randint(0, max(0, len(utterance.codes) - WINDOW))
        excerpt = utterance.codes[start : start + WINDOW].astype(np.int64)
        samples = wave[start * grid.FRAME : (start + WINDOW) * grid.FRAME]
        missing = WINDOW - len(excerpt)
        columns.append(F.pad(torch.from_numpy(excerpt), (0, 0, 0, missing), value=-1))
        waves.append(F.pad(samples, (0, missing * grid.FRAME)) * rng.uniform(0.5, 1.5))
    waves = torch.stack(waves)
    noise = torch.randn(waves.shape) * 10 ** rng.uniform(-5, -2.5)
    return torch.stack(columns), waves + noise


def train(loaded, waves_paths, out, steps=STEPS, device="cpu"):
    """Trains on the output of `codes.make` and the decoder's recordings, unless `out` exists."""
    if Path(out).is_file():
        return
    encoder = build(loaded["books"]).to(device)
    data = [pair for path in waves_paths for pair in codec.recordings(loaded["utterances"], path)]
    tables = codebooks(loaded["books"]).to(device)
    heard = tables * (tables != OUT_OF_REACH)
    parameters = [p for p in encoder.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.0)
    started, history = time.time(), []
    for step in range(1, steps + 1):
        torch.manual_seed(step)
        columns, waves = (part.to(device) for part in batch(data, random.Random(step)))
        rate = min(1, step / 50) * (0.51 + 0.49 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        there = columns[..., 0] >= 0
        wanted = columns[there]
        semantic, acoustic = (part[there] for part in projected(encoder, waves))
        phonemes = -0.5 * torch.cdist(semantic, tables[0]).pow(2)
        speakers = -0.5 * torch.cdist(acoustic, tables[SPEAKER_BOOK, : len(text.SPEAKERS)]).pow(2)
        rest = sum(heard[book][wanted[:, book]] for book in range(SPEAKER_BOOK, N_BOOKS))
        parts = {
            "phonemes": F.cross_entropy(phonemes, wanted[:, 0]),
            "speakers": F.cross_entropy(speakers, wanted[:, SPEAKER_BOOK]),
            "sounds": (acoustic - rest).pow(2).sum() / rest.pow(2).sum(),
            "misheard": (phonemes.argmax(-1) != wanted[:, 0]).float().mean(),
        }
        optimizer.zero_grad()
        sum(weight * parts[name] for name, weight in WEIGHTS.items()).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        history.append({name: float(part.detach()) for name, part in parts.items()})
        if step % REPORT_EVERY == 0:
            shown = progress.means(history)
            history = []
            print(f"encoder {step}/{steps}: {shown}, {time.time() - started:.0f} s", flush=True)
    torch.save(encoder.state_dict(), out)
