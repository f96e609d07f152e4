"""Recordings for the trainings of decoder and encoders: codes with amplitudes, and with sound."""

from dataclasses import dataclass

import numpy as np
import torch

import codes
import corpus
import decoder
import grid
from synthesiser import COUNT, Synthesiser
from teacher import Teacher

SENTENCES = 2_700
SOUNDS = 900  # recordings whose sound is made


@dataclass
class Example:
    """A sentence by one speaker: its codes, and the amplitudes of the teacher on the grid."""

    utterance: codes.Utterance
    amplitudes: np.ndarray


def examples(sentences):
    """Returns for each sentence the teacher's speech and an example of each speaker.

    Sentences that the teacher cannot tell are left out.
    """
    teacher = Teacher()
    spoken = [(one, teacher.speak(one)) for one in sentences]
    kept = [
        (corpus.described(speech, one), speech)
        for one, speech in spoken
        if speech is not None and len(speech.segments) > 3
    ]
    alignment = codes.align([described for described, _ in kept])
    for described, speech in kept:
        utterances = codes.utterances([described], alignment)
        amplitudes = (corpus.amplitudes_of(speech, name) for name in grid.NAMES)
        yield speech, [Example(*pair) for pair in zip(utterances, amplitudes)]


def make(sentences, out):
    """Stores the codes and the amplitudes of each sentence by each speaker."""
    arrays = {}
    for _, spoken in examples(sentences):
        for example in spoken:
            name = f"{len(arrays) // 2:05}"
            arrays[f"{name}-codes"] = example.utterance.codes
            arrays[f"{name}-amplitudes"] = example.amplitudes.astype(np.float16)
    np.savez(out, **arrays)


def load(path):
    """Returns pairs of codes [frames, 16] and amplitudes [hops, 2 · COUNT]."""
    with np.load(path) as data:
        return [
            (data[key], data[key.replace("codes", "amplitudes")])
            for key in sorted(data)
            if key.endswith("codes")
        ]


@torch.no_grad()
def sound(model, columns, values):
    """Returns what a decoder makes of codes [frames, 16] with `values` in place of its own amplitudes.

    `values` [hops, 2 · COUNT], see `amplitudes`.
    """
    made = torch.from_numpy(np.asarray(values, np.float32).clip(0, 1).T.copy()).asin()

    def replaced(_, __, output):
        output[0, : 4 * COUNT] = torch.cat([made, -made])
        return output

    hook = model.decoder[0].register_forward_hook(replaced)
    wave = model(torch.from_numpy(columns.T.astype(np.int64))[None])[0, 0]
    hook.remove()
    return wave.numpy()


def synthesiser_alone():
    """Returns a decoder for `sound`."""
    model = decoder.build()
    Synthesiser(model)
    return model


def make_sounds(path, out):
    """Stores the codes and the sound of some recordings, for the training of the encoders."""
    model, arrays = synthesiser_alone(), {}
    for index, (columns, values) in enumerate(load(path)[:SOUNDS]):
        arrays[f"{index:05}-codes"] = columns
        arrays[f"{index:05}-wave"] = sound(model, columns, values)
    np.savez(out, **arrays)


def sounds(path):
    """Returns pairs of codes [frames, 16] and sound [frames · FRAME]."""
    with np.load(path) as data:
        return [
            (data[key], torch.from_numpy(data[key.replace("codes", "wave")]))
            for key in sorted(data)
            if key.endswith("codes")
        ]
