"""The sixteen codes of every frame of the corpus, and the codebooks of the decoder.

| book  | what it says                                        | in the decoder            |
|-------|-----------------------------------------------------|---------------------------|
| 0     | the phoneme, and whether this is its first frame     | mean of such frames       |
| 1     | the speaker                                         | the speaker's mean offset |
| 2–6   | the letter that is being read and those around it   | zero                      |
| 7     | the phoneme that comes next                         | zero                      |
| 8–15  | what the sound has beyond that, by residual k-means | the centroids             |

The silent books are the talker's notes: they record its position in the text, which it finds again by
looking for these letters, whatever it has spoken before. Without them a talker of this size loses its
position within ten frames.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch

import corpus
import grid
from alignment import Alignment

N_BOOKS = 16
BOOK_SIZE = 128
SPEAKER_BOOK = 1
LETTER_BOOKS = {2: 0, 3: 1, 4: 2, 5: -1, 6: -2}  # book: distance from the letter being read
NEXT_BOOK = 7
FIRST_SOUND_BOOK = 8
SILENT_BOOKS = (*LETTER_BOOKS, NEXT_BOOK)
DIMENSIONS = 64

# `assistant` is one token in every prompt, so it is one letter here.
ASSISTANT = "\x01"
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 '.,;:?!-" + ASSISTANT
BEFORE, BEHIND = 0, len(ALPHABET) + 1  # codes of the positions before and after the text

_ROUNDS = 12
_SAMPLE = 200_000


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


@dataclass
class States:
    """Book 0: `(phoneme, 0)` for a phoneme's first frame, `(phoneme, 1)` for those after it."""

    codes: dict

    @classmethod
    def count(cls, sentences):
        counts = Counter()
        for sentence in sentences:
            for phoneme, frames in zip(sentence["phonemes"], sentence["n_frames"]):
                counts[phoneme, 0] += 1
                counts[phoneme, 1] += frames - 1
        kept = [state for state, times in counts.most_common(BOOK_SIZE) if times]
        return cls({state: index for index, state in enumerate(kept)})

    def code(self, phoneme, later):
        # The rarest states have no code; each is replaced by its most frequent relative.
        for name in (phoneme, phoneme.rstrip("0123456789#-@:"), phoneme[:1], "@"):
            for state in ((name, later), (name, 0)):
                if state in self.codes:
                    return self.codes[state]
        raise SystemExit(f"no state for the phoneme {phoneme}")


@dataclass
class Utterance:
    """Training data of the talker: `codes` [frames, 16], `places` [frames] in `text`."""

    text: str
    speaker: int
    codes: np.ndarray
    places: np.ndarray
    heard: int = 0  # number of frames at the beginning that belong to a recording and have no notes


def align(sentences):
    words = Counter()
    for sentence in sentences:
        words.update(word for _, _, word, _ in sentence_words(sentence))
    return Alignment(words)


def sentence_words(sentence):
    """Returns `(index, start, (letters, phonemes), segments)` of each word with a sound."""
    text = letters(sentence["text"])
    spans = corpus.words_of(text)
    for index, (start, end) in enumerate(spans):
        own = [at for at, word in enumerate(sentence["words"]) if word == index]
        if own:
            phonemes = tuple(sentence["phonemes"][at] for at in own)
            yield index, start, (text[start:end], phonemes), own


def segment_places(sentence, alignment):
    """Returns the place in the text of each segment; a pause is after the word it follows."""
    text = letters(sentence["text"])
    spans = corpus.words_of(text)
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


def linguistic_codes(sentence, speaker, states, alignment):
    """Returns all books except those of the sound: `(codes, places)`."""
    text = letters(sentence["text"])
    places = segment_places(sentence, alignment)
    codes, frame_places = [], []
    phonemes, counts = sentence["phonemes"], sentence["n_frames"]
    for segment, (phoneme, count) in enumerate(zip(phonemes, counts)):
        following = phonemes[segment + 1] if segment + 1 < len(phonemes) else grid.SILENCE
        for frame in range(count):
            row = np.zeros(N_BOOKS, np.uint8)
            row[0] = states.code(phoneme, min(frame, 1))
            row[SPEAKER_BOOK] = speaker
            write_letters(row, text, places[segment])
            row[NEXT_BOOK] = states.code(following, 0)
            codes.append(row)
            frame_places.append(places[segment])
    return np.stack(codes), np.array(frame_places, np.int16)


def k_means(points, size, generator):
    centroids = points[torch.randperm(len(points), generator=generator)[:size]].clone()
    for _ in range(_ROUNDS):
        nearest = torch.cdist(points, centroids).argmin(1)
        counts = torch.bincount(nearest, minlength=size)
        sums = torch.zeros_like(centroids).index_add_(0, nearest, points)
        fresh = points[torch.randint(0, len(points), (size,), generator=generator)]
        mean = sums / counts.clamp(min=1)[:, None]
        centroids = torch.where(counts[:, None] > 0, mean, fresh)
    return centroids


def class_means(points, labels):
    sums = torch.zeros(BOOK_SIZE, points.shape[1]).index_add_(0, labels, points)
    return sums / torch.bincount(labels, minlength=BOOK_SIZE).clamp(min=1)[:, None]


class Books:
    """`project` maps a feature patch to a point; `codebooks` are [16, 128, 64]."""

    def __init__(self, features, codes):
        generator = torch.Generator().manual_seed(7)
        pick = torch.randperm(len(features), generator=generator)[:_SAMPLE]
        sample, codes = features[pick].float(), codes[pick].long()
        torch.manual_seed(7)
        self.mean = sample.mean(0)
        _, _, basis = torch.pca_lowrank(sample - self.mean, q=DIMENSIONS, niter=6)
        self.basis = basis
        points = (sample - self.mean) @ basis
        self.scale = points.std()
        points = points / self.scale
        whole = points.pow(2).sum()
        self.codebooks = torch.zeros(N_BOOKS, BOOK_SIZE, DIMENSIONS)
        self.left_over = {}
        for book in (0, SPEAKER_BOOK, *range(FIRST_SOUND_BOOK, N_BOOKS)):
            if book < FIRST_SOUND_BOOK:
                self.codebooks[book] = class_means(points, codes[:, book])
                points = points - self.codebooks[book][codes[:, book]]
            else:
                self.codebooks[book] = k_means(points, BOOK_SIZE, generator)
                nearest = torch.cdist(points, self.codebooks[book]).argmin(1)
                points = points - self.codebooks[book][nearest]
            self.left_over[book] = float(points.pow(2).sum() / whole)

    def encode_sound(self, features, codes):
        """Fills the books of the sound of `codes` [frames, 16]."""
        points = (features.float() - self.mean) @ self.basis / self.scale
        for book in (0, SPEAKER_BOOK):
            points = points - self.codebooks[book][codes[:, book].long()]
        for book in range(FIRST_SOUND_BOOK, N_BOOKS):
            nearest = torch.cdist(points, self.codebooks[book]).argmin(1)
            codes[:, book] = nearest.to(codes.dtype)
            points = points - self.codebooks[book][nearest]


def make(paths, out):
    """Makes the codes of the corpora of all speakers, `paths` in the order of their ids."""
    parts = [corpus.load(path) for path in paths]
    everything = [sentence for sentences, _ in parts for sentence in sentences]
    states, alignment = States.count(everything), align(everything)
    utterances, features = [], []
    for speaker, (sentences, own_features) in enumerate(parts):
        for sentence, patch in zip(sentences, own_features):
            codes, places = linguistic_codes(sentence, speaker, states, alignment)
            utterances.append(Utterance(letters(sentence["text"]), speaker, codes, places))
            features.append(torch.from_numpy(patch))
    lengths = [len(utterance.codes) for utterance in utterances]
    all_features = torch.cat(features)
    all_codes = torch.from_numpy(np.concatenate([utterance.codes for utterance in utterances]))
    books = Books(all_features, all_codes)
    for start in range(0, len(all_codes), 50_000):
        chunk = slice(start, start + 50_000)
        books.encode_sound(all_features[chunk], all_codes[chunk])
    for utterance, codes in zip(utterances, all_codes.split(lengths)):
        utterance.codes = codes.numpy()
    print(f"{len(utterances)} utterances, {len(all_codes) * 0.08 / 3600:.1f} h,", end=" ")
    print(f"{len(states.codes)} states; left of the variance after each book:", end=" ")
    print({book: round(value, 4) for book, value in books.left_over.items()})
    torch.save(
        {"utterances": utterances, "states": states, "alignment": alignment, "books": books}, out
    )


def load(path):
    return torch.load(path, weights_only=False)
