"""The amplitudes of a voice's harmonics, every `grid.HOP` samples: what the decoder learns to make.

`synthesiser` makes the sound of them. In each half of an array, [hops, 2 · COUNT], is a value per
harmonic, first for tones and then for noise: the square root of the amplitude, of which LOUDEST is 1.
"""

import numpy as np

import grid
from synthesiser import HARMONICS, LOUDEST

BIN = grid.SAMPLE_RATE / grid.N_FFT  # Hz
ORDERS = np.array(HARMONICS, float)
# Between the harmonics, in units of the pitch: each has the noise from one border to the next.
BORDERS = np.concatenate([[0.5], (ORDERS[1:] + ORDERS[:-1]) / 2, [ORDERS[-1] + 1.5]])


def of(parts, pitch):
    """Returns the amplitudes of `grid.Envelopes` at the end of every hop."""
    power, noise = parts.power[1:], np.clip(parts.noise[1:], 1e-3, 1.0)
    voiced = parts.voiced[1:, None]
    noise = np.where(voiced, noise, 1.0)
    f0 = grid.frequencies(pitch.periods, pitch.edges)[:, None]
    places = f0 * ORDERS / BIN
    within = places < grid.N_FFT // 2
    density = np.exp(grid.warped(np.log(power + 1e-16), places))
    tones = 2 * np.sqrt(density * (1 - grid.warped(noise, places) ** 2) * f0 / grid.SAMPLE_RATE)
    sums = np.cumsum(np.pad(power * noise**2, ((0, 0), (1, 0))), axis=1)
    band = np.diff(grid.warped(sums, f0 * BORDERS / BIN + 0.5), axis=1)
    # A cosine with a random amplitude of variance 1 has the power 1 / 2.
    hiss = np.sqrt(np.maximum(band, 0) * 4 / grid.N_FFT)
    return np.sqrt(np.concatenate([tones * voiced * within, hiss * within], 1) / LOUDEST)
