"""The greedy codes of mlx-audio for a CustomVoice checkpoint, in the format of `--codes`.

Needs `mlx-audio` from PyPI (0.6.2 was used), and `mlx[cpu]` without Metal. Compare with

    qwen3-tts speak TEXT --model DIR --speaker SPEAKER --language english --greedy
        --repetition-penalty 1 --max-frames N --codes OUT.json -o OUT.wav

usage: mlx_audio_codes.py DIR TEXT SPEAKER FRAMES OUT.json
"""

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_audio.tts.utils import load_model


class Recorder:
    """Replaces the speech tokenizer and records the codes instead of decoding them."""

    def __init__(self, inner):
        self.inner = inner
        self.codes = None

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def decode(self, codes):
        self.codes = np.array(codes)[0].tolist()
        raise StopIteration


def main():
    folder, text, speaker, frames, out = sys.argv[1:]
    mx.set_default_device(mx.cpu)
    model = load_model(Path(folder))
    # In bf16, rounding makes any two programs diverge.
    model.talker.set_dtype(mx.float32)
    recorder = model.speech_tokenizer = Recorder(model.speech_tokenizer)
    try:
        speech = model.generate_custom_voice(
            text, speaker, language="english", temperature=0.0, max_tokens=int(frames),
            repetition_penalty=1.0,
        )  # fmt: skip
        list(speech)
    except (StopIteration, RuntimeError):
        # A generator turns StopIteration into RuntimeError.
        if recorder.codes is None:
            raise
    Path(out).write_text(json.dumps({"codes": recorder.codes}) + "\n")


main()
