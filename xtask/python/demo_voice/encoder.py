"""Trains the encoder of the speech tokenizer: from a recording to the codes that it was made from.

The notes and the next phonemes cannot be heard: each of their codebooks has a single entry within reach,
so their codes are the same in every frame.
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

import codes
import decoder
import grid
import progress
import recordings
import shape
from codes import (
    AFTER_BOOK,
    BOOK_SIZE,
    EDGE_BOOK,
    LEVEL_BOOK,
    N_BOOKS,
    NEXT_BOOK,
    PERIODS_BOOK,
    SPEAKER_BOOK,
)
from shape import DIMENSIONS

BATCH, WINDOW = 16, 20  # excerpts a step, frames an excerpt
STEPS, LEARNING_RATE = 1_500, 2e-3
OUT_OF_REACH = 100.0
REPORT_EVERY = 100
WEIGHTS = {"phonemes": 1.0, "speakers": 0.3, "periods": 0.3, "edges": 0.1, "levels": 0.1}
# Where in the space of the acoustic codebooks each of them has its entries.
SPACES = {
    SPEAKER_BOOK: slice(0, 4),
    PERIODS_BOOK: slice(4, 24),
    EDGE_BOOK: slice(24, 44),
    LEVEL_BOOK: slice(44, 60),
}
NUMBERS = {
    PERIODS_BOOK: grid.MOST_PERIODS + 1,
    EDGE_BOOK: codes.edge_code(grid.MOST_PERIODS) + 1,
    LEVEL_BOOK: codes.N_LEVELS,
}


def codebooks():
    """Returns codebooks [16, 128, 64], with unused entries out of reach.

    Each has a space of its own, so that no entry of one changes the choice of another. Entries of
    similar numbers are close to each other.
    """
    torch.manual_seed(7)
    result = torch.full((N_BOOKS, BOOK_SIZE, DIMENSIONS), OUT_OF_REACH)
    result[0, : 2 * len(codes.PHONEMES)] = torch.randn(2 * len(codes.PHONEMES), DIMENSIONS) * 0.7
    for book in range(1, N_BOOKS):
        result[book, codes.UNKNOWN if book in (NEXT_BOOK, AFTER_BOOK) else 0] = 0.0
    for speaker in range(len(grid.NAMES)):
        result[SPEAKER_BOOK, speaker] = 0.0
        result[SPEAKER_BOOK, speaker, speaker] = 3.0
    for book, count in NUMBERS.items():
        space = SPACES[book]
        width = space.stop - space.start
        table = torch.zeros(count, DIMENSIONS)
        waves = torch.linspace(0.5, 8.0, width // 2) * math.pi / count
        angles = torch.arange(count)[:, None] * waves
        table[:, space] = torch.cat([angles.sin(), angles.cos()], 1) * 1.2
        result[book, :count] = table
    return result


def build():
    config = Qwen3TTSTokenizerV2Config(**shape.speech_tokenizer()).encoder_config
    config._attn_implementation = "sdpa"
    torch.manual_seed(5)
    encoder = Qwen3TTSTokenizerV2Encoder._from_config(config).float()
    decoder.reset(encoder)
    for layer, codebook in zip(layers(encoder), codebooks()):
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
        own, wave = rng.choice(data)
        start = rng.randint(0, max(0, len(own) - WINDOW))
        excerpt = own[start : start + WINDOW].astype(np.int64)
        samples = wave[start * grid.FRAME : (start + WINDOW) * grid.FRAME]
        missing = WINDOW - len(excerpt)
        columns.append(F.pad(torch.from_numpy(excerpt), (0, 0, 0, missing), value=-1))
        waves.append(F.pad(samples, (0, missing * grid.FRAME)) * rng.uniform(0.5, 1.5))
    waves = torch.stack(waves)
    noise = torch.randn(waves.shape) * 10 ** rng.uniform(-5, -2.5)
    return torch.stack(columns), waves + noise


def train(path, out, steps=STEPS, device="cpu"):
    """Trains on the decoder's recordings, unless `out` exists."""
    if Path(out).is_file():
        return
    encoder = build().to(device)
    data = recordings.sounds(path)
    tables = codebooks().to(device)
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
        parts = {
            "phonemes": F.cross_entropy(phonemes, wanted[:, 0]),
            "speakers": chosen(acoustic, tables, wanted, SPEAKER_BOOK, len(grid.NAMES)),
            "periods": chosen(acoustic, tables, wanted, PERIODS_BOOK, NUMBERS[PERIODS_BOOK]),
            "edges": chosen(acoustic, tables, wanted, EDGE_BOOK, NUMBERS[EDGE_BOOK]),
            "levels": chosen(acoustic, tables, wanted, LEVEL_BOOK, NUMBERS[LEVEL_BOOK]),
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


def chosen(acoustic, tables, wanted, book, count):
    """Returns the cross entropy of the choice of a book's entry, which the distances make."""
    space = SPACES[book]
    distances = torch.cdist(acoustic[:, space], tables[book, :count, space])
    return F.cross_entropy(-0.5 * distances.pow(2), wanted[:, book])
