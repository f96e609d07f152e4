"""Compares two actors of one thread each with one process of two threads, on this machine:

python ray_speed.py
"""

import tempfile
import time
from pathlib import Path

import ray

import qwen3_tts
from qwen3_tts.ray import Pool, speak_rows

TEXT = (
    "This is row {} of two hundred. The wind rose, and nobody answered. It rained until noon, and then the "
    "sun came out."
)
ROWS = [{"id": n, "text": TEXT.format(n), "seed": n} for n in range(200)]


def with_ray(output: Path) -> float:
    """Speaks all rows with two actors. Returns the seconds of speech."""
    return speak_rows(ROWS, output, pool=Pool(actors=2, threads=1)).audio_seconds


def in_one_process(output: Path) -> float:
    """Speaks all rows in this process, eight at a time. Returns the seconds of speech."""
    from concurrent.futures import ThreadPoolExecutor

    def speak(row: dict) -> float:
        speech = tts.speak(row["text"], seed=row["seed"])
        speech.save(output / f"{row['id']}.wav")
        return speech.duration

    with qwen3_tts.Synthesizer(threads=2) as tts, ThreadPoolExecutor(8) as callers:
        return sum(callers.map(speak, ROWS))


def main() -> None:
    """Prints a line for each run."""
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    for _ in range(5):
        for run in (with_ray, in_one_process):
            with tempfile.TemporaryDirectory() as output:
                begin = time.monotonic()
                audio = run(Path(output))
                seconds = time.monotonic() - begin
            print(f"{run.__name__}: {audio:.0f} s of speech in {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
