"""Other arrangements of the utterances: several in a row, after a recording, and with streaming
text.

With the whole text first, an utterance has about as many frames as the text has letters. With
streaming text, one letter per frame, it must stay behind them: it is silent until the next word is
complete, and its notes have no letter that has not arrived.
"""

from dataclasses import replace

import numpy as np

import grid
from codes import (
    EDGE_BOOK,
    AFTER_BOOK,
    LEVEL_BOOK,
    N_BOOKS,
    NEXT_BOOK,
    UNKNOWN,
    PERIODS_BOOK,
    SPEAKER_BOOK,
    level_code,
    state,
    write_letters,
)
from teacher import words_of

PAUSE = 3  # frames of silence between two sentences, beside those at their own ends
FIRST, LATER = state(grid.SILENCE, 0), state(grid.SILENCE, 1)
SILENT_LEVEL = level_code(-80.0)


class Arranger:
    """Rearranges utterances."""

    def joined(self, first, second):
        """Joins two utterances of one speaker, with a pause between them."""
        codes, places = list(first.codes.copy()), list(first.places)
        self.wait(PAUSE, first.speaker, codes, places, FIRST)
        return self.followed(first, codes, places, second)

    def after(self, first, second, between):
        """Puts an utterance after a recording of another one, whose frames have no notes.

        The official prompt has nothing between the two texts, unless one has a blank there.
        """
        codes, places = list(first.codes.copy()), list(first.places)
        heard = {"heard": len(codes), "told": len(first.text)}
        return replace(self.followed(first, codes, places, second, between), **heard)

    def followed(self, first, codes, places, second, between=" "):
        text = f"{first.text}{between}{second.text}"
        last = len(first.text) + len(between) - 1
        places = [min(place, last) for place in places]
        # The transition to the second sentence is its own first silence.
        codes += list(second.codes)
        places += [place + last + 1 for place in second.places]
        written = np.stack(codes)
        for frame, place in zip(written, places):
            write_letters(frame, text, place)
        return replace(first, text=text, codes=written, places=np.array(places, np.int16))

    def delayed(self, utterance):
        """Inserts silence before each word whose end has not arrived yet."""
        text = utterance.text
        told = utterance.told
        later = [(a + told, b + told) for a, b in words_of(text[told:])]
        spans = words_of(text[:told]) + later
        codes, places, word = [], [], -1
        for frame, place in zip(utterance.codes, utterance.places):
            here = next((i for i, (a, b) in enumerate(spans) if a <= place < b), None)
            # The recording does not wait.
            if here is not None and here != word and len(codes) >= utterance.heard:
                word = here
                until = spans[here][1] - len(codes)
                self.wait(until, utterance.speaker, codes, places, frame[0])
            codes.append(frame.copy())
            places.append(int(place))
        # The last frame marks the end of the text, so that must have arrived.
        last, end = codes.pop(), places.pop()
        self.wait(len(text) - len(codes), utterance.speaker, codes, places, FIRST)
        codes.append(last)
        places.append(end)
        for seen, (frame, place) in enumerate(zip(codes, places)):
            write_letters(frame, text, place, seen)
        return replace(utterance, codes=np.stack(codes), places=np.array(places, np.int16))

    def wait(self, count, speaker, codes, places, following):
        """Appends `count` frames of silence that lead to the state `following`."""
        for _ in range(count):
            frame = np.zeros(N_BOOKS, np.uint8)
            silent = bool(codes) and codes[-1][0] in (FIRST, LATER)
            frame[0] = LATER if silent else FIRST
            frame[SPEAKER_BOOK] = speaker
            frame[LEVEL_BOOK] = SILENT_LEVEL
            if codes:
                codes[-1][NEXT_BOOK], codes[-1][AFTER_BOOK] = FIRST, UNKNOWN
                # The pitch at the end of a silent frame is that of the voice after it.
                if codes[-1][PERIODS_BOOK] == 0:
                    frame[EDGE_BOOK], codes[-1][EDGE_BOOK] = codes[-1][EDGE_BOOK], 0
            frame[NEXT_BOOK], frame[AFTER_BOOK] = following, UNKNOWN
            codes.append(frame)
            # Its place is after the spoken part.
            places.append(places[-1] + (not silent and places[-1] >= 0) if places else -1)
