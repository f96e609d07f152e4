"""Utterances as sequences of the talker: prompts in the official layout, packed several per row."""

from dataclasses import dataclass, fields

import numpy as np
import torch

import grid
import shape
from codes import AFTER_BOOK, LETTER_BOOKS, N_BOOKS, NEXT_BOOK, UNKNOWN

POSITIONS = 3_072  # of a batch
LENGTHS = (256, 512)  # of its rows: of most sentences, and of the longest
STREAMED_SHARE = 0.25  # of the texts arrive one token per frame
JOINED_SHARE = 0.15  # of the utterances follow another one
AFTER_SHARE = 0.10  # of the utterances follow a recording
READ_BEHIND = 4  # number of letters before a position whose phonemes are predicted there
MUTE = shape.BOOK_SIZE  # the phoneme of a letter that has none
NONE = -1


@dataclass
class Sequence:
    """An utterance, as arrays over its positions."""

    text_ids: np.ndarray
    codes: np.ndarray  # [positions, 16]; NONE if there is no code
    labels: np.ndarray  # next code of book 0; NONE if nothing is learnt
    next_codes: np.ndarray  # [positions, 16]: the next frame, if labels is a code
    targets: np.ndarray  # the position of the letter that is read next; NONE elsewhere
    readings: np.ndarray  # [positions, READ_BEHIND]: phonemes of the letters before; NONE elsewhere


class Prompt:
    """The official prompts of a preset voice: the whole text first, or one token per frame."""

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
        voice = talker["spk_id"][grid.NAMES[speaker]]
        return [*start, talker["codec_think_eos_id"], voice, talker["codec_pad_id"]]

    def sequence(self, utterance, language, streamed=False):
        """Returns the whole sequence; `streamed` takes an utterance of `Arranger.delayed`."""
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
        heard = slice(start + 1, start + 1 + utterance.heard)
        codes[heard, list(LETTER_BOOKS)] = 0
        codes[heard, NEXT_BOOK] = codes[heard, AFTER_BOOK] = UNKNOWN
        labels = np.full(len(text_ids), NONE, np.int64)
        labels[start:-1] = utterance.codes[:, 0]
        labels[-1] = self.talker["codec_eos_token_id"]
        next_codes = np.full_like(codes, NONE)
        next_codes[start:-1] = utterance.codes
        known = slice(start, start + utterance.heard)
        labels[known], next_codes[known] = NONE, NONE
        targets = np.full(len(text_ids), NONE, np.int64)
        targets[start:-1] = first_letter + np.clip(utterance.places, 0, len(letters))
        targets[-1] = first_letter + len(letters)
        readings = np.full((len(text_ids), READ_BEHIND), NONE, np.int64)
        readings[first_letter : first_letter + len(letters) + 1] = readings_of(utterance)
        return Sequence(np.array(text_ids), codes, labels, next_codes, targets, readings)


def readings_of(utterance):
    """Returns for each letter and the end the first phonemes of the previous letters, nearest first."""
    letters = len(utterance.text)
    phonemes = np.full(letters + 1, MUTE, np.int64)
    for state, place in zip(utterance.codes[::-1, 0], utterance.places[::-1]):
        if place >= 0:
            phonemes[place] = state
    result = np.full((letters + 1, READ_BEHIND), NONE, np.int64)
    for column in range(min(READ_BEHIND, letters)):
        result[column + 1 :, column] = phonemes[: letters - column]
    return result


@dataclass
class Batch:
    text_ids: torch.Tensor  # [rows, length]
    codes: torch.Tensor  # [rows, length, 16]
    labels: torch.Tensor
    next_codes: torch.Tensor
    targets: torch.Tensor
    readings: torch.Tensor  # [rows, length, READ_BEHIND]
    segments: torch.Tensor  # the sentence of each position in its row; NONE for padding
    positions: torch.Tensor

    def to(self, device):
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def pack(sequences, length):
    """Packs sequences into rows of `length` positions: first fit, longest first."""
    rows = []
    for sequence in sorted(sequences, key=lambda one: -len(one.text_ids)):
        size = len(sequence.text_ids)
        row = next((row for row in rows if row[0] + size <= length), None)
        if row is None:
            row = [0, []]
            rows.append(row)
        row[0] += size
        row[1].append(sequence)
    return [row[1] for row in rows]


def collate(rows, length):
    def filled(*more):
        return np.full((len(rows), length, *more), NONE, np.int64)

    text_ids, positions = np.zeros((2, len(rows), length), np.int64)
    codes, next_codes, readings = filled(N_BOOKS), filled(N_BOOKS), filled(READ_BEHIND)
    labels, targets, segments = filled(), filled(), filled()
    for index, row in enumerate(rows):
        start = 0
        for segment, one in enumerate(row):
            here = slice(start, start + len(one.text_ids))
            text_ids[index, here] = one.text_ids
            codes[index, here], next_codes[index, here] = one.codes, one.next_codes
            labels[index, here], readings[index, here] = one.labels, one.readings
            targets[index, here] = np.where(one.targets == NONE, NONE, one.targets + start)
            segments[index, here] = segment
            positions[index, here] = np.arange(len(one.text_ids))
            start = here.stop
    arrays = (text_ids, codes, labels, next_codes, targets, readings, segments, positions)
    return Batch(*map(torch.from_numpy, arrays))


def batches(utterances, prompt, arranger, seed):
    """Yields the shuffled corpus in packed rows, endlessly.

    The language is named half of the time, and a quarter of the texts are streaming. Some utterances
    are several in a row, so that the voice learns long texts, and some follow a recording, as those of
    a cloned voice do.
    """
    epoch, waiting = 0, {length: [] for length in LENGTHS}
    while True:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(utterances))
        for start in range(0, len(order), 400):
            chosen = [utterances[index] for index in order[start : start + 400]]
            made = {length: [] for length in LENGTHS}
            for one in arranged(chosen, prompt, arranger, rng):
                fitting = [length for length in LENGTHS if len(one.text_ids) <= length]
                if fitting:
                    made[fitting[0]].append(one)
            for length, sequences in made.items():
                rows = waiting[length] + pack(sequences, length)
                rng.shuffle(rows)
                count = POSITIONS // length
                while len(rows) >= 2 * count:
                    yield collate(rows[:count], length)
                    rows = rows[count:]
                waiting[length] = rows
        epoch += 1


def arranged(utterances, prompt, arranger, rng):
    last = {}
    for one in utterances:
        begin = last.get(one.speaker)
        if begin is not None and rng.random() < AFTER_SHARE:
            one = arranger.after(begin, one, rng.choice(["", " "], p=[0.7, 0.3]))
        else:
            while rng.random() < JOINED_SHARE and one.speaker in last:
                one = arranger.joined(last.pop(one.speaker), one)
            if one.text[-1] in ".?!":
                last[one.speaker] = one
        language = "english" if rng.random() < 0.5 else None
        if streamed := rng.random() < STREAMED_SHARE:
            one = arranger.delayed(one)
        yield prompt.sequence(one, language, streamed)
