"""Writes the references with which the tests of the workspace compare the demo voice.

usage: references.py OUT CHECKPOINT BASE FOLDER...

The folders are those of `listen.py prepare`. For a few of their sentences: the recording on the grid,
its codes by the official package, the greedy codes of the official package with the checkpoint, and
those with the voice that BASE clones from the previous recording.
"""

import json
import sys
from pathlib import Path

import soundfile
import torch

import grid
from listen import sentences

sys.path.append(str(Path(__file__).resolve().parent.parent))
import official  # noqa: E402

KEPT = (21, 31)  # short ones
FRAMES = 200


def greedy_codes(wrapper, sentence, **voice):
    request = {"text": sentence, "language": "auto", "instruct": None, **voice}
    recorder, _ = official.speak(wrapper, request, FRAMES)
    return recorder.codes.tolist()


def main():
    out, checkpoint, base = Path(sys.argv[1]), *sys.argv[2:4]
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    preset, base = official.load(checkpoint), official.load(base)
    listed = []
    for folder in map(Path, sys.argv[4:]):
        for index in KEPT:
            samples, rate = soundfile.read(folder / "target" / f"{index:03}.wav")
            name = f"{folder.name}-{index}.flac"
            soundfile.write(out / name, samples, rate)
            listed.append(
                {
                    "speaker": folder.name,
                    "text": sentences()[index],
                    "file": name,
                    "n_frames": len(samples) // grid.FRAME,
                    "heard_codes": heard_codes(base, out / name),
                    "greedy_codes": greedy_codes(
                        preset, sentences()[index], speaker=folder.name, non_streaming_text=True
                    ),
                }
            )
        reference, spoken = listed[-len(KEPT)], listed[-1]
        spoken["cloned_codes"] = greedy_codes(
            base,
            spoken["text"],
            reference_audio=str(out / reference["file"]),
            reference_text=reference["text"],
            x_vector_only=False,
            non_streaming_text=True,
        )
    lines = ",\n".join(json.dumps(one) for one in listed)
    (out / "sentences.json").write_text(f"[\n{lines}\n]\n")


def heard_codes(wrapper, path):
    encoded = wrapper.model.speech_tokenizer.encode(str(path))
    return encoded.audio_codes[0].tolist()


if __name__ == "__main__":
    main()
