"""Times calls through Python beside the command, in turn: the same text, seed, frames and threads.

    python beside_command.py target/release/qwen3-tts MODEL [--quantize 8] [--frames 50] [--rounds 5]

Prints the median seconds from a request to its last sample, and the ratio of each round. The model is loaded
once in Python, and by each run of the command; loading does not count.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import qwen3_tts

TEXT = "The quick brown fox jumps over the lazy dog near the river bank."


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command")
    parser.add_argument("model")
    parser.add_argument("--quantize")
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    tts = qwen3_tts.Synthesizer(arguments.model, quantize=arguments.quantize)
    # The first request of a process reads the pages of the weights.
    speak(tts, arguments.frames)
    rounds = []
    for _ in range(arguments.rounds):
        command = run(arguments)
        python = speak(tts, arguments.frames)
        rounds.append((command, python))
        print(f"command {command:.3f} s, Python {python:.3f} s, ratio {python / command:.3f}")
    command, python = (statistics.median(times) for times in zip(*rounds))
    print(f"medians: command {command:.3f} s, Python {python:.3f} s, ratio {python / command:.3f}")


def run(arguments):
    with tempfile.TemporaryDirectory() as folder:
        stats = Path(folder, "stats.json")
        command = [arguments.command, "speak", TEXT, "--model", arguments.model, "--seed", "1"]
        command += ["--max-frames", str(arguments.frames), "--stats", stats, "-o", Path(folder, "x.wav")]
        if arguments.quantize:
            command += ["--quantize", arguments.quantize]
        subprocess.run(command, check=True, capture_output=True)
        return json.loads(stats.read_text())["processing_seconds"]


def speak(tts, frames):
    begin = time.perf_counter()
    speech = tts.speak(TEXT, seed=1, max_frames=frames)
    assert np.isfinite(speech.audio).all()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
