"""The speaker encoder: from synthetic recordings to mel spectrogram and speaker embedding.

The official spectrogram is a float32 transform, whose rounding noise is visible if a band is about
110 dB below the loudest part of its frame. If that matters (pure tones), the golden also has the
result of the same formula in float64, and the distance between the two.
"""

import math
from pathlib import Path

import torch
from librosa.filters import mel as mel_filters
from qwen_tts.core.models.configuration_qwen3_tts import Qwen3TTSSpeakerEncoderConfig
from qwen_tts.core.models.modeling_qwen3_tts import Qwen3TTSSpeakerEncoder, mel_spectrogram

import official
import tiny_checkpoint
import tiny_config

normal = tiny_checkpoint.normal
RATE = 24000
MEL = dict(
    n_fft=1024, num_mels=128, sampling_rate=RATE, hop_size=256, win_size=1024, fmin=0, fmax=12000
)
ROUNDING = 2e-5  # a spectrogram farther from float64 is also stored in float64

# Unlike any published encoder, the second has even kernels and another number of blocks.
ENCODERS = {
    "tiny": {"enc_dim": 24} | tiny_config.SPEAKER_ENCODER | {"enc_res2net_scale": 4},
    "even": dict(
        enc_dim=20, enc_channels=[12, 12, 12, 24], enc_kernel_sizes=[4, 3, 2, 3],
        enc_dilations=[1, 2, 3, 1], enc_res2net_scale=3, enc_attention_channels=7,
        enc_se_channels=5,
    ),
}  # fmt: skip


CHECKPOINTS = ("base_0b6", "base_1b7")


def write(checkpoints, goldens):
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        recordings = signals()
        mels = write_mels(recordings, goldens / "mel")
        for name, config in ENCODERS.items():
            write_encoder(name, config, mels, goldens / f"encoder_{name}")
        for name in CHECKPOINTS:
            write_checkpoint(Path(checkpoints) / name, recordings, goldens / name)


def signals():
    """Returns mono recordings at 24 kHz."""

    def noise(name, samples, std=0.02):
        return normal(6, name, (samples,), std)

    def time(samples):
        return torch.arange(samples, dtype=torch.float64) / RATE

    def sweep(samples, rate=6000):
        t = time(samples)
        return (0.5 * torch.sin(2 * math.pi * (100 + rate * t) * t)).float()

    def voice(samples):
        """Returns harmonics of a gliding pitch that fade in and out, with quiet noise."""
        t = time(samples)
        phase = 2 * math.pi * (140 * t + 6 * torch.sin(2 * math.pi * 2 * t))
        loudness = torch.sin(2 * math.pi * 3 * t).clamp(min=0)
        harmonics = sum(torch.sin(n * phase) / n for n in range(1, 30))
        return (0.2 * loudness * harmonics).float() + noise("room", samples, 0.01)

    click = torch.zeros(1500)
    click[700] = 0.9
    return {
        "shortest": noise("shortest", 385),
        "one_frame": noise("one frame", 511),
        "two_frames": noise("two frames", 512),
        "odd": noise("odd", 1281),
        "loud": noise("loud", 3001, 2.0),
        "silence": torch.zeros(2000),
        "click": click,
        "tone": (0.5 * torch.sin(2 * math.pi * 440 * time(3000))).float(),
        "sweep": sweep(6001),
        "sweep_in_noise": sweep(5003) + noise("sweep", 5003),
        "voice": voice(14407),
    }


def official_mel(samples):
    """Returns the official spectrogram [frames, 128]."""
    return mel_spectrogram(samples[None], **MEL)[0].T


def float64_mel(samples):
    """Computes `mel_spectrogram` in float64, except angles and windowed samples (float32)."""
    pad, size = (MEL["n_fft"] - MEL["hop_size"]) // 2, MEL["n_fft"]
    padded = torch.nn.functional.pad(samples[None, None], (pad, pad), mode="reflect")[0, 0]
    angles = torch.arange(size) * torch.tensor(2 * math.pi / size)
    window = 0.5 - 0.5 * angles.double().cos().float()
    spectra = torch.fft.rfft((padded.unfold(0, size, MEL["hop_size"]) * window).double())
    magnitudes = (spectra.abs() ** 2 + 1e-9).sqrt()
    return (magnitudes @ filters().double().T).clamp(min=1e-5).log().float()


def filters():
    return torch.from_numpy(mel_filters(sr=RATE, n_fft=1024, n_mels=128, fmin=0, fmax=12000))


def write_mels(recordings, path):
    tensors, mels, cases = {}, {}, {}
    for name, samples in recordings.items():
        mel, exact = official_mel(samples), float64_mel(samples)
        rounding = float((mel - exact).abs().max())
        tensors[f"{name}.samples"] = samples
        tensors[f"{name}.mel"] = mel
        if rounding > ROUNDING:
            tensors[f"{name}.mel_float64"] = exact
        mels[name] = mel
        cases[name] = {"samples": len(samples), "frames": len(mel), "rounding": round(rounding, 7)}
        print(f"speaker mel {name}: {len(mel)} frames, official rounding {rounding:.1e}")
    tensors["filters"] = filters()[filters() != 0]
    tensors["window"] = torch.hann_window(MEL["win_size"])
    tiny_checkpoint.save(tensors, path.with_suffix(".safetensors"))
    content = {"needed_samples": needed(lambda n: official_mel(torch.zeros(n))), "cases": cases}
    official.write_json(path.with_suffix(".json"), content)
    return mels


def write_encoder(name, config, mels, path):
    """Writes the weights in bfloat16, as published, and the embedding of each long enough recording."""
    encoder = Qwen3TTSSpeakerEncoder(Qwen3TTSSpeakerEncoderConfig(**config)).eval()
    tensors = {}
    weights = {key: weight(name, key, value.shape) for key, value in encoder.state_dict().items()}
    encoder.load_state_dict({key: value.float() for key, value in weights.items()})
    tensors |= {f"speaker_encoder.{key}": value for key, value in weights.items()}
    needed_frames = needed(lambda frames: encoder(torch.zeros(1, frames, 128)))
    embedded = []
    for case, mel in mels.items():
        if len(mel) < needed_frames:
            continue
        tensors[f"{case}.embedding"] = encoder(mel[None])[0]
        embedded.append(case)
    tiny_checkpoint.save(tensors, path.with_suffix(".safetensors"))
    content = {"config": config, "embedded": embedded, "needed_frames": needed_frames}
    official.write_json(path.with_suffix(".json"), content)
    vectors = torch.stack([tensors[f"{case}.embedding"] for case in embedded])
    spread = vectors.std(0).mean()
    print(f"speaker encoder {name}: std {vectors.std():.2f}, between recordings {spread:.2f}")


def write_checkpoint(folder, recordings, path):
    """Writes the embeddings of recordings by the whole model of a tiny checkpoint."""
    model = official.load(folder).model
    tensors = {}
    for name in "odd", "silence", "sweep_in_noise", "voice":
        samples = recordings[name].numpy()
        tensors[f"{name}.embedding"] = model.extract_speaker_embedding(samples, RATE)
    tiny_checkpoint.save(tensors, path.with_suffix(".safetensors"))
    embedded = [name.split(".")[0] for name in tensors]
    official.write_json(path.with_suffix(".json"), {"checkpoint": folder.name, "embedded": embedded})
    vectors = torch.stack(list(tensors.values()))
    print(f"speaker {folder.name}: {tuple(vectors.shape)}, std {vectors.std():.2f}")


def weight(encoder, name, shape):
    std = tiny_checkpoint.speaker_encoder_std(name, shape)
    return normal(8, f"{encoder} {name}", shape, std).bfloat16()


def needed(run):
    """Returns the smallest length that the official code accepts; its padding mirrors the signal."""
    for size in range(1, 2000):
        try:
            run(size)
            return size
        except RuntimeError:
            continue
    raise SystemExit("the official code accepts no length")
