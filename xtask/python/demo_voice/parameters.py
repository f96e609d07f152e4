"""Parameters to begin a training with: those of an earlier one, as bfloat16.

usage: parameters.py WORK FOLDER

writes those of the decoder and the talker from the state of the trainings in WORK, and those of the
critic and the reader, which are used in training only.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def load(folder, name):
    """Returns the parameters of `decoder`, `critic`, `talker` or `reader` as float32."""
    tensors = load_file(Path(folder) / f"{name}.safetensors")
    return {key: value.float() for key, value in tensors.items()}


def save(parameters, folder, name):
    halves = {key: value.bfloat16().contiguous() for key, value in parameters.items()}
    save_file(halves, Path(folder) / f"{name}.safetensors")


def main():
    work, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    saved = torch.load(work / "codec.pt", map_location="cpu", weights_only=False)
    for name, part in zip(("decoder", "critic"), saved["parts"]):
        save(part, folder, name)
    saved = torch.load(work / "talker.pt", map_location="cpu", weights_only=False)
    save(saved["model"] | saved["average"], folder, "talker")
    save(saved["reader"], folder, "reader")


if __name__ == "__main__":
    main()
