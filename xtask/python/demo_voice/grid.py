"""Speech on the frame grid: every phoneme takes a whole number of 80 ms frames, and so does the pitch.

A talker of this architecture makes one column of codes per frame. If phonemes begin anywhere, a word
has different codes each time it is spoken. On the grid a frame holds one phoneme, or a part of one. The
voice takes a whole number of periods in every frame, so that all frames begin at the same phase, and its
noise is the same in every frame: the sound is a function of the codes, and a decoder can be trained on
plain distances, without a discriminator.
"""

from dataclasses import dataclass

import numpy as np

SAMPLE_RATE = 24_000
FRAME = 1_920
HOP = 240  # samples between spectral envelopes
STEPS = FRAME // HOP
N_FFT = 1_024
SILENCE = "_"
MOST_FRAMES = 4  # of a phoneme
LONGEST_PAUSE = 5
LEAST_PERIODS, MOST_PERIODS = 4, 31  # in a frame
UNVOICED_PERIODS = 16  # in a frame without a voice, where they only cut the noise
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


def cycles(pitch):
    """Returns the phase at every sample, in periods: whole at the borders of frames, and smooth."""
    periods = np.where(pitch.periods > 0, pitch.periods, UNVOICED_PERIODS)
    edges = np.where(pitch.edges > 0, pitch.edges, UNVOICED_PERIODS)
    ends = np.concatenate([[0], np.cumsum(periods)])
    slopes = np.concatenate([[UNVOICED_PERIODS], edges])
    u = (np.arange(FRAME) / FRAME)[None]
    phase = (
        (2 * u**3 - 3 * u**2 + 1) * ends[:-1, None]
        + (u**3 - 2 * u**2 + u) * slopes[:-1, None]
        + (3 * u**2 - 2 * u**3) * ends[1:, None]
        + (u**3 - u**2) * slopes[1:, None]
    )
    return phase.reshape(-1)


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


def warped(values, bins):
    """Returns spectra [times, bins] at fractional bins."""
    left = np.clip(bins, 0, values.shape[1] - 1.001).astype(int)
    share = np.clip(bins - left, 0, 1)
    return values[:, left] * (1 - share) + values[:, left + 1] * share


def envelopes(samples, f0, hop, times, formants):
    """Analyses a recording at the hops `times`, with its formants multiplied by `formants`."""
    tone, power, noise = analysed(samples, f0, hop)
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


NOISE = np.random.RandomState(5).randn(FRAME)


def turns():
    """Returns the phase factor of every bin: that of a voice whose spectrum falls by 12 dB an octave.

    The phases of real speech follow its envelope, so that an error in the envelope would cancel
    harmonics. With these, which never change, a decoder that is unsure of an envelope makes the mean.
    """
    bins = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    cepstrum = np.fft.irfft(-np.log1p((bins / KNEE) ** 2))
    cepstrum[1 : N_FFT // 2] *= 2
    cepstrum[N_FFT // 2 + 1 :] = 0
    return np.exp(1j * np.fft.rfft(cepstrum).imag)


KNEE = 400.0  # Hz
TURNS = turns()
LEAD = N_FFT // 4  # samples of a response before its pulse, since its phase is not the least


def synthesise(phase, parts):
    """Makes the sound: a pulse where the phase is whole, and the noise between it and the next one."""
    marks = np.interp(
        np.arange(np.ceil(phase[0] - 1e-9), np.floor(phase[-1]) + 1), phase, np.arange(len(phase))
    )
    first = np.floor(marks).astype(int)
    gaps = np.diff(np.append(marks, len(phase)))
    at = np.clip(marks / HOP, 0, len(parts.power) - 1.001)
    low = at.astype(int)
    part = (at - low)[:, None]
    log_power = np.log(parts.power + 1e-16)
    power = log_power[low] * (1 - part) + log_power[low + 1] * part
    noise = np.clip(parts.noise[low] * (1 - part) + parts.noise[low + 1] * part, 1e-3, 1 - 1e-9)
    voiced = parts.voiced[low + (part[:, 0] > 0.5)][:, None]
    noise = np.where(voiced, noise, 1.0)
    tones = np.exp(0.5 * power) * np.sqrt(1 - noise**2) * TURNS
    late = np.exp(-2j * np.pi * np.arange(N_FFT // 2 + 1) / N_FFT * (marks - first)[:, None])
    tones = tones * late * np.sqrt(gaps)[:, None] * voiced
    tones[:, 0] = 0
    bursts = np.zeros((len(marks), N_FFT))
    frozen = np.tile(NOISE, len(phase) // FRAME + 1)
    for row, (start, end) in enumerate(zip(first, [*first[1:], len(phase)])):
        burst = frozen[start : min(end, start + N_FFT // 2)]
        bursts[row, : len(burst)] = burst
    hiss = np.exp(0.5 * power) * noise * TURNS * np.fft.rfft(bursts, axis=1)
    pieces = np.roll(np.fft.irfft(tones + hiss, axis=1), LEAD, axis=1)
    result = np.zeros(len(phase) + N_FFT)
    for start, piece in zip(first, pieces):
        result[start : start + N_FFT] += piece
    return result[LEAD : LEAD + len(phase)].astype(np.float32)
