"""Resampling to 24 kHz as the official package does it, and what it makes of recordings at other rates.

`noise` is `librosa.resample` alone: of noise that a test can make too, and the lengths of its results.
The others are recordings that the whole package resamples, encodes and embeds. Their codes may not hang
on a near tie, and another good resampler must lead to other codes: otherwise they would show nothing.
"""

from pathlib import Path

import librosa
import numpy
import torch

import goldens_encoder
import official
import tiny_checkpoint

RATE = 24000
RATES = (6000, 8000, 11025, 12000, 16000, 18000, 22050, 30000, 32000, 36000, 37800, 44100, 48000, 64000,
         88200, 96000, 176400, 192000, 384000)  # fmt: skip
OUTPUTS = 500
CHECKPOINT = "base_0b6"
# The second is 24 frames long, which librosa's rounding makes a sample longer: 25 frames.
RECORDINGS = {22050: 42_000, 44100: 84_672}  # samples


def write(checkpoints, goldens):
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    write_noise(goldens / "noise")
    model = official.load(Path(checkpoints) / CHECKPOINT).model
    for rate, n_samples in RECORDINGS.items():
        write_recording(model, goldens / f"recording_{rate}", rate, n_samples)


def noise(n_samples):
    """Cubes modulo a prime: full scale, all frequencies, and exact in float32."""
    n = numpy.arange(1, n_samples + 1, dtype=numpy.int64)
    return ((n * n % 65537 * n % 65537 - 32768) / 32768).astype(numpy.float32)


def resample(samples, rate):
    return librosa.resample(samples, orig_sr=rate, target_sr=RATE)


def write_noise(path):
    samples = {rate: OUTPUTS * rate // RATE + 1 for rate in RATES}
    tensors = {str(rate): torch.from_numpy(resample(noise(n), rate)) for rate, n in samples.items()}
    lengths = [
        [rate, n, len(resample(numpy.full(n, 0.5, numpy.float32), rate))]
        for rate in RATES
        for n in (1, 2, 3, 5, 7, 147, 160, 1000, rate, rate + 1)
    ]
    tiny_checkpoint.save(tensors, path.with_suffix(".safetensors"))
    official.write_json(path.with_suffix(".json"), {"samples": samples, "lengths": lengths})


def write_recording(model, path, rate, n_samples):
    recording = noise(n_samples)
    resampled = resample(recording, rate)
    tokenizer = model.speech_tokenizer
    expected, _, margin = goldens_encoder.encode(tokenizer, resampled)
    with torch.inference_mode():
        codes = tokenizer.encode([recording], sr=rate).audio_codes[0]
        embedding = model.extract_speaker_embedding(resampled, RATE)
    if not torch.equal(codes, expected):
        raise SystemExit(f"{path.name}: the package resamples in another way than this script")
    steeper = librosa.resample(recording, orig_sr=rate, target_sr=RATE, res_type="soxr_vhq")
    with torch.inference_mode():
        other = tokenizer.encode([steeper], sr=RATE).audio_codes[0]
    n_others = int((codes != other).sum())
    if n_others == 0:
        raise SystemExit(f"{path.name}: any good resampler gives these codes")
    tiny_checkpoint.save(
        {"codes": codes.contiguous(), "speaker_embedding": embedding}, path.with_suffix(".safetensors")
    )
    facts = {"checkpoint": CHECKPOINT, "sample_rate": rate, "samples": n_samples, "frames": len(codes),
             "smallest_margin": round(margin, 8), "other_codes_by_soxr_vhq": n_others}  # fmt: skip
    official.write_json(path.with_suffix(".json"), facts)
    print(f"resampling {path.name}: {len(codes)} frames, margin {margin}, soxr_vhq changes {n_others}")
