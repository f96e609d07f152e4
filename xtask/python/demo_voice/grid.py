"""Speech on the frame grid: every phoneme takes a whole number of 80 ms frames.

A talker of this architecture makes one column of codes per frame. If phonemes begin anywhere, a word
has different codes each time it is spoken. On the grid a frame holds one phoneme, or a part of one,
and its codes depend on little but the phoneme, its neighbours and the speaker.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

SAMPLE_RATE = 24_000
FRAME = 1_920
HOPS = 8  # feature vectors a frame
N_MELS = 40
WINDOW = 600
N_FFT = 1_024
PERIOD = {"arlo": 240, "mina": 120}  # samples: 100 Hz and 200 Hz, whole numbers of periods a frame
VOICES = {"arlo": "en-us", "mina": "en-us+f3"}
PITCH = {"arlo": 89.2, "mina": 177.9}  # of these voices when monotone, in Hz
SILENCE = "_"
SHORTEST_PHONEME = 0.012  # seconds; shorter ones are artefacts of espeak-ng's phoneme list
SHORTEST_PAUSE = 0.06


@dataclass
class Segment:
    """A phoneme: its time in the recording, in seconds, and its number of frames."""

    phoneme: str
    start: float
    end: float
    n_frames: int


def n_frames(phoneme, seconds):
    """Returns one frame for most phonemes, two or three for long vowels; pauses keep their length."""
    frames = round(seconds * SAMPLE_RATE / FRAME - 0.15)
    return min(max(frames, 1), 5 if phoneme == SILENCE else 3)


def segments(spoken):
    """Returns the phonemes of a recording, with a frame of silence before and after them."""
    marks = [(at / spoken.sample_rate, name) for at, name in spoken.phonemes]
    ends = [start for start, _ in marks[1:]] + [len(spoken.samples) / spoken.sample_rate]
    parts = [Segment(SILENCE, 0.0, marks[0][0], 1)]
    for (start, name), end in zip(marks, ends):
        name = SILENCE if name.startswith("_") else name
        if name == SILENCE and parts[-1].phoneme == SILENCE:
            parts[-1].end = end
        elif end - start >= SHORTEST_PHONEME:
            parts.append(Segment(name, start, end, 1))
    inner = [
        part
        for part in parts[1:]
        if part.phoneme != SILENCE or part.end - part.start >= SHORTEST_PAUSE
    ]
    while inner and inner[-1].phoneme == SILENCE:
        inner.pop()
    for part in inner:
        part.n_frames = n_frames(part.phoneme, part.end - part.start)
    tail = inner[-1].end if inner else parts[0].end
    return [parts[0], *inner, Segment(SILENCE, tail, tail + FRAME / SAMPLE_RATE, 1)]


def source_times(parts, steps):
    """Returns the time in the recording of each of `steps` points per frame, in seconds."""
    times = [
        part.start + (part.end - part.start) * (np.arange(count) + 0.5) / count
        for part in parts
        for count in [part.n_frames * steps]
    ]
    return np.concatenate(times)


def at_24_khz(spoken):
    # espeak-ng speaks at 22 050 Hz.
    return resample_poly(spoken.samples.astype(np.float64), 160, 147) * 0.8


def mel_filters():
    def mel(hz):
        return 2595 * np.log10(1 + hz / 700)

    edges = 700 * (10 ** (np.linspace(mel(50.0), mel(10_000.0), N_MELS + 2) / 2595) - 1)
    bins = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    filters = np.empty((N_MELS, len(bins)))
    for index, (low, middle, high) in enumerate(zip(edges, edges[1:], edges[2:])):
        slopes = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
        filters[index] = np.clip(slopes, 0, None)
    return filters / np.maximum(filters.sum(1, keepdims=True), 1e-9)


_FILTERS = mel_filters()
_WINDOW = np.hanning(WINDOW)


def log_mel_at(samples, times):
    """Returns log-mel vectors of 25 ms windows centred at `times` (seconds): [times, N_MELS]."""
    padded = np.pad(samples, WINDOW)
    first = (times * SAMPLE_RATE).astype(int) - WINDOW // 2 + WINDOW
    first = np.clip(first, 0, len(padded) - WINDOW)
    windows = padded[first[:, None] + np.arange(WINDOW)[None]] * _WINDOW
    return np.log(np.abs(np.fft.rfft(windows, N_FFT, axis=1)) @ _FILTERS.T + 0.03)


def features(spoken, parts):
    """Returns the input of the codes: one log-mel patch per frame, [frames, HOPS * N_MELS]."""
    silence = np.pad(at_24_khz(spoken), (0, FRAME))
    return log_mel_at(silence, source_times(parts, HOPS)).reshape(-1, HOPS * N_MELS)


def resynthesised(spoken, parts, period, pitch):
    """Resynthesises the recording on the grid, at a constant pitch whose periods fill every frame.

    `pitch` is that of the recording, in Hz. Since each frame begins at the same phase, a decoder can be
    trained on plain waveform distance, without a discriminator.
    """
    import pyworld

    samples = np.ascontiguousarray(np.pad(at_24_khz(spoken), (0, FRAME)))
    hop = 0.005
    times = np.arange(0, len(samples) / SAMPLE_RATE, hop)
    own_pitch = np.full(len(times), float(pitch))
    envelope = pyworld.cheaptrick(samples, own_pitch, times, SAMPLE_RATE)
    aperiodicity = pyworld.d4c(samples, own_pitch, times, SAMPLE_RATE, threshold=0.85)
    steps = round(FRAME / SAMPLE_RATE / hop)
    at = source_times(parts, steps) / hop
    low = np.clip(at.astype(int), 0, len(times) - 2)
    part = np.clip(at - low, 0, 1)[:, None]
    log_envelope = np.log(envelope)
    warped = np.exp(log_envelope[low] * (1 - part) + log_envelope[low + 1] * part)
    noise = aperiodicity[low] * (1 - part) + aperiodicity[low + 1] * part
    target = np.full(len(at), SAMPLE_RATE / period)
    out = pyworld.synthesize(
        target, np.ascontiguousarray(warped), np.ascontiguousarray(noise), SAMPLE_RATE, hop * 1000
    )
    length = len(at) // steps * FRAME
    return np.pad(out, (0, max(0, length - len(out))))[:length].astype(np.float32)
