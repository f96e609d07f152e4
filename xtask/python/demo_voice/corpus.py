"""The training corpus: sentences, their frames' features, phonemes and letters.

Made once per speaker, on one core, and stored in `corpus-<speaker>.npz`.
"""

import json
import time

import numpy as np

import grid
from alignment import WORD
from espeak import Espeak

RATE = 150  # words a minute


def words_of(sentence):
    """Returns `(start, end)` of the letters and digits in each stretch between blanks."""
    return [match.span() for match in WORD.finditer(sentence)]


def segment_words(sentence, spoken, parts):
    """Returns the word of each segment, as an index into `words_of`; -1 for pauses."""
    spans = words_of(sentence)
    starts = [(at / spoken.sample_rate, position - 1) for at, position, _ in spoken.words]
    result, word = [], -1
    for part in parts:
        if part.phoneme == grid.SILENCE:
            result.append(-1)
            continue
        here = [position for start, position in starts if start <= part.start + 1e-6]
        position = here[-1] if here else 0
        # A word event may point past the end of its word or between two digits.
        word = max(word, max((i for i, span in enumerate(spans) if span[0] <= position), default=0))
        result.append(word)
    return result


def record(espeak, sentence):
    """Returns a sentence on the grid, or None if espeak-ng gives no sound."""
    spoken = espeak.speak(sentence)
    if len(spoken.phonemes) < 3:
        return None
    parts = grid.segments(spoken)
    return spoken, parts


def make(speaker, sentences, out):
    espeak = Espeak(grid.VOICES[speaker], RATE)
    started = time.time()
    kept, features = [], []
    for index, sentence in enumerate(sentences):
        made = record(espeak, sentence)
        if made is None:
            continue
        spoken, parts = made
        features.append(grid.features(spoken, parts).astype(np.float16))
        kept.append(
            {
                "text": sentence,
                "phonemes": [part.phoneme for part in parts],
                "n_frames": [part.n_frames for part in parts],
                "words": segment_words(sentence, spoken, parts),
                "seconds": len(spoken.samples) / spoken.sample_rate,
            }
        )
        if index % 500 == 499:
            done = time.time() - started
            print(f"{speaker}: {index + 1}/{len(sentences)} sentences, {done:.0f} s", flush=True)
    np.savez(out, features=np.concatenate(features), sentences=json.dumps(kept))


def load(path):
    """Returns `(sentences, features)`, with the features split by sentence."""
    with np.load(path) as data:
        sentences = json.loads(str(data["sentences"]))
        features = data["features"]
    ends = np.cumsum([sum(sentence["n_frames"]) for sentence in sentences])[:-1]
    return sentences, np.split(features, ends)
