"""The teacher: hibari's voice "heart", and its phonemes in time.

The package's network says how long every phoneme lasts and how high the voice is; both are read from
its graph. hibari was distilled from Kokoro-82M (Apache-2.0, see the NOTICE of the package).
"""

import re
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from hibari import Hibari, dsp

from grid import SILENCE

DURATIONS = "/Clip_output_0"  # of each phoneme symbol, in units of 25 ms
UNIT = 0.025
F0_HOP = 0.0125  # seconds
VOICED = 60.0  # Hz; below, the network means that there is no voice
PAUSES = set(';:,.!?—…"()“”#')
STRESS = {"ˈ": 1, "ˌ": 0}
IGNORED = set("ːʰʲ̃")
VOWELS = set("AIOQWYaeiouɑɐɒæɔəɚɛɜɨɪʊʌᵊᵻ")
# A word as people write it, with what belongs to it: `it's`, `$9.99`, `50%`, `well-known`.
WORD = re.compile(r"[A-Za-z0-9'\x01$](?:[^\s]*[A-Za-z0-9'\x01%])?")
LOUD = 0.006  # root mean square above which there is sound


def words_of(sentence):
    """Returns `(start, end)` of each word with what belongs to it."""
    return [match.span() for match in WORD.finditer(sentence)]


@dataclass
class Segment:
    """A phoneme: its time in the recording, in seconds, and the word it belongs to (-1: none)."""

    phoneme: str
    start: float
    end: float
    word: int


@dataclass
class Spoken:
    segments: list
    samples: np.ndarray  # at 24 kHz
    f0: np.ndarray  # Hz, every F0_HOP seconds; 0 where there is no voice


class Teacher:
    def __init__(self):
        self.model = Hibari(threads=1)
        graph = onnx.load(self.model.model_path)
        output = onnx.helper.make_tensor_value_info(DURATIONS, onnx.TensorProto.FLOAT, None)
        graph.graph.output.append(output)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.names = {index: symbol for symbol, index in self.model.vocab.items()} | {0: "#"}

    def speak(self, text, seed=0):
        """Returns how `text`, one sentence, is spoken, or None if it cannot be told."""
        marked = self.marked(text)
        if marked is None:
            return None
        symbols, words = marked
        vocab = self.model.vocab
        known = [(vocab[s], word) for s, word in zip(symbols, words) if s in vocab]
        ids = [0, *[index for index, _ in known], 0]
        words = [-1, *[word for _, word in known], -1]
        if not 4 < len(ids) < 400:
            return None
        inputs = {"ids": np.asarray([ids], np.int64), "speed": np.ones(1, np.float32)}
        *parts, durations = self.session.run(None, inputs)
        parts = [part[0] for part in parts]
        samples = dsp.synth(*parts, np.random.default_rng(seed))
        f0 = cleaned(parts[-1])
        segments = self.segments(ids, words, durations.reshape(-1) * UNIT)
        return Spoken(trimmed(segments, samples), samples, f0)

    def marked(self, text):
        """Returns the phoneme symbols of a text and the word of each."""
        spans = words_of(text)
        g2p, at = self.model.g2p, 0
        symbols, words = [], []
        for token in g2p.phonemize_tokens(g2p.tokenize(text)):
            at = text.find(token.text, at)
            if at < 0 or token.phonemes is None:
                return None
            begin, at = at, at + len(token.text)
            inside = [i for i, (start, end) in enumerate(spans) if start < at and begin < end]
            told = token.phonemes + (" " if token.whitespace else "")
            symbols += told
            words += [inside[-1] if inside else -1] * len(told)
        return symbols, words

    def segments(self, ids, words, durations):
        ends = np.cumsum(durations)
        result, stress, begun = [], 0, None
        for index, word, start, end in zip(ids, words, ends - durations, ends):
            symbol = self.names[index]
            pausing = bool(result) and result[-1].phoneme == SILENCE
            if symbol in PAUSES:
                if pausing:
                    result[-1].end = end
                else:
                    result.append(Segment(SILENCE, start, end, -1))
            elif symbol == " ":
                # A boundary is no pause: its time belongs to its neighbours.
                if pausing:
                    result[-1].end = end
                else:
                    begun = (start + end) / 2
                    result[-1].end = begun
                continue
            elif symbol in STRESS:
                stress = STRESS[symbol]
                begun = start if begun is None else begun
                continue
            elif symbol in IGNORED:
                result[-1].end = end
            else:
                name = symbol + "'" if stress and symbol in VOWELS else symbol
                result.append(Segment(name, start if begun is None else begun, end, word))
            stress, begun = 0, None
        return result


def cleaned(f0):
    """Returns the pitch with zeros where there is no voice, and without the slopes of its onsets."""
    voiced = f0 > VOICED
    if voiced.any():
        voiced &= f0 > 0.6 * np.median(f0[voiced])
    return np.where(voiced, f0, 0.0)


def loudness(samples):
    """Returns the root mean square of 25 ms around every 5 ms."""
    sums = np.concatenate([[0], np.cumsum(np.pad(samples.astype(np.float64), (300, 300)) ** 2)])
    at = np.arange(len(samples) // 120) * 120
    return np.sqrt((sums[at + 600] - sums[at]) / 600 + 1e-12)


def trimmed(segments, samples):
    """Moves the borders of pauses to where the sound ends and begins."""
    loud = loudness(samples) > LOUD

    def index(time):
        return int(np.clip(time * 200, 0, len(loud) - 1))

    for at, pause in enumerate(segments):
        if pause.phoneme != SILENCE:
            continue
        if at and segments[at - 1].phoneme != SILENCE:
            before = segments[at - 1]
            first = index(before.start) + 4
            sounding = np.nonzero(loud[first : index(pause.end)])[0]
            end = (first + (sounding[-1] + 1 if len(sounding) else 0)) / 200
            before.end = pause.start = min(max(end, before.start + 0.03), pause.end)
        if at + 1 < len(segments):
            after = segments[at + 1]
            first = index(pause.start)
            sounding = np.nonzero(loud[first : max(first, index(after.end) - 4)])[0]
            start = (first + sounding[0]) / 200 if len(sounding) else pause.end
            after.start = pause.end = max(min(start, after.end - 0.03), pause.start)
    return segments
