"""Trains the talker and its code predictor on the codes of the corpus.

The parameters are those of the official classes; the forward pass is written out here, for several
sentences packed in one row and for bfloat16 products, and held against the official one at start.
"""

import math
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from qwen_tts.core.models.configuration_qwen3_tts import Qwen3TTSConfig
from qwen_tts.core.models.modeling_qwen3_tts import Qwen3TTSForConditionalGeneration

import shape
import text
from arrangement import Arranger
from codes import FIRST_SOUND_BOOK, LETTER_BOOKS, N_BOOKS, NEXT_BOOK

ROWS, LENGTH = 6, 512  # rows of a step, positions a row; a row holds several sentences
STEPS, LEARNING_RATE = 9_300, 1.6e-3
STREAMED_SHARE = 0.25  # of the texts come one token a frame
JOINED_SHARE = 0.15  # of the utterances go on from another one
PREDICTOR_SHARE = 0.15  # of the frames the code predictor learns from in a step
GUIDED_LAYERS = (1, 2)
SAVE_EVERY = 250
NONE = -1


def build(tokenizer):
    config = Qwen3TTSConfig(**shape.model(tokenizer))
    config._attn_implementation = "sdpa"
    torch.manual_seed(2)
    return Qwen3TTSForConditionalGeneration(config).float()


@dataclass
class Sequence:
    """One utterance as the talker sees it; arrays of its positions."""

    text_ids: np.ndarray
    codes: np.ndarray  # [positions, 16]; NONE where there is no code
    labels: np.ndarray  # what book 0 says next; NONE where nothing is learnt
    next_codes: np.ndarray  # [positions, 16]: the frame that comes next, where labels is a code
    targets: np.ndarray  # the position of the letter that is read next; NONE elsewhere


class Prompt:
    """The official prompts of a preset voice: the text ahead, or one token with each frame."""

    def __init__(self, tokenizer, config):
        self.tokenizer, self.config = tokenizer, config
        talker = config["talker_config"]
        self.talker = talker
        self.pad, self.bos, self.eos = (
            config[f"tts_{name}_token_id"] for name in ("pad", "bos", "eos")
        )
        self.role = [config["im_start_token_id"], config["assistant_token_id"]]
        self.role.append(tokenizer.letter("\n"))

    def codec_prefix(self, speaker, language):
        talker = self.talker
        start = [talker["codec_nothink_id"], talker["codec_think_bos_id"]]
        if language is not None:
            start[0] = talker["codec_think_id"]
            start.append(talker["codec_language_id"][language])
        voice = talker["spk_id"][text.SPEAKERS[speaker]]
        return [*start, talker["codec_think_eos_id"], voice, talker["codec_pad_id"]]

    def sequence(self, utterance, language, streamed=False):
        """The whole sequence; `streamed` takes an utterance of `streaming.delayed`."""
        prefix = self.codec_prefix(utterance.speaker, language)
        letters = [self.tokenizer.letter(letter) for letter in utterance.text]
        frames = len(utterance.codes)
        first_letter = len(self.role) + len(prefix)
        head = [*self.role, *[self.pad] * (len(prefix) - 1), self.bos]
        if streamed:
            start = first_letter
            text_ids = [*head, *letters, self.eos]
            text_ids += [self.pad] * (start + frames + 1 - len(text_ids))
        else:
            start = first_letter + len(letters) + 1
            text_ids = [*head, *letters, self.eos, *[self.pad] * (frames + 1)]
        codes = np.full((len(text_ids), N_BOOKS), NONE, np.int64)
        codes[len(self.role) : first_letter, 0] = prefix
        codes[first_letter:start, 0] = self.talker["codec_pad_id"]
        codes[start, 0] = self.talker["codec_bos_id"]
        codes[start + 1 :] = utterance.codes
        labels = np.full(len(text_ids), NONE, np.int64)
        labels[start:-1] = utterance.codes[:, 0]
        labels[-1] = self.talker["codec_eos_token_id"]
        next_codes = np.full_like(codes, NONE)
        next_codes[start:-1] = utterance.codes
        targets = np.full(len(text_ids), NONE, np.int64)
        targets[start:-1] = first_letter + np.clip(utterance.places, 0, len(letters))
        targets[-1] = first_letter + len(letters)
        return Sequence(np.array(text_ids), codes, labels, next_codes, targets)


@dataclass
class Batch:
    text_ids: torch.Tensor  # [rows, length]
    codes: torch.Tensor  # [rows, length, 16]
    labels: torch.Tensor
    next_codes: torch.Tensor
    targets: torch.Tensor
    segments: torch.Tensor  # the sentence of each position in its row; NONE for filling
    positions: torch.Tensor

    def to(self, device):
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def pack(sequences):
    """First fit, longest first, into rows of LENGTH positions."""
    rows = []
    for sequence in sorted(sequences, key=lambda one: -len(one.text_ids)):
        length = len(sequence.text_ids)
        row = next((row for row in rows if row[0] + length <= LENGTH), None)
        if row is None:
            row = [0, []]
            rows.append(row)
        row[0] += length
        row[1].append(sequence)
    return [row[1] for row in rows]


def collate(rows):
    def filled(*more):
        return np.full((len(rows), LENGTH, *more), NONE, np.int64)

    text_ids = np.zeros((len(rows), LENGTH), np.int64)
    codes, next_codes = filled(N_BOOKS), filled(N_BOOKS)
    labels, targets, segments = filled(), filled(), filled()
    positions = np.zeros((len(rows), LENGTH), np.int64)
    for index, row in enumerate(rows):
        start = 0
        for segment, one in enumerate(row):
            here = slice(start, start + len(one.text_ids))
            text_ids[index, here] = one.text_ids
            codes[index, here], next_codes[index, here] = one.codes, one.next_codes
            labels[index, here] = one.labels
            targets[index, here] = np.where(one.targets == NONE, NONE, one.targets + start)
            segments[index, here] = segment
            positions[index, here] = np.arange(len(one.text_ids))
            start = here.stop
    arrays = (text_ids, codes, labels, next_codes, targets, segments, positions)
    return Batch(*map(torch.from_numpy, arrays))


def batches(utterances, prompt, arranger, seed):
    """An endless shuffle of the corpus in packed rows.

    The language is named half of the time, a quarter of the texts come while they are spoken, and
    some utterances are several in a row, so that long texts are not new to the voice.
    """
    epoch, rows = 0, []
    while True:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(utterances))
        for start in range(0, len(order), 400):
            chosen = [utterances[index] for index in order[start : start + 400]]
            made, last = [], {}
            for one in chosen:
                while rng.random() < JOINED_SHARE and one.speaker in last:
                    one = arranger.joined(last.pop(one.speaker), one)
                if one.text[-1] in ".?!":
                    last[one.speaker] = one
                language = "english" if rng.random() < 0.5 else None
                if streamed := rng.random() < STREAMED_SHARE:
                    one = arranger.delayed(one)
                made.append(prompt.sequence(one, language, streamed))
            rows += pack([one for one in made if len(one.text_ids) <= LENGTH])
            rng.shuffle(rows)
            while len(rows) >= 2 * ROWS:
                yield collate(rows[:ROWS])
                rows = rows[ROWS:]
        epoch += 1


def disturb(codes, generator):
    """What the talker hears of its past, with the mistakes that it will make when it speaks alone.

    Frames are lost, notes slip to a neighbour frame, sounds are those of another frame.
    """
    codes = codes.clone()
    frame = codes[:, :, 1] >= 0

    def chance(probability):
        return (torch.rand(frame.shape, generator=generator) < probability) & frame

    other = codes.roll(int(torch.randint(1, len(codes), (1,), generator=generator)), 0)
    swap = chance(0.35) & (other[:, :, 1] >= 0)
    sound = slice(FIRST_SOUND_BOOK, N_BOOKS)
    codes[:, :, sound] = torch.where(swap[..., None], other[:, :, sound], codes[:, :, sound])
    notes = [*LETTER_BOOKS, NEXT_BOOK]
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


class Net:
    """The forward pass of the official talker and code predictor over packed rows."""

    def __init__(self, model):
        self.talker = model.talker
        self.predictor = model.talker.code_predictor

    def embeddings(self, text_ids, codes):
        talker = self.talker
        x = talker.text_projection(talker.model.text_embedding(text_ids))
        tables = [talker.model.codec_embedding, *self.predictor.model.codec_embedding]
        for book, table in enumerate(tables):
            present = codes[..., book] >= 0
            x = x + table(codes[..., book].clamp(min=0)) * present[..., None]
        return x

    def rotary(self, positions, head_dim, theta):
        steps = torch.arange(0, head_dim, 2, device=positions.device) / head_dim
        angles = positions[..., None].float() * (theta**-steps)
        angles = torch.cat([angles, angles], -1)
        return angles.cos()[:, None], angles.sin()[:, None]

    def layer(self, layer, x, rotary, mask, guide):
        attention = layer.self_attn
        rows, length, _ = x.shape
        normed = layer.input_layernorm(x)

        def heads(projection):
            return projection(normed).view(rows, length, -1, attention.head_dim)

        def turned(vectors):
            vectors = vectors.transpose(1, 2)
            half = vectors.shape[-1] // 2
            other = torch.cat([-vectors[..., half:], vectors[..., :half]], -1)
            return vectors * rotary[0] + other * rotary[1]

        query = turned(attention.q_norm(heads(attention.q_proj)))
        key = turned(attention.k_norm(heads(attention.k_proj)))
        value = heads(attention.v_proj).transpose(1, 2)
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        # Written out: on a CPU this is twice as quick as the fused attention with a mask.
        scores = (query.to(value.dtype) @ key.to(value.dtype).transpose(-1, -2)).float()
        scores = scores * attention.scaling + mask
        weights = torch.softmax(scores, -1)
        reached = None
        if guide is not None:
            reached = torch.log((weights[:, 0] * guide).sum(-1) + 1e-6)
        mixed = weights.to(value.dtype) @ value
        mixed = mixed.transpose(1, 2).reshape(rows, length, -1)
        x = x + attention.o_proj(mixed)
        return x + layer.mlp(layer.post_attention_layernorm(x)), reached

    def hidden(self, text_ids, codes, positions, mask, guide):
        x = self.embeddings(text_ids, codes)
        config = self.talker.config
        rotary = self.rotary(positions, config.head_dim, config.rope_theta)
        reached = []
        for index, layer in enumerate(self.talker.model.layers):
            x, found = self.layer(layer, x, rotary, mask, guide if index in GUIDED_LAYERS else None)
            if found is not None:
                reached.append(found)
        return self.talker.model.norm(x), reached

    def predictor_logits(self, hidden, codes):
        """Logits of books 1 to 15: `hidden` [n, H], `codes` [n, 16] → [n, 15, size]."""
        predictor = self.predictor
        tables = [self.talker.model.codec_embedding, *predictor.model.codec_embedding]
        parts = [hidden] + [tables[book](codes[:, book]) for book in range(N_BOOKS - 1)]
        x = predictor.small_to_mtp_projection(torch.stack(parts, 1))
        config = predictor.model.config
        positions = torch.arange(N_BOOKS, device=codes.device)[None]
        rotary = self.rotary(positions, config.head_dim, config.rope_theta)
        mask = additive(torch.ones_like(positions).bool().expand(N_BOOKS, N_BOOKS).tril())
        for layer in predictor.model.layers:
            x, _ = self.layer(layer, x, rotary, mask, None)
        x = predictor.model.norm(x)
        heads = torch.stack([head.weight for head in predictor.lm_head])
        return torch.einsum("nbh,bvh->nbv", x[:, 1:], heads)


def attention_mask(segments):
    places = torch.arange(segments.shape[1], device=segments.device)
    same = segments[:, :, None] == segments[:, None, :]
    causal = places[:, None] >= places[None, :]
    # Filling attends to itself, so that no row of the mask is empty.
    own = places[:, None] == places[None, :]
    return additive((same & (segments >= 0)[:, None, :] & causal) | own)[:, None]


def additive(mask):
    return torch.where(mask, 0.0, -1e9)


def guide_mask(targets):
    """Where a guided head may look: the letter that is read and the three behind it."""
    places = torch.arange(targets.shape[1], device=targets.device)
    distance = places[None, None, :] - targets[:, :, None]
    return (distance >= 0) & (distance <= 3) & (targets >= 0)[:, :, None]


def losses(net, batch, codes, picked):
    """Cross entropies of all books and the guidance; `picked` are the code predictor's frames."""
    mask = attention_mask(batch.segments)
    guide = guide_mask(batch.targets)
    hidden, reached = net.hidden(batch.text_ids, codes, batch.positions, mask, guide)
    learnt = batch.labels >= 0
    n_learnt = learnt.sum()
    specials = shape.FIRST_SPECIAL_CODE + 3
    logits = net.talker.codec_head(hidden)[..., :specials].float()
    first = F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=NONE)
    right = ((logits.argmax(-1) == batch.labels) & learnt).sum() / n_learnt
    lost = [(part * learnt).sum() / n_learnt for part in reached]
    guidance = -sum(lost) / len(lost)
    rest = batch.next_codes.flatten(0, 1)[picked]
    logits = net.predictor_logits(hidden.flatten(0, 1)[picked], rest).float()
    wanted = rest[:, 1:]
    each = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
    return first, right, guidance, each.view_as(wanted).mean(0)


def pick_frames(batch, generator):
    """Indices of a fixed number of frames, so that every step has the same shapes."""
    frames = torch.nonzero(batch.next_codes.flatten(0, 1)[:, 1] >= 0)[:, 0]
    count = int(ROWS * LENGTH * 0.45 * PREDICTOR_SHARE)
    return frames[torch.randint(0, len(frames), (count,), generator=generator)]


def check(model, net, batch):
    """Our forward pass is the official one's, for one sentence."""
    own = batch.segments[0] == 0
    text_ids, codes = batch.text_ids[:1, own], batch.codes[:1, own]
    positions = batch.positions[:1, own]
    mask = attention_mask(torch.zeros_like(positions))
    with torch.no_grad():
        ours, _ = net.hidden(text_ids, codes, positions, mask, None)
        official = model.talker.model(
            inputs_embeds=net.embeddings(text_ids, codes),
            position_ids=positions[None].expand(3, -1, -1),
            attention_mask=torch.ones_like(positions),
            use_cache=False,
        ).last_hidden_state
    distance = float((ours - official).abs().max())
    if distance > 1e-3:
        raise SystemExit(f"the forward pass differs from the official one by {distance}")


class Average:
    """The exponential mean of the parameters, which is what is exported."""

    def __init__(self, model, decay=0.999):
        self.decay, self.steps = decay, 0
        self.values = {name: value.detach().clone() for name, value in model.named_parameters()}

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for name, value in model.named_parameters():
            self.values[name].lerp_(value, 1 - decay)


def learning_rate(step, steps):
    warm = min(1, (step + 1) / 300)
    return LEARNING_RATE * warm * (0.515 + 0.485 * math.cos(math.pi * min(1, step / steps)))


def train(corpus, out, steps=STEPS, device="cpu", seed=3):
    """Trains on `corpus`, what `codes.make` saved; goes on from `out` where that is there."""
    utterances = corpus["utterances"]
    tokenizer = shape.ByteTokenizer()
    model = build(tokenizer).to(device)
    net = Net(model)
    prompt = Prompt(tokenizer, shape.model(tokenizer))
    optimizer = torch.optim.AdamW(
        model.talker.parameters(), LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    average, step = Average(model), 0
    if Path(out).is_file():
        saved = torch.load(out, map_location=device, weights_only=False)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        average.values, average.steps, step = saved["average"], saved["step"], saved["step"]
    arranger = Arranger(utterances, corpus["states"])
    stream = batches(utterances, prompt, arranger, seed + step)
    check(model, net, next(stream).to(device))
    started, begun, history = time.time(), step, []
    while step < steps:
        batch = next(stream)
        generator = torch.Generator().manual_seed(step)
        codes = disturb(batch.codes, generator).to(device)
        picked = pick_frames(batch, generator).to(device)
        batch = batch.to(device)
        rate = learning_rate(step, steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(device, torch.bfloat16):
            first, right, guidance, books = losses(net, batch, codes, picked)
        notes, sounds = books[: FIRST_SOUND_BOOK - 1].mean(), books[FIRST_SOUND_BOOK - 1 :].mean()
        loss = first + notes + 0.5 * sounds + 0.1 * guidance
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.talker.parameters(), 1.0)
        optimizer.step()
        average.update(model)
        step += 1
        parts = (first, right, notes, books[FIRST_SOUND_BOOK - 1], sounds, guidance)
        history.append([float(part.detach()) for part in parts])
        if step % 50 == 0:
            first, right, notes, coarse, sounds, guidance = np.mean(history, 0)
            history = []
            pace = (time.time() - started) / (step - begun)
            print(
                f"talker {step}/{steps}: phonemes {first:.3f} ({right:.1%} right), notes "
                f"{notes:.3f}, sound {coarse:.2f} first, {sounds:.2f} all, guidance "
                f"{guidance:.2f}, {pace:.2f} s a step",
                flush=True,
            )
        if step % SAVE_EVERY == 0 or step == steps:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | {"average": average.values, "step": step}, f"{out}.new")
            Path(f"{out}.new").replace(out)
