"""The forward pass of the official talker and code predictor, for training on packed rows.

The parameters are those of the official classes; `check` compares the pass with theirs.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

import shape
from codes import N_BOOKS
from sequences import READ_BEHIND

GUIDED_LAYERS = (1, 2, 3)
READING_LAYER = 2  # behind which the letters' phonemes must be known


@dataclass
class Hidden:
    last: torch.Tensor  # [rows, length, H], normed
    reading: torch.Tensor  # [rows, length, H], behind READING_LAYER
    guided: list  # of [rows, length]: log of the weight that a guided head gives where it may look


class Net:
    """The talker, its code predictor, and a spelling head that is used in training only."""

    def __init__(self, model):
        self.talker = model.talker
        self.predictor = model.talker.code_predictor
        hidden = model.talker.config.hidden_size
        self.reader = torch.nn.Linear(hidden, READ_BEHIND * (shape.BOOK_SIZE + 1))

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

        query = turned(attention.q_norm(heads(attention.q_proj))) * attention.scaling
        key = turned(attention.k_norm(heads(attention.k_proj)))
        value = heads(attention.v_proj).transpose(1, 2)
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        # Written out, since on a CPU this is twice as fast as fused attention with a mask.
        scores = query.to(value.dtype) @ key.to(value.dtype).transpose(-1, -2)
        weights = torch.softmax(scores + mask, -1)
        guided = None
        if guide is not None:
            guided = torch.log((weights[:, 0] * guide).sum(-1) + 1e-6)
        mixed = weights.to(value.dtype) @ value
        mixed = mixed.transpose(1, 2).reshape(rows, length, -1)
        x = x + attention.o_proj(mixed)
        return x + layer.mlp(layer.post_attention_layernorm(x)), guided

    def hidden(self, text_ids, codes, positions, mask, guide):
        x = self.embeddings(text_ids, codes)
        config = self.talker.config
        rotary = self.rotary(positions, config.head_dim, config.rope_theta)
        guided = []
        for index, layer in enumerate(self.talker.model.layers):
            x, found = self.layer(layer, x, rotary, mask, guide if index in GUIDED_LAYERS else None)
            if found is not None:
                guided.append(found)
            if index == READING_LAYER:
                reading = x
        return Hidden(self.talker.model.norm(x), reading, guided)

    def readings(self, reading):
        """Returns phoneme logits of the previous letters: [n, H] → [n, READ_BEHIND, size + 1]."""
        normed = F.rms_norm(reading, reading.shape[-1:])
        return self.reader(normed).unflatten(-1, (READ_BEHIND, -1))

    def predictor_logits(self, hidden, codes):
        """Returns logits of books 1 to 15: `hidden` [n, H], `codes` [n, 16] → [n, 15, size]."""
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
    # Padding attends to itself, so that no row of the mask is empty.
    own = places[:, None] == places[None, :]
    return additive((same & (segments >= 0)[:, None, :] & causal) | own)[:, None]


def additive(mask):
    return torch.where(mask, 0.0, -1e9)


def guide_mask(targets):
    """Returns the mask of a guided head: the four positions after the letter that is read.

    They have seen the following letters, and know the phoneme of this one.
    """
    places = torch.arange(targets.shape[1], device=targets.device)
    distance = places[None, None, :] - targets[:, :, None]
    return (distance >= 1) & (distance <= READ_BEHIND) & (targets >= 0)[:, :, None]


def check(model, net, batch):
    """Checks that the forward pass equals the official one for a sentence."""
    own = batch.segments[0] == 0
    text_ids, codes = batch.text_ids[:1, own], batch.codes[:1, own]
    positions = batch.positions[:1, own]
    mask = attention_mask(torch.zeros_like(positions))
    with torch.no_grad():
        ours = net.hidden(text_ids, codes, positions, mask, None).last
        official = model.talker.model(
            inputs_embeds=net.embeddings(text_ids, codes),
            position_ids=positions[None].expand(3, -1, -1),
            attention_mask=torch.ones_like(positions),
            use_cache=False,
        ).last_hidden_state
    distance = float((ours - official).abs().max())
    if distance > 1e-3:
        raise SystemExit(f"the forward pass differs from the official one by {distance}")
