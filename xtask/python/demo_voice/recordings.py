"""Recordings for the trainings of decoder and encoders: codes with amplitudes, and with sound."""

import numpy as np
import torch

import codes
import corpus
import decoder
from synthesiser import COUNT, Synthesiser
from teacher import Teacher

SENTENCES = 2_700
SOUNDS = 900  # recordings whose sound is made


def spoken(sentences):
    """Returns for each sentence the teacher's speech and the `codes.Utterance` of each speaker.

    Sentences that the teacher cannot tell are left out.
    """
    teacher = Teacher()
    told = [(one, teacher.speak(one)) for one in sentences]
    kept = [
        (corpus.described(speech, one), speech)
        for one, speech in told
        if speech is not None and len(speech.segments) > 3
    ]
    alignment = codes.align([described for described, _ in kept])
    for described, speech in kept:
        yield speech, codes.utterances([described], alignment)


def store(pairs, kind, out):
    """Stores pairs of codes and `kind`."""
    arrays = {}
    for index, (columns, values) in enumerate(pairs):
        arrays[f"{index:05}-codes"], arrays[f"{index:05}-{kind}"] = columns, values
    np.savez(out, **arrays)


def stored(path, kind):
    with np.load(path) as data:
        return [
            (data[key], data[key.replace("codes", kind)])
            for key in sorted(data)
            if key.endswith("codes")
        ]


def make(sentences, out):
    """Stores the codes and the amplitudes of each sentence by each speaker."""
    pairs = (
        (utterance.codes, values.astype(np.float16))
        for speech, utterances in spoken(sentences)
        for utterance, values in zip(utterances, corpus.amplitudes_of(speech).values())
    )
    store(pairs, "amplitudes", out)


def load(path):
    """Returns pairs of codes [frames, 16] and amplitudes [hops, 2 · COUNT]."""
    return stored(path, "amplitudes")


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
    model = synthesiser_alone()
    recorded = load(path)[:SOUNDS]
    store(((columns, sound(model, columns, values)) for columns, values in recorded), "wave", out)


def sounds(path):
    """Returns pairs of codes [frames, 16] and sound [frames · FRAME]."""
    return [(columns, torch.from_numpy(wave)) for columns, wave in stored(path, "wave")]
