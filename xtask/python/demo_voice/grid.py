"""Speech on the frame grid: every phoneme takes a whole number of 80 ms frames, and so does the pitch.

A talker of this architecture makes one column of codes per frame. If phonemes begin anywhere, a word
has different codes each time it is spoken. On the grid a frame holds one phoneme, or a part of one. The
voice takes a whole number of periods in every frame, so that all frames begin at the same phase, and the
decoder can compute the phase from the codes (see `synthesiser`).
"""

from dataclasses import dataclass

import numpy as np

SAMPLE_RATE = 24_000
FRAME = 1_920
HOP = 120  # samples between spectral envelopes
STEPS = FRAME // HOP
N_FFT = 1_024
SILENCE = "_"
MOST_FRAMES = 4  # of a phoneme
LONGEST_PAUSE = 5
LEAST_PERIODS, MOST_PERIODS = 4, 31  # in a frame
UNVOICED_PERIODS = 16  # in a frame without a voice, whose harmonics carry the noise
EDGE_STEP = 0.25  # resolution of the pitch at the end of a frame, in periods a frame


@dataclass(frozen=True)
class Speaker:
    """How a voice is made of the teacher's: factors of its pitch and of its formants."""

    pitch: float
    formants: float


SPEAKERS = {"arlo": Speaker(0.58, 0.86), "mina": Speaker(1.0, 1.0)}
NAMES = tuple(SPEAKERS)  # the speaker of each code


def frame_counts(segments):
    """Returns the number of frames of each phoneme; the first and the last are silence."""
    counts = []
    for at, part in enumerate(segments):
        frames = max(1, round((part.end - part.start) * SAMPLE_RATE / FRAME))
        most = LONGEST_PAUSE if part.phoneme == SILENCE else MOST_FRAMES
        counts.append(1 if at in (0, len(segments) - 1) else min(frames, most))
    return counts


def source_times(segments, counts):
    """Returns the time in the recording of every hop on the grid, and of the end, in seconds."""
    times = [
        part.start + (part.end - part.start) * np.arange(count * STEPS) / (count * STEPS)
        for part, count in zip(segments, counts)
    ]
    return np.concatenate([*times, [segments[-1].end]])


@dataclass
class Pitch:
    """The pitch on the grid, in periods per frame; zero where there is no voice."""

    periods: np.ndarray  # [frames], whole numbers
    edges: np.ndarray  # [frames]: at the end of each frame, in steps of EDGE_STEP


def continuous(f0):
    """Returns the pitch with the gaps between voiced parts filled."""
    voiced = f0 > 0
    if not voiced.any():
        return np.full(len(f0), 180.0)
    places = np.arange(len(f0))
    return np.interp(places, places[voiced], f0[voiced])


def at_times(values, hop, times):
    return np.interp(times / hop - 0.5, np.arange(len(values)), values)


def pitch(f0, hop, times, factor):
    """Returns the pitch of a voice at the hops `times`; `f0` has a value every `hop` seconds."""
    curve = at_times(continuous(f0), hop, times) * factor * FRAME / SAMPLE_RATE
    voiced = at_times((f0 > 0).astype(float), hop, times) > 0.5
    frames = (len(times) - 1) // STEPS
    sounding = voiced[:-1].reshape(frames, STEPS).any(1)
    periods = np.round(curve[:-1].reshape(frames, STEPS).mean(1))
    edges = np.round(curve[STEPS::STEPS] / EDGE_STEP) * EDGE_STEP
    periods, edges = (np.clip(part, LEAST_PERIODS, MOST_PERIODS) for part in (periods, edges))
    following = np.append(sounding[1:], False)
    return Pitch(np.where(sounding, periods, 0), np.where(sounding | following, edges, 0))


def frequencies(periods, edges):
    """Returns the pitch at the end of every hop, in Hz; `periods`, `edges`: see `Pitch`.

    The phase is the cubic that is whole at the borders of frames and has the pitches of the edges there.
    Between very different edges it may stop, so there is a least pitch.
    """
    periods = np.where(periods > 0, periods, UNVOICED_PERIODS)[:, None]
    ends = np.where(edges > 0, edges, UNVOICED_PERIODS)[:, None]
    starts = np.vstack([[[UNVOICED_PERIODS]], ends[:-1]])
    u = np.arange(1, STEPS + 1)[None] / STEPS
    cycles = (
        starts
        + 2 * (3 * periods - ends - 2 * starts) * u
        + 3 * (ends + starts - 2 * periods) * u**2
    )
    return np.maximum(cycles, 1.0).reshape(-1) * SAMPLE_RATE / FRAME


def levels(samples, times):
    """Returns the loudness of each frame, in dB."""
    power = np.concatenate([[0], np.cumsum(samples.astype(np.float64) ** 2)])
    at = np.clip((times * SAMPLE_RATE).astype(int), 0, len(samples))
    first, last = at[:-1:STEPS], np.maximum(at[STEPS::STEPS], at[:-1:STEPS] + 1)
    last = np.minimum(last, len(samples))
    mean = (power[last] - power[np.minimum(first, last - 1)]) / np.maximum(last - first, 1)
    return 10 * np.log10(mean + 1e-9)


@dataclass
class Envelopes:
    """WORLD's analysis: `power` and `noise` [hops, N_FFT / 2 + 1], `voiced` [hops]."""

    power: np.ndarray
    noise: np.ndarray
    voiced: np.ndarray


ANALYSIS_HOP = 0.005  # seconds


def analysed(samples, f0, hop):
    """Returns WORLD's analysis: pitch, envelope and aperiodicity, every ANALYSIS_HOP seconds."""
    import pyworld

    samples = np.ascontiguousarray(samples.astype(np.float64))
    times = np.arange(0, len(samples) / SAMPLE_RATE, ANALYSIS_HOP)
    voiced = at_times((f0 > 0).astype(float), hop, times) > 0.5
    tone = np.where(voiced, at_times(continuous(f0), hop, times), 0.0)
    power = pyworld.cheaptrick(samples, tone, times, SAMPLE_RATE, fft_size=2 * N_FFT)
    noise = pyworld.d4c(samples, tone, times, SAMPLE_RATE, fft_size=2 * N_FFT)
    return tone, power, noise


def warped(spectra, places):
    """Returns spectra [times, bins] at fractional bins, [n] or [times, n]."""
    places = np.atleast_2d(places)
    left = np.clip(places, 0, spectra.shape[1] - 1.001).astype(int)
    share = np.clip(places - left, 0, 1)
    below, above = (np.take_along_axis(spectra, at, 1) for at in (left, left + 1))
    return below * (1 - share) + above * share


def envelopes(analysis, times, formants):
    """Returns the result of `analysed` at the hops `times`, with its formants multiplied by `formants`."""
    tone, power, noise = analysis
    place = np.clip(times / ANALYSIS_HOP, 0, len(tone) - 1.001)
    low = place.astype(int)
    part = (place - low)[:, None]
    bins = np.arange(N_FFT // 2 + 1) * 2 / formants

    def at_hops(values):
        return values[low] * (1 - part) + values[low + 1] * part

    return Envelopes(
        np.exp(warped(at_hops(np.log(power + 1e-16)), bins)),
        warped(at_hops(noise), bins),
        at_hops((tone[:, None] > 0).astype(float))[:, 0] > 0.5,
    )


def moved(samples, f0, hop, speaker):
    """Returns a recording with another pitch and other formants, by WORLD's own synthesis."""
    import pyworld

    tone, power, noise = analysed(samples, f0, hop)
    bins = np.arange(power.shape[1]) / speaker.formants
    power, noise = np.exp(warped(np.log(power + 1e-16), bins)), warped(noise, bins)
    made = pyworld.synthesize(
        tone * speaker.pitch,
        np.ascontiguousarray(power),
        np.ascontiguousarray(noise),
        SAMPLE_RATE,
        ANALYSIS_HOP * 1000,
    )
    return made.astype(np.float32)
