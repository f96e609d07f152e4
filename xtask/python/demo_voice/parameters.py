"""Parameters to begin a training with: those of an earlier one, as bfloat16.

usage: parameters.py WORK FOLDER

writes `decoder.safetensors` and `talker.safetensors` from the state of the trainings in WORK.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def load(folder, name):
    """Returns the parameters of `decoder` or `talker` as float32."""
    tensors = load_file(Path(folder) / f"{name}.safetensors")
    return {key: value.float() for key, value in tensors.items()}


def save(parameters, folder, name):
    halves = {key: value.bfloat16().contiguous() for key, value in parameters.items()}
    save_file(halves, Path(folder) / f"{name}.safetensors")


def main():
    work, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    saved = torch.load(work / "codec.pt", map_location="cpu", weights_only=False)
    save(saved["decoder"], folder, "decoder")
    saved = torch.load(work / "talker.pt", map_location="cpu", weights_only=False)
    save(saved["model"] | saved["average"], folder, "talker")


if __name__ == "__main__":
    main()
