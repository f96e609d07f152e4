"""Writes fixtures/: tiny seeded checkpoints and goldens from the official package in float32.

usage: fixtures.py --out DIR [--only PART] [--tokenizer DIR]
PART is speech, cloning, codec, encoder, speaker, resampling, tokenizer, operations, quantized,
pickle or the name of one speech case.
"""

import argparse
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import torch

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

import goldens_cloning
import goldens_codec
import goldens_encoder
import goldens_operations
import goldens_pickle
import goldens_quantized
import goldens_resampling
import goldens_speaker
import goldens_speech
import goldens_tokenizer

PARTS = (
    "speech", "cloning", "codec", "encoder", "speaker", "resampling", "tokenizer", "operations",
    "quantized", "pickle",
)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only")
    parser.add_argument("--tokenizer", type=Path)
    arguments = parser.parse_args()
    only, goldens = arguments.only, arguments.out / "goldens"
    checkpoints = arguments.out / "checkpoints"
    case = only if only in goldens_speech.CASES else None
    if only is not None and case is None and only not in PARTS:
        parser.error(f"--only {only}: expected one of {PARTS} or {tuple(goldens_speech.CASES)}")
    if only in (None, "speech") or case:
        goldens_speech.write(checkpoints, goldens / "speech", case)
    if only in (None, "cloning"):
        goldens_cloning.write(checkpoints, goldens / "cloning")
    if only in (None, "codec"):
        goldens_codec.write(checkpoints, goldens / "codec")
    if only in (None, "encoder"):
        goldens_encoder.write(checkpoints, goldens / "encoder")
    if only in (None, "speaker"):
        goldens_speaker.write(checkpoints, goldens / "speaker")
    if only in (None, "resampling"):
        goldens_resampling.write(checkpoints, goldens / "resampling")
    if only in (None, "operations"):
        goldens_operations.write(checkpoints, goldens / "operations")
    if only in (None, "quantized"):
        goldens_quantized.write(goldens / "operations")
    if only in (None, "pickle"):
        goldens_pickle.write(goldens / "pickle")
    if only in (None, "tokenizer"):
        goldens_tokenizer.write(checkpoints, goldens, arguments.tokenizer)


main()
