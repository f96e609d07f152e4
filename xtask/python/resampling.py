"""Compares `qwen3_tts_dsp::resample` with librosa's soxr: prints the table of docs/parity.md.

usage: resampling.py [RATE ...]
Needs librosa 0.11 and soxr 1.1, as the oracle's environment has them, and cargo.
"""

import subprocess
import sys

import librosa
import numpy

import goldens_resampling

RATES = (4000, 6000, 8000, 11025, 12000, 16000, 22050, 32000, 37800, 44100, 48000, 64000, 88200,
         96000, 176400, 192000, 384000, 23999, 44056)  # fmt: skip
SECONDS = 2
RUN = ["cargo", "run", "-q", "--release", "-p", "qwen3-tts-dsp", "--example", "resample", "--"]


def main():
    print("| from, Hz | largest difference | RMS | −3 dB, Hz | loss at 0.9 | stop, dB |")
    print("|---:|---:|---:|---:|---:|---:|")
    for rate in [int(rate) for rate in sys.argv[1:]] or RATES:
        print(row(rate), flush=True)


def row(rate):
    samples = goldens_resampling.noise(SECONDS * rate + 1)
    official, ours = goldens_resampling.resample(samples, rate), convert(samples, rate)
    if len(official) != len(ours):
        raise SystemExit(f"{rate} Hz: {len(ours)} samples, {len(official)} by librosa")
    difference = (ours - official).astype(numpy.float64)
    largest, rms = numpy.abs(difference).max(), numpy.sqrt((difference**2).mean())
    low = min(rate, goldens_resampling.RATE) / 2
    edge = bisect(lambda hz: gain(rate, hz) > 10 ** (-3 / 20), 0.5 * low, low)
    loss = 1 - gain(rate, 0.9 * low)
    cells = f"{rate} | {largest:.1e} | {rms:.1e} | {edge:.0f} | {max(loss, 0):.0e} | {stop(rate)}"
    return f"| {cells} |"


def convert(samples, rate):
    """Runs this repository's resampler."""
    command = [*RUN, str(rate), str(goldens_resampling.RATE)]
    done = subprocess.run(command, input=samples.tobytes(), stdout=subprocess.PIPE, check=True)
    return numpy.frombuffer(done.stdout, numpy.float32)


def gain(rate, hz):
    """Gain of soxr for a tone, away from the ends."""
    tone = numpy.cos(2 * numpy.pi * hz * numpy.arange(rate // 2) / rate)
    found = librosa.resample(tone, orig_sr=rate, target_sr=goldens_resampling.RATE)
    time = numpy.arange(len(found)) / goldens_resampling.RATE
    basis = numpy.stack([numpy.cos(2 * numpy.pi * hz * time), numpy.sin(2 * numpy.pi * hz * time)], 1)
    inner = slice(len(found) // 4, len(found) * 3 // 4)
    return numpy.linalg.norm(numpy.linalg.lstsq(basis[inner], found[inner], rcond=None)[0])


def stop(rate):
    """Loudest answer of ours to a tone that 24 kHz cannot hold, in dB, away from the ends."""
    if rate <= goldens_resampling.RATE:
        return "–"
    tone = numpy.cos(2 * numpy.pi * 12_010 * numpy.arange(rate) / rate).astype(numpy.float32)
    found = convert(tone, rate)
    return f"{20 * numpy.log10(numpy.abs(found[len(found) // 4 : len(found) * 3 // 4]).max()):.0f}"


def bisect(is_below, low, high):
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return low


if __name__ == "__main__":
    main()
