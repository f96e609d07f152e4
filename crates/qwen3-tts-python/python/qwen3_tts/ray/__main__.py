"""The command ``python -m qwen3_tts.ray``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from .._jobs.settings import DEFAULT_TOGETHER, Audio, Model
from ..errors import Error
from .books import speak_book
from .pool import Pool
from .rows import speak_rows

_DEFAULTS: dict[str, tuple[type, str]] = {
    "speaker": (str, "preset speaker, or a blend such as ryan:0.7,vivian:0.3"),
    "voice": (str, "voice file of a cloned voice"),
    "language": (str, "language, by name or code"),
    "instruct": (str, "manner of speaking, or description of the voice"),
    "piece_tokens": (int, "most text tokens of a piece (256)"),
    "retries": (int, "retries of a piece that runs away (2)"),
    "sentence_pause": (float, "silence in seconds between sentences that are pieces (0.25)"),
    "paragraph_pause": (float, "silence in seconds between paragraphs (0.65)"),
}
"""Options of rows that do not have them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command. Returns its exit status: 0 if all rows were spoken, 1 if some failed, 2 for a
    request that is impossible."""
    args = _parser().parse_args(arguments)
    try:
        inputs = [path for name in args.input for path in _inputs(Path(name))]
        is_book = all(path.suffix.lower() in (".txt", ".md") for path in inputs)
        if not is_book and len(inputs) != 1:
            return _refuse("expected one file of rows (.jsonl, .parquet), or text files, each a chapter")
        settings = _settings(args)
        if not ray.is_initialized():
            ray.init(address=args.address)
        if is_book:
            report = speak_book(inputs, args.output, **settings)
        else:
            report = speak_rows(inputs[0], args.output, **settings)
    except ray.exceptions.RayError as error:
        # The cause is the last line of the traceback of another process.
        print(f"qwen3_tts.ray: {str(error).strip().splitlines()[-1]}", file=sys.stderr)
        return 1
    except (Error, OSError) as error:
        return _refuse(str(error))
    print(report, file=sys.stderr)
    if report.failed:
        print(f"qwen3_tts.ray: {report.failed} failed, see {report.manifest}", file=sys.stderr)
    return 1 if report.failed else 0


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "model": Model(args.model, args.device, args.quantize, args.float32_cache),
        "audio": Audio(args.format, args.sample_format, args.sample_rate, args.bitrate),
        "pool": Pool(_actors(args), args.threads_per_actor, args.together, args.rows_per_batch),
        "defaults": {name: getattr(args, name) for name in _DEFAULTS},
        "seed": args.seed,
    }


def _inputs(path: Path) -> list[Path]:
    """Returns the chapters of a folder with text files, or the path itself."""
    return (sorted(path.glob("*.txt")) if path.is_dir() else []) or [path]


def _actors(args: argparse.Namespace) -> int | tuple[int, int] | None:
    least: int | None = args.actors
    return least if args.max_actors is None else (least or 1, args.max_actors)


def _refuse(reason: str) -> int:
    print(f"qwen3_tts.ray: {reason}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qwen3_tts.ray",
        description="Speaks rows of text, or the chapters of a book, on the machines of a Ray cluster. A job "
        "that was stopped is run again with the same command: results that are there are kept.",
    )
    parser.add_argument(
        "input",
        nargs="+",
        metavar="INPUT",
        help="rows in a file .jsonl or .parquet; or text files (.txt, .md), each a chapter, or their folder",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="directory that all machines share"
    )
    parser.add_argument("--address", help="address of the Ray cluster (RAY_ADDRESS, or of this machine)")
    parser.add_argument("--seed", type=int, default=0, help="seed of rows without one, with their id (0)")
    _add_model(parser.add_argument_group("model"))
    _add_pool(parser.add_argument_group("machines"))
    _add_audio(parser.add_argument_group("audio files"))
    group = parser.add_argument_group("speech", "for rows that do not have the field")
    for name, (kind, description) in _DEFAULTS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, help=description)
    return parser


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", help="directory on every machine, or a hub id (the built-in voice)")
    group.add_argument("--quantize", help="bits to quantise to at load: 8, 6, 4, or by part")
    group.add_argument("--device", default="cpu", help="device that computes (cpu)")
    group.add_argument("--float32-cache", action="store_true", help="keep keys and values in float32")


def _add_pool(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--actors", type=int, metavar="N", help="actors, at least (as many as fit)")
    group.add_argument("--max-actors", type=int, metavar="N", help="most actors, of a cluster that grows")
    group.add_argument(
        "--threads-per-actor", type=int, metavar="N", help="threads of each (cores of the smallest machine)"
    )
    group.add_argument(
        "--together",
        type=int,
        metavar="N",
        default=DEFAULT_TOGETHER,
        help=f"texts that an actor speaks at a time ({DEFAULT_TOGETHER})",
    )
    group.add_argument("--rows-per-batch", type=int, metavar="N", help="rows an actor takes (4 × together)")


def _add_audio(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", help="wav, flac, mp3, aac, opus or pcm (wav)")
    group.add_argument("--sample-format", help="s16, s24 or f32 (s16)")
    group.add_argument("--sample-rate", type=int, metavar="HZ", help="resample to this rate")
    group.add_argument("--bitrate", type=int, metavar="KBITS", help="bit rate in kbit/s")


if __name__ == "__main__":
    sys.exit(main())
