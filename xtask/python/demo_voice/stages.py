"""Speaks the test sentences with parts of the voice, to find where it loses.

usage: stages.py CHECKPOINT FOLDER...

`decoded` is the decoder on the true codes, `forced` the talker's most likely codes of each frame after
the true ones of all frames before it, decoded.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile
import torch

import codes
import grid
import network
import recordings
import shape
from listen import sentences
from sequences import Prompt, collate

sys.path.append(str(Path(__file__).resolve().parent.parent))
import official  # noqa: E402


def true_codes(speaker):
    number = grid.NAMES.index(speaker)
    return [utterances[number] for _, utterances in recordings.spoken(sentences())]


def forced(model, utterance, prompt):
    """Returns the most likely codes of every frame after the true frames before it."""
    net = network.Net(model)
    one = prompt.sequence(utterance, "english")
    batch = collate([[one]], len(one.text_ids))
    mask = network.attention_mask(batch.segments)
    hidden = net.hidden(batch.text_ids, batch.codes, batch.positions, mask, None).last[0]
    frames = np.flatnonzero(batch.next_codes[0, :, 1].numpy() >= 0)
    result = batch.next_codes[0, frames].clone()
    result[:, 0] = net.talker.codec_head(hidden[frames])[:, : shape.BOOK_SIZE].argmax(-1)
    for book in range(1, codes.N_BOOKS):
        logits = net.predictor_logits(hidden[frames], result)
        result[:, book] = logits[:, book - 1].argmax(-1)
    return result


@torch.no_grad()
def main():
    wrapper = official.load(sys.argv[1])
    tokenizer = shape.ByteTokenizer()
    prompt = Prompt(tokenizer, shape.model(tokenizer))
    decoder = wrapper.model.speech_tokenizer.model.decoder
    for folder in map(Path, sys.argv[2:]):
        for name in ("decoded", "forced"):
            (folder / name).mkdir(exist_ok=True)
        for index, utterance in enumerate(true_codes(folder.name)):
            made = {
                "decoded": torch.from_numpy(utterance.codes.astype(np.int64)),
                "forced": forced(wrapper.model, utterance, prompt),
            }
            for name, rows in made.items():
                wave = decoder(rows.T[None])[0, 0].numpy()
                soundfile.write(folder / name / f"{index:03}.wav", wave, grid.SAMPLE_RATE)


if __name__ == "__main__":
    main()
