"""The speech tokenizer's encoder: from a signal to codes, and back to a waveform.

The signal is computed from integers, so that a test can compute the same bits instead of reading a
file. A code is significant only if no other codeword is about as near, so a golden whose smallest
margin is too small is refused.
"""

from pathlib import Path

import numpy
import torch

import official
import tiny_checkpoint

CHECKPOINT = "custom_voice_0b6"
SMALLEST_MARGIN = 2e-5  # of squared distances; float32 noise is about 1e-6 of them
LENGTHS = {"one_sample": 1, "frame_less_one": 1919, "frame": 1920, "frame_and_one": 1921,
           "short": 30_011, "past_the_block": 49_000, "long": 265_000}


def signal(n_samples):
    """Returns a gliding triangle wave with an envelope and some noise, in multiples of 2**-16."""
    n = numpy.arange(n_samples, dtype=numpy.int64)
    phase = (n * 400 + (n * n) // 900) % 65536
    triangle = numpy.abs(phase - 32768) - 16384
    envelope = numpy.abs((n * 3) % 65536 - 32768) // 256
    noise = ((n * 1103515245 + 12345) % 2147483648 * 69069 % 2147483648) // 131072 - 8192
    return (((triangle * envelope) // 128 + noise // 8) / 65536).astype(numpy.float32)


def write(checkpoints, goldens):
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    tokenizer = official.load(Path(checkpoints) / CHECKPOINT).model.speech_tokenizer
    for name, length in LENGTHS.items():
        write_case(tokenizer, goldens / name, length)


def write_case(tokenizer, path, length):
    audio = signal(length)
    with torch.inference_mode():
        codes, latent, margin = encode(tokenizer, audio)
        decoded = tokenizer.decode([{"audio_codes": codes}])[0][0]
    tensors = {"codes": codes, "latent": latent[: len(codes)]}
    tensors["decoded_strided"] = torch.from_numpy(decoded[::64].copy())
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    tiny_checkpoint.save(tensors, path.with_suffix(".safetensors"))
    facts = {"checkpoint": CHECKPOINT, "samples": length, "frames": len(codes), "audio_stride": 64,
             "signal_sum": float(audio.astype(numpy.float64).sum()),
             "smallest_margin": round(margin, 8)}
    official.write_json(path.with_suffix(".json"), facts)
    print(f"encoder {path.name}: {len(codes)} frames, smallest margin {margin}")


def encode(tokenizer, audio):
    """Returns codes, latent and smallest margin of a signal, which must have no near tie."""
    latents = []
    hook = tokenizer.model.encoder.downsample.register_forward_hook(
        lambda _module, _inputs, output: latents.append(output[0].T.clone())
    )
    with torch.inference_mode():
        codes = tokenizer.encode([audio], sr=24000).audio_codes[0]
        hook.remove()
        margin = smallest_margin(tokenizer.model.encoder.quantizer, latents[0], codes.shape[1])
    if margin < SMALLEST_MARGIN:
        raise SystemExit(f"{len(audio)} samples: a margin of {margin} is a near tie")
    return codes, latents[0], margin


def smallest_margin(quantizer, latent, n_codebooks):
    """Returns the smallest relative gap between the nearest two codewords, in float64."""
    semantic = quantizer.semantic_residual_vector_quantizer
    acoustic = quantizer.acoustic_residual_vector_quantizer
    smallest = float("inf")
    for part, count in (semantic, 1), (acoustic, n_codebooks - 1):
        residual = part.input_proj(latent.T[None])[0].T.double()
        for layer in part.layers[:count]:
            codewords = layer.codebook.embed.double()
            distances = ((residual[:, None] - codewords[None]) ** 2).sum(-1)
            nearest = distances.topk(2, dim=-1, largest=False)
            gap = (nearest.values[:, 1] - nearest.values[:, 0]) / nearest.values[:, 1]
            smallest = min(smallest, float(gap.min()))
            residual = residual - codewords[nearest.indices[:, 0]]
    return smallest
