"""Lists of texts, which are spoken together."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..stream import SpeechStream
from ..synthesizer import Synthesizer

_STARTED = 16
"""Number of texts that are started at the same time, of which the model speaks as many as it can."""


def as_list(value: Any) -> list[Any]:
    """Returns a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def repeated(value: Any, count: int, missing: Any) -> list[Any]:
    """Returns a list as it is, and anything else for each text; None becomes ``missing``."""
    if isinstance(value, list):
        return value
    return [missing if value is None else value] * count


def for_all(values: list[Any], count: int) -> list[Any]:
    """Returns one value for each text, if there is one for all."""
    return values * count if len(values) == 1 and count > 1 else values


def speak(
    synthesizer: Synthesizer,
    texts: list[Any],
    requests: list[dict[str, Any]],
    no_speaker: list[bool],
) -> list[NDArray[np.float32]]:
    """Speaks texts together and returns the audio of each, which is that of the text alone.

    ``no_speaker`` are the texts whose voice the model chooses. After an error the others are cancelled.
    """
    if not texts:
        raise ValueError("there are no texts to speak: text is an empty list")
    for text, request in zip(texts, requests, strict=True):
        if not isinstance(text, str):
            raise TypeError(f"text: expected a text or a list of texts, not {type(text).__name__}")
        # All are checked before the first one is spoken.
        synthesizer.check(text, **request)
    waiting = deque(zip(texts, requests, no_speaker, strict=True))
    started: deque[SpeechStream] = deque()
    audio = []
    try:
        while waiting or started:
            while waiting and len(started) < _STARTED:
                text, request, alone = waiting.popleft()
                stream = synthesizer._start(text, request, whole_pieces=True, no_speaker=alone)
                started.append(stream)
            audio.append(started[0].collect().audio)
            started.popleft()
    finally:
        for stream in started:
            stream.cancel()
    return audio
