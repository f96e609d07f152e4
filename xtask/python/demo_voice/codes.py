"""The sixteen codes of every frame.

| book  | what it says                                                    | in the decoder |
|-------|-----------------------------------------------------------------|----------------|
| 0     | the phoneme, and whether this is its first frame                | learnt         |
| 1     | the speaker                                                     | learnt         |
| 2–6   | the letter that is being read and those around it               | noise, or zero |
| 7     | the phoneme that comes next                                     | learnt         |
| 8     | the number of the voice's periods in the frame; 0 for no voice  | learnt         |
| 9     | the pitch at the end of the frame                               | learnt         |
| 10    | the loudness                                                    | learnt         |
| 11    | the phoneme after the next                                      | learnt         |
| 12–15 | nothing                                                         | zero           |

Books 2 to 6 are the talker's notes: they record its position in the text, which it finds again by
looking for these letters, whatever it has spoken before. Without them a talker of this size loses its
position within ten frames.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

import grid
from alignment import Alignment
from teacher import words_of

N_BOOKS = 16
BOOK_SIZE = 128
SPEAKER_BOOK = 1
LETTER_BOOKS = {2: 0, 3: 1, 4: 2, 5: -1, 6: -2}  # book: distance from the letter being read
NEXT_BOOK = 7
PERIODS_BOOK, EDGE_BOOK, LEVEL_BOOK = 8, 9, 10
AFTER_BOOK = 11
UNKNOWN = BOOK_SIZE - 1  # of book 7: of a recording, which is encoded without a look ahead
HEARD_BOOKS = (0, SPEAKER_BOOK, NEXT_BOOK, PERIODS_BOOK, EDGE_BOOK, LEVEL_BOOK, AFTER_BOOK)
QUIETEST, LEVEL_STEP, N_LEVELS = -69.0, 3.0, 21  # dB
PHONEMES = (
    "_ b d f h j k l m n p s t v w z ð ŋ ɡ ɹ ʃ ʒ ʤ ʧ θ T x "
    "A A' I I' O O' W W' Y Y' i i' u u' æ æ' ɐ ɑ ɑ' ɔ ɔ' ə ɛ ɛ' ɜ ɜ' ɪ ɪ' ʊ ʊ' ʌ ʌ' ᵊ ᵻ"
).split()

# `assistant` is one token in every prompt, so it is one letter here.
ASSISTANT = "\x01"
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 '.,;:?!-$%" + ASSISTANT
BEFORE, BEHIND = 0, len(ALPHABET) + 1  # codes of the positions before and after the text


def letters(text):
    """Returns the symbols of the text, one per token."""
    return text.replace("assistant", ASSISTANT)


def letter_code(text, place):
    if place < 0:
        return BEFORE
    return ALPHABET.index(text[place]) + 1 if place < len(text) else BEHIND


def write_letters(frame, text, place, seen=None):
    """Writes the letters around `place` to a frame; those after `seen` are not known yet."""
    for book, distance in LETTER_BOOKS.items():
        at = place + distance
        frame[book] = letter_code(text, at) if seen is None or at <= seen else BEFORE


def state(phoneme, later):
    """Returns the code of book 0: of a phoneme's first frame, or of those after it."""
    for name in (phoneme, phoneme.rstrip("'"), "ə"):
        if name in PHONEMES:
            return 2 * PHONEMES.index(name) + later
    raise AssertionError("there is a phoneme ə")


def level_code(level):
    return int(np.clip(round((level - QUIETEST) / LEVEL_STEP), 0, N_LEVELS - 1))


def edge_code(edge):
    return 0 if edge == 0 else round((edge - grid.LEAST_PERIODS) / grid.EDGE_STEP) + 1


def edge_of(code):
    """Returns the pitch that a code other than 0 says, in periods a frame; the inverse of `edge_code`."""
    return grid.LEAST_PERIODS + (code - 1) * grid.EDGE_STEP


def frequencies(columns):
    """Returns the pitch at the end of every hop that codes [frames, 16] say, in Hz."""
    edge = columns[:, EDGE_BOOK].astype(float)
    edges = np.where(edge > 0, edge_of(edge), 0)
    return grid.frequencies(columns[:, PERIODS_BOOK].astype(float), edges)


@dataclass
class Utterance:
    """Training data of the talker: `codes` [frames, 16], `places` [frames] in `text`."""

    text: str
    speaker: int
    codes: np.ndarray
    places: np.ndarray
    heard: int = 0  # number of frames at the beginning that belong to a recording and have no notes
    told: int = 0  # number of letters at the beginning that belong to a recording


def align(sentences):
    words = Counter()
    for sentence in sentences:
        words.update(word for _, _, word, _ in sentence_words(sentence))
    return Alignment(words)


def sentence_words(sentence):
    """Returns `(index, start, (letters, phonemes), segments)` of each word with a sound."""
    text = letters(sentence["text"])
    spans = words_of(text)
    for index, (start, end) in enumerate(spans):
        own = [at for at, word in enumerate(sentence["words"]) if word == index]
        if own:
            phonemes = tuple(sentence["phonemes"][at] for at in own)
            yield index, start, (text[start:end], phonemes), own


def segment_places(sentence, alignment):
    """Returns the place in the text of each segment; a pause is after the word it follows."""
    text = letters(sentence["text"])
    spans = words_of(text)
    places = [None] * len(sentence["phonemes"])
    for _, start, word, own in sentence_words(sentence):
        for segment, place in zip(own, alignment.places(*word)):
            places[segment] = start + place
    word = -1
    for segment, own in enumerate(sentence["words"]):
        if own >= 0:
            word = own
        else:
            places[segment] = spans[word][1] if word >= 0 else -1
    places[-1] = len(text)
    return places


def codes_of(sentence, speaker, alignment):
    """Returns the codes of a sentence and the place in the text of each frame."""
    text = letters(sentence["text"])
    places = segment_places(sentence, alignment)
    codes, frame_places = [], []
    phonemes, counts = sentence["phonemes"], sentence["n_frames"]
    for segment, (phoneme, count) in enumerate(zip(phonemes, counts)):
        following = [*phonemes[segment + 1 : segment + 3], grid.SILENCE, grid.SILENCE]
        for frame in range(count):
            row = np.zeros(N_BOOKS, np.uint8)
            row[0] = state(phoneme, min(frame, 1))
            row[SPEAKER_BOOK] = speaker
            write_letters(row, text, places[segment])
            row[NEXT_BOOK] = state(following[0], 0)
            row[AFTER_BOOK] = state(following[1], 0)
            codes.append(row)
            frame_places.append(places[segment])
    codes = np.stack(codes)
    voice = sentence["voices"][grid.NAMES[speaker]]
    codes[:, PERIODS_BOOK] = voice["periods"]
    codes[:, EDGE_BOOK] = [edge_code(edge) for edge in voice["edges"]]
    codes[:, LEVEL_BOOK] = [level_code(level) for level in sentence["levels"]]
    return codes, np.array(frame_places, np.int16)


def utterances(sentences, alignment):
    """Returns each sentence as every speaker says it."""
    return [
        Utterance(letters(sentence["text"]), speaker, *codes_of(sentence, speaker, alignment))
        for sentence in sentences
        for speaker in range(len(grid.NAMES))
    ]
