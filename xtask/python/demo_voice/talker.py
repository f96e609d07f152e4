"""Trains the talker and its code predictor on the codes of the corpus."""

import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from qwen_tts.core.models.configuration_qwen3_tts import Qwen3TTSConfig
from qwen_tts.core.models.modeling_qwen3_tts import Qwen3TTSForConditionalGeneration

import grid
import network
import progress
import shape
import parameters
from arrangement import Arranger
from codes import AFTER_BOOK, EDGE_BOOK, LETTER_BOOKS, LEVEL_BOOK, NEXT_BOOK, PERIODS_BOOK
from muon import Muon
from sequences import NONE, POSITIONS, Prompt, batches

STEPS, LEARNING_RATE = 20_000, 1.6e-3
PREDICTOR_SHARE = 0.15  # of the frames that the code predictor learns from in a step
SAVE_EVERY = 250
REPORT_EVERY = 50


def build(tokenizer):
    config = Qwen3TTSConfig(**shape.model(tokenizer))
    config._attn_implementation = "sdpa"
    torch.manual_seed(2)
    return Qwen3TTSForConditionalGeneration(config).float()


def disturb(codes, generator):
    """Disturbs the talker's history with the mistakes that it makes in free-running generation.

    Frames are lost, notes slip to a neighbouring frame, pitch and loudness are those of another one.
    """
    codes = codes.clone()
    frame = codes[:, :, 1] >= 0

    def chance(probability):
        return (torch.rand(frame.shape, generator=generator) < probability) & frame

    other = codes.roll(int(torch.randint(1, len(codes), (1,), generator=generator)), 0)
    swap = chance(0.08) & (other[:, :, 1] >= 0)
    sound = slice(PERIODS_BOOK, LEVEL_BOOK + 1)
    codes[:, :, sound] = torch.where(swap[..., None], other[:, :, sound], codes[:, :, sound])
    notes = [*LETTER_BOOKS, NEXT_BOOK, AFTER_BOOK]
    for distance in (-2, -1, 1, 2):
        neighbour = codes.roll(distance, 1)
        slip = chance(0.012) & (neighbour[:, :, 1] >= 0)
        for book in notes:
            codes[:, :, book] = torch.where(slip, neighbour[:, :, book], codes[:, :, book])
    wrong = chance(0.04)
    any_state = other[:, :, 0].roll(7, 1)
    wrong = wrong & (any_state >= 0) & (any_state < shape.BOOK_SIZE)
    codes[:, :, 0] = torch.where(wrong, any_state, codes[:, :, 0])
    lost = chance(0.10)
    codes[lost] = NONE
    return codes


def losses(net, batch, codes, picked):
    """Returns cross entropies by target; the code predictor learns from the frames `picked`."""
    mask = network.attention_mask(batch.segments)
    guide = network.guide_mask(batch.targets)
    hidden = net.hidden(batch.text_ids, codes, batch.positions, mask, guide)
    learnt = batch.labels >= 0
    specials = shape.FIRST_SPECIAL_CODE + 3
    logits = net.talker.codec_head(hidden.last[learnt])[:, :specials].float()
    guided = torch.stack([part[learnt] for part in hidden.guided])
    told = batch.readings[..., 0] >= 0
    readings = net.readings(hidden.reading[told]).float()
    rest = batch.next_codes.flatten(0, 1)[picked]
    books = net.predictor_logits(hidden.last.flatten(0, 1)[picked], rest).float()
    books = F.cross_entropy(books.mT, rest[:, 1:], reduction="none").mean(0)
    furthest = batch.readings[told][:, -1]
    # Book 0 is not among them.
    sounds = books[PERIODS_BOOK - 1 : LEVEL_BOOK]
    return {
        "phonemes": F.cross_entropy(logits, batch.labels[learnt]),
        "notes": books[: PERIODS_BOOK - 1].mean(),
        "periods": sounds[0],
        "edges": sounds[EDGE_BOOK - PERIODS_BOOK],
        "levels": sounds[LEVEL_BOOK - PERIODS_BOOK],
        "after": books[AFTER_BOOK - 1],
        "empty": books[AFTER_BOOK:].mean(),
        "guidance": -guided.mean(),
        "readings": F.cross_entropy(readings.mT, batch.readings[told], ignore_index=NONE),
        "misread": (readings[:, -1].argmax(-1) != furthest)[furthest >= 0].float().mean(),
    }


WEIGHTS = {
    "phonemes": 1.0,
    "notes": 1.0,
    "periods": 0.2,
    "edges": 0.1,
    "levels": 0.1,
    "after": 0.2,
    "empty": 0.5,
    "guidance": 0.1,
    "readings": 0.5,
}


def pick_frames(batch, generator):
    """Returns indices of a fixed number of frames, so that every step has the same shapes."""
    frames = torch.nonzero(batch.next_codes.flatten(0, 1)[:, 1] >= 0)[:, 0]
    count = int(POSITIONS * 0.45 * PREDICTOR_SHARE)
    return frames[torch.randint(0, len(frames), (count,), generator=generator)]


class Average:
    """The exponential mean of the parameters, which is exported."""

    def __init__(self, model, decay=0.999):
        self.decay, self.steps = decay, 0
        self.values = {name: value.detach().clone() for name, value in model.named_parameters()}

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for name, value in model.named_parameters():
            self.values[name].lerp_(value, 1 - decay)


def optimizers(net):
    """Returns Muon for the matrices of the layers, and AdamW for the rest."""
    inner, rest = [], []
    for name, value in net.talker.named_parameters():
        (inner if ".layers." in name and value.ndim == 2 else rest).append(value)
    return [
        Muon(inner, LEARNING_RATE, weight_decay=0.01),
        torch.optim.AdamW(
            [*rest, *net.reader.parameters()],
            LEARNING_RATE,
            betas=(0.9, 0.98),
            weight_decay=0.01,
            fused=True,
        ),
    ]


def learning_rate(step, steps):
    warm = min(1, (step + 1) / 300)
    return LEARNING_RATE * warm * (0.515 + 0.485 * math.cos(math.pi * min(1, step / steps)))


def fast_bfloat16(device):
    return device != "cpu" or torch.cpu._is_avx512_bf16_supported()


class Training:
    """The state that a step changes, and its storage."""

    def __init__(self, model, net):
        self.model, self.net = model, net
        self.optimizers = optimizers(net)
        self.average, self.step = Average(model), 0

    def load(self, path, device):
        saved = torch.load(path, map_location=device, weights_only=False)
        self.model.load_state_dict(saved["model"])
        self.net.reader.load_state_dict(saved["reader"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        self.average.values = saved["average"]
        self.average.steps = self.step = saved["step"]

    def save(self, path):
        state = {
            "model": self.model.state_dict(),
            "reader": self.net.reader.state_dict(),
            "optimizers": [one.state_dict() for one in self.optimizers],
            "average": self.average.values,
            "step": self.step,
        }
        torch.save(state, f"{path}.new")
        Path(f"{path}.new").replace(path)

    def learn(self, batch, device, rate):
        """Runs one step and returns the losses by name."""
        generator = torch.Generator().manual_seed(self.step)
        codes = disturb(batch.codes, generator).to(device)
        picked = pick_frames(batch, generator).to(device)
        with torch.autocast(device, torch.bfloat16, enabled=fast_bfloat16(device)):
            parts = losses(self.net, batch.to(device), codes, picked)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = rate
        sum(weight * parts[name] for name, weight in WEIGHTS.items()).backward()
        torch.nn.utils.clip_grad_norm_(self.model.talker.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.average.update(self.model)
        self.step += 1
        return {name: float(value.detach()) for name, value in parts.items()}


def train(utterances, out, steps=STEPS, device="cpu", start=None, seed=3):
    """Trains on the output of `codes.utterances`; resumes from `out` if it exists.

    `start` is a folder with parameters to begin with, see `parameters`.
    """
    tokenizer = shape.ByteTokenizer()
    model = build(tokenizer).to(device)
    if start is not None:
        model.load_state_dict(parameters.load(start, "talker"))
    net = network.Net(model)
    if start is not None:
        net.reader.load_state_dict(parameters.load(start, "reader"))
    net.reader.to(device)
    training = Training(model, net)
    if Path(out).is_file():
        training.load(out, device)
    prompt = Prompt(tokenizer, shape.model(tokenizer))
    stream = batches(utterances, prompt, Arranger(), seed + training.step)
    network.check(model, net, next(stream).to(device))
    net.hidden = torch.compile(net.hidden, dynamic=False)
    started, begun, history = time.time(), training.step, []
    while training.step < steps:
        rate = learning_rate(training.step, steps)
        history.append(training.learn(next(stream), device, rate))
        if training.step % REPORT_EVERY == 0:
            parts = progress.means(history)
            history = []
            pace = (time.time() - started) / (training.step - begun)
            print(f"talker {training.step}/{steps}: {parts}, {pace:.2f} s a step", flush=True)
        if training.step % SAVE_EVERY == 0 or training.step == steps:
            training.save(out)


def speaker_rows(path):
    """Returns the speaker rows of the talker saved at `path`: [speakers, H]."""
    config = shape.model(shape.ByteTokenizer())["talker_config"]
    average = torch.load(path, map_location="cpu", weights_only=False)["average"]
    ids = [config["spk_id"][name] for name in grid.NAMES]
    return average["talker.model.codec_embedding.weight"][ids].clone()
