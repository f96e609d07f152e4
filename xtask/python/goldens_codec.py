"""The speech tokenizer's decoder: from random codes to a waveform, with every stage in between.

One pass over the whole sequence is the reference for streaming. The official package calls
`chunked_decode` (300 frames at a time with 25 of context), which differs after 300 frames. Long
waveforms are stored as every STRIDE-th sample and the sum of each frame's 1920 samples, which
together reveal any wrong frame.
"""

from pathlib import Path

import torch
from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Model

import official
import tiny_checkpoint
import tiny_config

FRAME = 1920
STRIDE = 64
STAGE_FRAMES = 4  # the decoder blocks are causal, so their first frames are enough


def write(checkpoints, goldens):
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    wrapper = official.load(Path(checkpoints) / "custom_voice_0b6")
    decoder = wrapper.model.speech_tokenizer.model.decoder
    write_48k(Path(checkpoints) / "speech_tokenizer_48k", goldens / "frames_40_48k")
    with torch.inference_mode():
        write_stages(decoder, goldens / "stages")
        write_long(decoder, goldens / "frames_100", 100)
        write_long(decoder, goldens / "frames_340", 340)


def random_codes(decoder, name, frames):
    """Returns codes [16, frames], uniform over the entries of every codebook."""
    config = decoder.config
    noise = tiny_checkpoint.normal(5, name, (config.num_quantizers, frames))
    return (noise.abs() * 1e6).long() % config.codebook_size


def write_stages(decoder, path):
    """Writes all stages for 20 frames: [channels, time] if the decoder has channels first."""
    codes = random_codes(decoder, "stages", 20)
    stages = {}
    watch(decoder.pre_conv, "pre_conv", stages)
    for index, layer in enumerate(decoder.pre_transformer.layers):
        watch(layer, f"pre_transformer.layers.{index}", stages)
    watch(decoder.pre_transformer, "pre_transformer", stages)
    for index, blocks in enumerate(decoder.upsample):
        for inner, block in enumerate(blocks):
            watch(block, f"upsample.{index}.{inner}", stages)
    for index, block in enumerate(decoder.decoder):
        watch(block, f"decoder.{index}", stages)
    audio = decoder(codes[None])[0, 0]
    quantized = decoder.quantizer.decode(codes[None])[0]
    tensors = {"codes": codes.T, "quantizer": quantized, "audio": audio}
    for name, value in stages.items():
        value = value[0]
        if name.startswith("decoder."):
            value = value[:, : value.shape[1] * STAGE_FRAMES // codes.shape[1]]
        tensors[name] = value
    tiny_checkpoint.save({k: v.contiguous() for k, v in tensors.items()}, with_suffix(path))
    official.write_json(
        path.with_suffix(".json"),
        {"checkpoint": "custom_voice_0b6", "frames": 20, "decoder_stage_frames": STAGE_FRAMES},
    )


def watch(module, name, stages):
    def keep(_module, _inputs, output):
        stages[name] = getattr(output, "last_hidden_state", output)

    module.register_forward_hook(keep)


def write_long(decoder, path, frames):
    codes = random_codes(decoder, path.name, frames)
    whole = decoder(codes[None])[0, 0]
    chunked = decoder.chunked_decode(codes[None])[0, 0]
    tensors = {"codes": codes.T}
    for name, audio in ("whole", whole), ("chunked", chunked):
        tensors[f"{name}_strided"] = audio[::STRIDE]
        tensors[f"{name}_frame_sums"] = audio.view(frames, FRAME).double().sum(1).float()
    tiny_checkpoint.save(tensors, with_suffix(path))
    difference = float((whole - chunked).abs().max())
    if (frames > 300) != (difference > 1e-3):
        raise SystemExit(f"{path.name}: chunked and whole differ by {difference}: not a golden")
    official.write_json(
        path.with_suffix(".json"),
        {
            "checkpoint": "custom_voice_0b6",
            "frames": frames,
            "audio_stride": STRIDE,
            "chunk_size": 300,
            "left_context_size": 25,
            "largest_difference_of_chunked": round(difference, 6),
        },
    )
    print(f"codec {path.name}: chunked differs from whole by {difference}")


def write_48k(folder, path):
    """A speech tokenizer alone, whose decoder has one more block and twice the sample rate."""
    config = tiny_config.with_another_block(tiny_config.SPEECH_TOKENIZER)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {
        "config.json": config,
        "configuration.json": tiny_config.SPEECH_CONFIGURATION,
        "preprocessor_config.json": tiny_config.SPEECH_PREPROCESSOR,
    }.items():
        official.write_json(folder / name, content)
    tiny_checkpoint.save(tiny_checkpoint.speech_weights(config), folder / "model.safetensors")
    model = Qwen3TTSTokenizerV2Model.from_pretrained(str(folder), dtype=torch.float32)
    codes = random_codes(model.decoder, path.name, 40)
    with torch.inference_mode():
        audio = model.decoder(codes[None])[0, 0]
    frame = model.get_decode_upsample_rate()
    if audio.shape[0] != 40 * frame:
        raise SystemExit(f"{path.name}: {audio.shape[0]} samples, not {40 * frame}")
    sums = audio.view(40, frame).double().sum(1).float()
    tensors = {"codes": codes.T, "whole_strided": audio[::STRIDE], "whole_frame_sums": sums}
    tiny_checkpoint.save(tensors, with_suffix(path))
    official.write_json(
        path.with_suffix(".json"),
        {
            "checkpoint": "speech_tokenizer_48k",
            "frames": 40,
            "audio_stride": STRIDE,
            "samples_per_frame": frame,
            "sample_rate": model.get_output_sample_rate(),
        },
    )


def with_suffix(path):
    return path.with_suffix(".safetensors")
