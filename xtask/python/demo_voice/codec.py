"""Trains the decoder of the speech tokenizer: from codes to sound on the frame grid.

The targets begin every frame at the same phase of a constant pitch, so the plain distance of the
waveforms and of their spectra is enough; there is no discriminator.
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
import shape
import text
from codes import DIMENSIONS
from espeak import Espeak

BATCH, WINDOW = 8, 10  # excerpts a step, frames an excerpt
STEPS, LEARNING_RATE = 1_500, 2e-3
SENTENCES = 300  # of each speaker
FFT_SIZES = (256, 512, 1024, 2048)
SAVE_EVERY = 200


def quick_snake(self, hidden_states):
    """`SnakeBeta.forward` without the guard against a zero beta, which compiles to less."""
    alpha = torch.exp(self.alpha)[None, :, None]
    beta = torch.exp(-self.beta)[None, :, None]
    sine = torch.sin(hidden_states * alpha)
    return hidden_states + beta * sine * sine


def reset(model):
    """Initialises parameters for training; the official initial values are meant to be overwritten."""
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d, nn.Linear)):
            module.reset_parameters()
    for name, parameter in model.named_parameters():
        if name.endswith((".gamma", ".scale")):
            parameter.data.fill_(0.2)


def build(books):
    """Returns the official decoder with our codebooks, which are frozen."""
    config = Qwen3TTSTokenizerV2Config(**shape.speech_tokenizer()).decoder_config
    config._attn_implementation = "sdpa"
    torch.manual_seed(1)
    decoder = official.Qwen3TTSTokenizerV2Decoder(config).float()
    reset(decoder)
    quantizer = decoder.quantizer
    layers = [quantizer.rvq_first.vq.layers[0], *quantizer.rvq_rest.vq.layers]
    for layer, codebook in zip(layers, books.codebooks):
        layer._codebook.embedding_sum.data.copy_(codebook)
        layer._codebook.cluster_usage.data.fill_(1.0)
    basis = torch.linalg.qr(torch.randn(2 * DIMENSIONS, DIMENSIONS))[0][:, :, None]
    quantizer.rvq_first.output_proj.weight.data.copy_(basis)
    quantizer.rvq_rest.output_proj.weight.data.copy_(basis)
    for name, parameter in decoder.named_parameters():
        parameter.requires_grad_("_codebook" not in name)
    return decoder


def recordings(utterances, path):
    """Returns the utterances that have a target in `path`, with the target."""
    with np.load(path) as data:
        pairs = [(utterances[int(key)], torch.from_numpy(data[key])) for key in data]
    # espeak-ng's pauses may differ by a frame from one run to the next.
    pairs = [pair for pair in pairs if len(pair[0].codes) * grid.FRAME == len(pair[1])]
    return [pair for pair in pairs if len(pair[0].codes) >= WINDOW]


def make_recordings(speaker, utterances, out):
    """Resynthesises sentences of one speaker, spread over the corpus, as targets of the decoder."""
    espeak = Espeak(grid.VOICES[speaker], corpus.RATE)
    own = [i for i, one in enumerate(utterances) if text.SPEAKERS[one.speaker] == speaker]
    waves = {}
    for index in own[:: max(1, len(own) // SENTENCES)][:SENTENCES]:
        sentence = utterances[index].text.replace(codes.ASSISTANT, "assistant")
        spoken, parts = corpus.record(espeak, sentence)
        period, pitch = grid.PERIOD[speaker], grid.PITCH[speaker]
        waves[str(index)] = grid.resynthesised(spoken, parts, period, pitch)
    np.savez(out, **waves)


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
        utterance, wave = rng.choice(data)
        start = rng.randint(0, len(utterance.codes) - WINDOW)
        excerpt = utterance.codes[start : start + WINDOW]
        columns.append(torch.from_numpy(excerpt.T.astype(np.int64)))
        waves.append(wave[start * grid.FRAME : (start + WINDOW) * grid.FRAME])
    return torch.stack(columns), torch.stack(waves)


def calibrate(decoder, data):
    """Scales the initial output to the level of speech."""
    with torch.no_grad():
        columns, _ = batch(data, random.Random(0))
        last = [module for module in decoder.modules() if isinstance(module, nn.Conv1d)][-1]
        last.weight.mul_(0.05 / float(decoder(columns).std() + 1e-6))
        last.bias.zero_()


def train(loaded, waves_paths, out, steps=STEPS, device="cpu"):
    """Trains on the output of `codes.make`; resumes from `out` if it exists."""
    official.SnakeBeta.forward = quick_snake
    decoder = build(loaded["books"])
    data = [pair for path in waves_paths for pair in recordings(loaded["utterances"], path)]
    minutes = sum(len(wave) for _, wave in data) / grid.SAMPLE_RATE / 60
    print(f"codec: {minutes:.0f} minutes of speech", flush=True)
    calibrate(decoder, data)
    decoder.to(device)
    parameters = [p for p in decoder.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, betas=(0.8, 0.99), weight_decay=0.0)
    windows = {size: torch.hann_window(size, device=device) for size in FFT_SIZES}
    step = 0
    if Path(out).is_file():
        saved = torch.load(out, map_location=device, weights_only=False)
        decoder.load_state_dict(saved["decoder"])
        optimizer.load_state_dict(saved["optimizer"])
        step = saved["step"]
    run = torch.compile(decoder)
    started, history = time.time(), []
    while step < steps:
        columns, wanted = (part.to(device) for part in batch(data, random.Random(step)))
        rate = min(1, (step + 1) / 40) * (0.51 + 0.49 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        made = run(columns)[:, 0]
        # The first frame lacks the context that it had in its sentence.
        made, wanted = made[:, grid.FRAME :], wanted[:, grid.FRAME :]
        near = (made - wanted).abs().mean()
        spectral = spectral_distance(made, wanted, windows)
        optimizer.zero_grad()
        (10 * near + spectral).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        step += 1
        history.append((float(near.detach() / wanted.abs().mean()), float(spectral.detach())))
        if step % 50 == 0:
            relative, distance = np.mean(history, 0)
            history = []
            print(
                f"codec {step}/{steps}: waveform {relative:.3f}, spectra {distance:.3f}, "
                f"{time.time() - started:.0f} s",
                flush=True,
            )
        if step % SAVE_EVERY == 0 or step == steps:
            state = {"decoder": decoder.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | {"step": step}, f"{out}.new")
            Path(f"{out}.new").replace(out)
