"""One greedy request through the official package: its results, and the time of each part.

usage: parity.py CHECKPOINT REQUEST.json OUT [--frames N] [--threads N] [--dtype f32|bf16] [--warm-up N]
REQUEST.json: text, speaker, language, instruct, non_streaming_text, and for a base checkpoint
reference_audio, reference_text, x_vector_only. Writes OUT/official.json (codes,
stop reason, timings) and OUT/official.safetensors (audio, prompt, logits).
"""

import argparse
import functools
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("request", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--warm-up", type=int, default=3, help="frames generated before the timing")
    return parser.parse_args()


arguments = parse()
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)

import torch

import official
import tiny_checkpoint

torch.set_num_threads(arguments.threads)


class Clock:
    """Adds up the seconds spent in methods of the model."""

    def __init__(self, model):
        self.seconds = {}
        self.watch(model.talker, "forward", "talker")
        self.watch(model.talker.code_predictor, "generate", "code_predictor")
        self.watch(model.speech_tokenizer, "decode", "codec")
        self.watch(model.speech_tokenizer, "encode", "speech_encoder")
        self.watch(model, "extract_speaker_embedding", "speaker_encoder")

    def watch(self, owner, method, key):
        run = getattr(owner, method)

        @functools.wraps(run)
        def timed(*args, **kwargs):
            start = time.perf_counter()
            result = run(*args, **kwargs)
            self.seconds.setdefault(key, []).append(time.perf_counter() - start)
            return result

        setattr(owner, method, timed)


def main():
    request = json.loads(arguments.request.read_text())
    start = time.perf_counter()
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[arguments.dtype]
    wrapper = official.load(arguments.checkpoint, dtype)
    load_seconds = time.perf_counter() - start
    if arguments.warm_up:
        official.speak(wrapper, request, arguments.warm_up)
    clock = Clock(wrapper.model)
    start = time.perf_counter()
    recorder, audio = official.speak(wrapper, request, arguments.frames)
    total = time.perf_counter() - start
    write(recorder, audio, clock.seconds, load_seconds, total)


def write(recorder, audio, seconds, load_seconds, total):
    frames = len(recorder.codes)
    prefill, *steps = seconds["talker"]
    # A step of the talker includes the code predictor of its frame.
    predictor = sum(seconds["code_predictor"])
    margins = [official.smallest_margin(frame.scores) for frame in recorder.frames[:frames]]
    report = {
        "codes": recorder.codes.tolist(),
        "stop_reason": "eos" if frames < arguments.frames else "max_frames",
        "frames": frames,
        "smallest_margin": min([official.smallest_margin(recorder.talker_scores), *margins]),
        "load_seconds": load_seconds,
        "prefill_seconds": prefill,
        "talker_seconds": sum(steps) - predictor,
        "code_predictor_seconds": predictor,
        "codec_seconds": sum(seconds["codec"]),
        "speaker_encoder_seconds": sum(seconds.get("speaker_encoder", [])) or None,
        "speech_encoder_seconds": sum(seconds.get("speech_encoder", [])) or None,
        "total_seconds": total,
        "rtf": total / (audio.numel() / 24000),
        "peak_memory_bytes": peak_memory(),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "official.json").write_text(json.dumps(report))
    tensors = {
        "audio": audio.float(),
        "codes": recorder.codes,
        "input_ids": recorder.request["input_ids"][0][0],
        "talker_input_embeds": recorder.prompt["inputs_embeds"][0].float(),
        "talker_logits": recorder.talker_logits.float(),
        "code_predictor_logits": torch.stack([frame.logits for frame in recorder.frames]).float(),
    }
    tensors = {name: value.clone() for name, value in tensors.items()}
    tiny_checkpoint.save(tensors, arguments.out / "official.safetensors")


def peak_memory():
    """Returns bytes; getrusage counts kilobytes, except on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


main()
