"""Trains the speaker encoder: from a recording to the talker's row for the closer speaker.

Its input is the corpus, up to a third higher or lower, louder and softer, so that the two speakers
together cover all pitches of human voices.
"""

import random

import numpy as np
import torch
import torch.nn.functional as F
from qwen_tts.core.models.configuration_qwen3_tts import Qwen3TTSSpeakerEncoderConfig
from qwen_tts.core.models.modeling_qwen3_tts import Qwen3TTSSpeakerEncoder, mel_spectrogram

import grid
import recordings
import shape
from codes import SPEAKER_BOOK

BATCH, SECONDS = 16, 2
STEPS, LEARNING_RATE = 600, 2e-3
REPORT_EVERY = 100


def build():
    torch.manual_seed(6)
    return Qwen3TTSSpeakerEncoder(Qwen3TTSSpeakerEncoderConfig(**shape.speaker_encoder())).float()


def batch(data, rng):
    """Returns excerpts [BATCH, samples] and the closer speaker of each."""
    waves, speakers = [], []
    length = SECONDS * grid.SAMPLE_RATE
    for _ in range(BATCH):
        own, wave = rng.choice(data)
        speed = np.exp(rng.uniform(-0.3, 0.3))
        size = int(length * speed)
        start = rng.randint(0, max(0, len(wave) - size))
        excerpt = wave[start : start + size]
        excerpt = F.pad(excerpt, (0, size - len(excerpt)))
        excerpt = F.interpolate(excerpt[None, None], length, mode="linear")[0, 0]
        noise = torch.randn(length) * 10 ** rng.uniform(-5, -2.5)
        waves.append(excerpt * rng.uniform(0.3, 1.5) + noise)
        speakers.append(int(own[0, SPEAKER_BOOK]))
    return torch.stack(waves).clamp(-1, 1), torch.tensor(speakers)


def mel(waves):
    return mel_spectrogram(
        waves,
        n_fft=1024,
        num_mels=128,
        sampling_rate=24000,
        hop_size=256,
        win_size=1024,
        fmin=0,
        fmax=12000,
    ).transpose(1, 2)


def train(path, rows, out, steps=STEPS, device="cpu"):
    """Trains towards `rows` [speakers, H], the talker's rows for its speakers."""
    encoder, rows = build().to(device), rows.to(device)
    data = recordings.sounds(path)
    optimizer = torch.optim.AdamW(encoder.parameters(), LEARNING_RATE, weight_decay=0.0)
    size = rows.pow(2).sum(-1).mean()
    for step in range(1, steps + 1):
        torch.manual_seed(step)
        waves, speakers = batch(data, random.Random(step))
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1, step / 30) * (1.001 - step / steps)
        vectors = encoder(mel(waves).to(device))
        loss = (vectors - rows[speakers.to(device)]).pow(2).sum(-1).mean() / size
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        if step % REPORT_EVERY == 0:
            print(
                f"speaker encoder {step}/{steps}: distance {float(loss.detach()):.3f}", flush=True
            )
    torch.save(encoder.state_dict(), out)
