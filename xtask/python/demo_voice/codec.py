"""Trains the decoder of the speech tokenizer: from codes to the amplitudes of the voice's harmonics.

The sound is a constant function of the amplitudes (see `synthesiser`), so the training has no audio. It
begins with plain distances; since the codes do not say all, that gives the mean of several envelopes,
which no mouth has. Then a critic that tells made envelopes from the teacher's makes them sharp.
"""

import math
import random
import time
from pathlib import Path

import numpy as np
import torch

import codes
import critic
import grid
import parameters
import progress
import recordings
import synthesiser
from decoder import Front, build
from muon import Muon
from synthesiser import COUNT, Synthesiser

BATCH, WINDOW = 24, 24  # excerpts a step, frames an excerpt
# Of steps with plain distances, and of steps with the critic.
STEPS, CRITIC_STEPS = 1_200, 3_000
LEARNING_RATE, CRITIC_LEARNING_RATE = 2e-3, 7e-4
DISTANCE_WEIGHT, FEATURE_WEIGHT = 60.0, 4.0  # beside the critic's judgement
BEGINNINGS = 0.25  # share of the batches of excerpts that begin with the sentence
IGNORED = 2  # frames at the beginning of another excerpt, which lack their context
JUDGED = 16  # frames of an excerpt that the critic sees
UNKNOWN_SHARE = 0.08  # of the excerpts do not say which phonemes come next, as recordings do not
SAVE_EVERY, REPORT_EVERY = 100, 50


def batch(data, rng, beginning):
    """Returns excerpts: codes [BATCH, 16, WINDOW], amplitudes [BATCH, 2 · COUNT, hops], f0 [BATCH, hops]."""
    columns, values, pitches = [], [], []
    for _ in range(BATCH):
        own, wanted = rng.choice(data)
        start = 0 if beginning else rng.randint(0, len(own) - WINDOW)
        hops = slice(start * grid.STEPS, (start + WINDOW) * grid.STEPS)
        excerpt = own[start : start + WINDOW].T.astype(np.int64)
        chance = rng.random()
        if chance < 2 * UNKNOWN_SHARE:
            excerpt[codes.AFTER_BOOK] = codes.UNKNOWN
        if chance < UNKNOWN_SHARE:
            excerpt[codes.NEXT_BOOK] = codes.UNKNOWN
        columns.append(torch.from_numpy(excerpt))
        values.append(torch.from_numpy(wanted[hops].T.astype(np.float32)))
        pitches.append(torch.from_numpy(codes.frequencies(own)[hops].astype(np.float32)))
    return torch.stack(columns), torch.stack(values), torch.stack(pitches)


def optimizers(decoder):
    """Returns Muon for the kernels and matrices, as matrices, and AdamW for the rest."""
    inner, rest = [], []
    for name, value in decoder.named_parameters():
        if value.requires_grad:
            (inner if value.ndim >= 2 and "_codebook" not in name else rest).append(value)
    return [
        Muon(inner, LEARNING_RATE, weight_decay=0.02),
        torch.optim.AdamW(rest, LEARNING_RATE, betas=(0.7, 0.98), weight_decay=0.0),
    ]


class Training:
    """The decoder, its critic, and their optimisers; `step` counts the steps of both parts."""

    def __init__(self, decoder, device):
        self.synthesiser = Synthesiser(decoder)  # before the device, since it is made on the CPU
        self.decoder, self.critic = decoder.to(device), critic.Critic().to(device)
        self.learnt = [p for p in decoder.parameters() if p.requires_grad]
        self.optimizers = optimizers(decoder)
        self.judging = torch.optim.AdamW(
            self.critic.parameters(), CRITIC_LEARNING_RATE, betas=(0.6, 0.95), weight_decay=0.01
        )
        self.step = 0
        self.front = torch.compile(Front(decoder))
        self.judge = torch.compile(self.critic)

    def parts(self):
        return [self.decoder, self.critic, *self.optimizers, self.judging]

    def save(self, path):
        synthesiser.mirror(self.decoder.decoder[0].conv)
        state = {"step": self.step, "parts": [part.state_dict() for part in self.parts()]}
        torch.save(state, f"{path}.new")
        Path(f"{path}.new").replace(path)

    def load(self, path, device):
        saved = torch.load(path, map_location=device, weights_only=False)
        self.step = saved["step"]
        for part, state in zip(self.parts(), saved["parts"]):
            part.load_state_dict(state)

    def learn(self, loss, rate):
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        self.decoder.zero_grad()
        loss.backward()
        self.synthesiser.ignore()
        torch.nn.utils.clip_grad_norm_(self.learnt, 20.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.synthesiser.keep()

    def plain_step(self, columns, wanted, ignored, rate):
        """Learns the mean of the envelopes that have the same codes."""
        made = critic.loudness(self.front(columns))
        error = (made - critic.loudness(wanted))[..., ignored * grid.STEPS :]
        distance = error.abs().mean()
        self.learn(distance + 4 * error.pow(2).mean(), rate)
        return {"distance": distance}

    def sharp_step(self, columns, wanted, f0, ignored, begin, rate):
        """Learns envelopes that the critic takes for the teacher's; it judges from frame `begin`."""
        hops = slice(begin * grid.STEPS, (begin + JUDGED) * grid.STEPS)
        states = columns[:, 0, begin : begin + JUDGED]
        made, wanted = critic.loudness(self.front(columns)), critic.loudness(wanted)
        true = critic.picture(wanted[..., hops], f0[:, hops])
        false = critic.picture(made[..., hops], f0[:, hops])
        judging = self.judging_step(true, false.detach(), states)
        self.critic.requires_grad_(False)
        verdict, features = self.judge(false, states)
        with torch.no_grad():
            likeness = self.judge(true, states)[1]
        parts = {
            "distance": (made - wanted)[..., ignored * grid.STEPS :].abs().mean(),
            "adversarial": (verdict - 1).pow(2).mean(),
            "features": critic.feature_distance(features, likeness),
        }
        self.learn(
            DISTANCE_WEIGHT * parts["distance"]
            + parts["adversarial"]
            + FEATURE_WEIGHT * parts["features"],
            rate,
        )
        self.critic.requires_grad_(True)
        return parts | {"critic": judging}

    def judging_step(self, true, false, states):
        verdicts = [self.judge(pictures, states)[0] for pictures in (true, false)]
        loss = (verdicts[0] - 1).pow(2).mean() + verdicts[1].pow(2).mean()
        self.judging.zero_grad()
        loss.backward()
        self.judging.step()
        return loss


def learning_rate(step, steps, critic_steps):
    def decayed(share, least):
        return least + (1 - least) * (0.5 + 0.5 * math.cos(math.pi * share))

    if step < steps:
        return LEARNING_RATE * min(1, (step + 1) / 40) * decayed(step / steps, 0.02)
    own = step - steps
    return CRITIC_LEARNING_RATE * min(1, (own + 1) / 30) * decayed(own / critic_steps, 0.1)


def train(path, out, steps=STEPS, critic_steps=CRITIC_STEPS, device="cpu", start=None):
    """Trains on the output of `recordings.make`; resumes from `out` if it exists.

    `start` is a folder with parameters to begin with, see `parameters`.
    """
    data = [pair for pair in recordings.load(path) if len(pair[0]) >= WINDOW]
    print(f"codec: {len(data)} recordings", flush=True)
    decoder = build()
    training = Training(decoder, device)
    conv = decoder.decoder[0].conv
    if start is not None:
        decoder.load_state_dict(parameters.load(start, "decoder"))
        training.critic.load_state_dict(parameters.load(start, "critic"))
    else:
        with torch.no_grad():
            mean = np.concatenate([values for _, values in data[:200]]).astype(np.float32).mean(0)
            conv.bias[: 2 * COUNT] = torch.from_numpy(mean)
            conv.weight[: 2 * COUNT] *= 0.5
    if Path(out).is_file():
        training.load(out, device)
    started, history = time.time(), []
    while training.step < steps + critic_steps:
        rng = random.Random(training.step)
        rate = learning_rate(training.step, steps, critic_steps)
        beginning = rng.random() < BEGINNINGS
        ignored = 0 if beginning else IGNORED
        columns, wanted, f0 = (part.to(device) for part in batch(data, rng, beginning))
        if training.step < steps:
            parts = training.plain_step(columns, wanted, ignored, rate)
        else:
            begin = 0 if beginning else rng.randint(IGNORED, WINDOW - JUDGED)
            parts = training.sharp_step(columns, wanted, f0, ignored, begin, rate)
        training.step += 1
        history.append({name: float(part.detach()) for name, part in parts.items()})
        if training.step % REPORT_EVERY == 0:
            shown = progress.means(history)
            history = []
            print(
                f"codec {training.step}/{steps + critic_steps}: {shown}, "
                f"{time.time() - started:.0f} s",
                flush=True,
            )
        if training.step % SAVE_EVERY == 0 or training.step == steps + critic_steps:
            training.save(out)
