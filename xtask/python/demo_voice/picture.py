"""Draws a sentence of the demo voice under the teacher's, as spectrograms.

usage: picture.py FOLDER WAY INDEX OUT.png
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import soundfile

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from PIL import Image  # noqa: E402

from listen import sentences  # noqa: E402


def main():
    folder, way, index, out = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    sentence = sentences()[index]
    recordings = {
        "the teacher, on the frame grid": folder / "target" / f"{index:03}.wav",
        f"the demo voice, {folder.name}, {way}": folder / way / f"{index:03}.wav",
    }
    figure, axes = pyplot.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
    for axis, (title, path) in zip(axes, recordings.items()):
        samples, rate = soundfile.read(path)
        axis.specgram(samples + 1e-5, NFFT=512, noverlap=384, Fs=rate, vmin=-120, cmap="magma")
        axis.set(title=title, ylim=(0, 8000), ylabel="Hz", yticks=np.arange(0, 8001, 2000))
    axes[-1].set_xlabel("seconds")
    figure.suptitle(sentence)
    figure.savefig(out, dpi=80)
    # Few colours keep the file small, since a repository keeps every version.
    Image.open(out).convert("RGB").quantize(48).save(out, optimize=True)


if __name__ == "__main__":
    main()
