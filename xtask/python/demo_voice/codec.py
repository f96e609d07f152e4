"""Trains the decoder of the speech tokenizer: from codes to sound on the frame grid.

The sound is a function of the codes (see `grid`), so the plain distance of the waveforms and of their
spectra is enough; there is no discriminator. The codebooks are learnt with the decoder.
"""

import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from qwen_tts.core.tokenizer_12hz import modeling_qwen3_tts_tokenizer_v2 as official
from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import (
    Qwen3TTSTokenizerV2Config,
)
from torch import nn

import codes
import corpus
import grid
import parameters
import shape
from muon import Muon
from oscillator import Oscillator
from teacher import Teacher

BATCH, WINDOW = 8, 10  # excerpts a step, frames an excerpt
STEPS, LEARNING_RATE = 3_500, 2e-3
SENTENCES = 900
UNKNOWN_SHARE = 0.1  # of the excerpts do not say which phoneme comes next, as recordings do not
FFT_SIZES = (256, 512, 1024, 2048)
SAVE_EVERY = 200
REPORT_EVERY = 50


def quick_snake(self, hidden_states):
    """`SnakeBeta.forward` without the guard against a zero beta, which compiles to less."""
    alpha = torch.exp(self.alpha)[None, :, None]
    beta = torch.exp(-self.beta)[None, :, None]
    sine = torch.sin(hidden_states * alpha)
    return hidden_states + beta * sine * sine


def reset(model):
    """Initialises parameters for training, so that no layer changes the size of its input much."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d):
            inputs = module.weight[0].numel()
        elif isinstance(module, nn.ConvTranspose1d):
            inputs = module.in_channels * module.kernel_size[0] / module.stride[0]
        elif isinstance(module, nn.Linear):
            inputs = module.in_features
        else:
            continue
        nn.init.normal_(module.weight, std=inputs**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    for name, parameter in model.named_parameters():
        if name.endswith((".gamma", ".scale")):
            parameter.data.fill_(0.2)
        if name.endswith(".conv2.conv.weight"):
            parameter.data.mul_(0.3)


def build():
    """Returns the official decoder with codebooks to be learnt; those of the notes are zero."""
    config = Qwen3TTSTokenizerV2Config(**shape.speech_tokenizer()).decoder_config
    config._attn_implementation = "sdpa"
    torch.manual_seed(1)
    decoder = official.Qwen3TTSTokenizerV2Decoder(config).float()
    reset(decoder)
    for parameter in decoder.quantizer.parameters():
        parameter.requires_grad_(False)
    quantizer = decoder.quantizer
    for part in (quantizer.rvq_first, quantizer.rvq_rest):
        part.output_proj.weight.requires_grad_(True)
    layers = [quantizer.rvq_first.vq.layers[0], *quantizer.rvq_rest.vq.layers]
    for book, layer in enumerate(layers):
        table = layer._codebook.embedding_sum
        layer._codebook.cluster_usage.data.fill_(1.0)
        table.data.zero_()
        if book in codes.HEARD_BOOKS:
            table.data.copy_(first_table(book, *table.shape))
            table.requires_grad_(True)
    return decoder


def first_table(book, size, width):
    """Returns the initial codebook: of numbers, similar rows for similar numbers."""
    table = torch.randn(size, width) * 0.5
    if book in (codes.PERIODS_BOOK, codes.EDGE_BOOK, codes.LEVEL_BOOK):
        scale = {codes.PERIODS_BOOK: 1.0, codes.EDGE_BOOK: grid.EDGE_STEP, codes.LEVEL_BOOK: 1.0}
        places = torch.arange(size)[:, None] * scale[book]
        waves = torch.exp(torch.rand(width) * math.log(16)) / 16
        smooth = torch.sin(places * waves * 1.5 + torch.rand(width) * 2 * math.pi)
        table[1:] = smooth[1:] * 0.7
    return table


def make_recordings(sentences, out):
    """Stores the codes and the sound of each sentence by each speaker."""
    teacher, arrays, kept = Teacher(), {}, []
    for sentence in sentences:
        spoken = teacher.speak(sentence)
        if spoken is None or len(spoken.segments) < 4:
            continue
        kept.append((corpus.described(spoken, sentence), spoken))
    alignment = codes.align([described for described, _ in kept])
    for described, spoken in kept:
        for speaker, name in enumerate(grid.SPEAKERS):
            arrays[f"{len(arrays) // 2:05}-codes"] = codes.codes_of(described, speaker, alignment)[0]
            arrays[f"{len(arrays) // 2:05}-wave"] = corpus.resynthesised(spoken, name)
    np.savez(out, **arrays)


def recordings(path):
    """Returns pairs of codes [frames, 16] and sound [frames · FRAME], of WINDOW frames at least."""
    with np.load(path) as data:
        pairs = [
            (data[key], torch.from_numpy(data[key.replace("codes", "wave")]))
            for key in sorted(data)
            if key.endswith("codes")
        ]
    return [pair for pair in pairs if len(pair[0]) >= WINDOW]


def spectral_distance(made, wanted, windows):
    total = 0.0
    for size in FFT_SIZES:
        pair = [
            torch.stft(
                wave, size, size // 4, window=windows[size], return_complex=True, center=False
            ).abs()
            / math.sqrt(size)
            for wave in (made, wanted)
        ]
        logs = [torch.log(part + 3e-3) for part in pair]
        total = total + (logs[0] - logs[1]).abs().mean() + 3 * (pair[0] - pair[1]).abs().mean()
    return total / len(FFT_SIZES)


def batch(data, rng):
    """Returns excerpts: codes [BATCH, 16, WINDOW] and samples [BATCH, WINDOW · FRAME]."""
    columns, waves = [], []
    for _ in range(BATCH):
        own, wave = rng.choice(data)
        start = rng.randint(0, len(own) - WINDOW)
        excerpt = own[start : start + WINDOW]
        columns.append(torch.from_numpy(excerpt.T.astype(np.int64)))
        if rng.random() < UNKNOWN_SHARE:
            columns[-1][codes.NEXT_BOOK] = codes.UNKNOWN
        waves.append(wave[start * grid.FRAME : (start + WINDOW) * grid.FRAME])
    return torch.stack(columns), torch.stack(waves)


def calibrate(decoder, data):
    """Scales the initial output to the level of speech."""
    with torch.no_grad():
        columns, _ = batch(data, random.Random(0))
        last = [module for module in decoder.modules() if isinstance(module, nn.Conv1d)][-1]
        last.weight.mul_(0.05 / float(decoder(columns).std() + 1e-6))
        last.bias.zero_()


def build_optimizers(decoder):
    """Returns Muon for the kernels and matrices, as matrices, and AdamW for the rest."""
    inner, rest = [], []
    for name, value in decoder.named_parameters():
        if value.requires_grad:
            (inner if value.ndim >= 2 and "_codebook" not in name else rest).append(value)
    return [
        Muon(inner, LEARNING_RATE, weight_decay=0.0),
        torch.optim.AdamW(rest, LEARNING_RATE, betas=(0.8, 0.99), weight_decay=0.0),
    ]


def train(path, out, steps=STEPS, device="cpu", start=None):
    """Trains on the output of `make_recordings`; resumes from `out` if it exists.

    `start` is a folder with parameters to begin with, see `parameters`.
    """
    official.SnakeBeta.forward = quick_snake
    decoder = build()
    data = recordings(path)
    minutes = sum(len(wave) for _, wave in data) / grid.SAMPLE_RATE / 60
    print(f"codec: {minutes:.0f} minutes of speech", flush=True)
    oscillator = Oscillator(decoder)
    if start is None:
        calibrate(decoder, data)
    else:
        decoder.load_state_dict(parameters.load(start, "decoder"))
    decoder.to(device)
    learnt = [p for p in decoder.parameters() if p.requires_grad]
    optimizers = build_optimizers(decoder)
    windows = {size: torch.hann_window(size, device=device) for size in FFT_SIZES}
    step = 0
    if Path(out).is_file():
        saved = torch.load(out, map_location=device, weights_only=False)
        decoder.load_state_dict(saved["decoder"])
        for optimizer, state in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        step = saved["step"]
    run = torch.compile(decoder)
    started, history = time.time(), []
    while step < steps:
        columns, wanted = (part.to(device) for part in batch(data, random.Random(step)))
        rate = min(1, (step + 1) / 40) * (0.51 + 0.49 * math.cos(math.pi * step / steps))
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = LEARNING_RATE * rate
        made = run(columns)[:, 0]
        # The first frame lacks the context that it had in its sentence.
        made, wanted = made[:, grid.FRAME :], wanted[:, grid.FRAME :]
        near = (made - wanted).abs().mean()
        spectral = spectral_distance(made, wanted, windows)
        decoder.zero_grad()
        (10 * near + spectral).backward()
        oscillator.keep()
        torch.nn.utils.clip_grad_norm_(learnt, 5.0)
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        history.append((float(near.detach() / wanted.abs().mean()), float(spectral.detach())))
        if step % REPORT_EVERY == 0:
            relative, distance = np.mean(history, 0)
            history = []
            print(
                f"codec {step}/{steps}: waveform {relative:.3f}, spectra {distance:.3f}, "
                f"{time.time() - started:.0f} s",
                flush=True,
            )
        if step % SAVE_EVERY == 0 or step == steps:
            state = {
                "decoder": decoder.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "step": step,
            }
            torch.save(state, f"{out}.new")
            Path(f"{out}.new").replace(out)
