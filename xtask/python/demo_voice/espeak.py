"""Speech and its phonemes, with their times, from the espeak-ng library.

The command-line program gives audio or phonemes; only the library's callback gives both, with the
sample at which each phoneme starts, as the frame grid needs it.
"""

import ctypes
import ctypes.util
from dataclasses import dataclass

import numpy as np

_RETRIEVAL = 1
_PHONEME_EVENTS = 0x0001
_CHARS_UTF8 = 1
_RATE, _RANGE = 1, 4  # espeakRATE, espeakRANGE
_EVENT_END_OF_LIST = 0
_EVENT_WORD = 1
_EVENT_PHONEME = 7


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass
class Spoken:
    """Output of espeak-ng: `samples` at `sample_rate`, and `(start, phoneme)` in samples."""

    samples: np.ndarray
    sample_rate: int
    phonemes: list
    words: list
    """`(start, text position, length)` of each word, in samples and characters."""


class Espeak:
    """A monotone espeak-ng voice at a rate in words per minute; a process can have only one."""

    def __init__(self, voice="en-us", rate=150):
        path = ctypes.util.find_library("espeak-ng")
        if path is None:
            raise SystemExit("libespeak-ng is missing; install espeak-ng (apt install espeak-ng)")
        self._library = ctypes.CDLL(path)
        self.sample_rate = self._library.espeak_Initialize(_RETRIEVAL, 500, None, _PHONEME_EVENTS)
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SystemExit(f"espeak-ng has no voice {voice}; see espeak-ng --voices")
        self._library.espeak_SetParameter(_RATE, rate, 0)
        self._library.espeak_SetParameter(_RANGE, 0, 0)
        self._callback = _CALLBACK(self._on_audio)
        self._library.espeak_SetSynthCallback(self._callback)

    def _on_audio(self, samples, count, events):
        if samples and count > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        at = 0
        while events[at].type != _EVENT_END_OF_LIST:
            event = events[at]
            if event.type == _EVENT_PHONEME:
                self._phonemes.append((event.sample, event.id.string.decode("utf-8", "replace")))
            elif event.type == _EVENT_WORD:
                self._words.append((event.sample, event.text_position, event.length))
            at += 1
        return 0

    def speak(self, text):
        self._parts, self._phonemes, self._words = [], [], []
        data = text.encode() + b"\0"
        self._library.espeak_Synth(data, len(data), 0, 0, 0, _CHARS_UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._parts or [np.zeros(0, np.int16)]).astype(np.float32) / 32768
        return Spoken(samples, self.sample_rate, self._phonemes, self._words)
