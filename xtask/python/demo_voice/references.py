"""What the tests of the workspace compare the demo voice with.

usage: references.py OUT CHECKPOINT FOLDER...

The folders are those of `listen.py prepare`. For a few of their sentences: the teacher's recording,
and the codes that the official package makes of the checkpoint, greedily.
"""

import json
import sys
from pathlib import Path

import soundfile
import torch

import grid

sys.path.append(str(Path(__file__).resolve().parent.parent))
import official  # noqa: E402

KEPT = (0, 1)
FRAMES = 200


def greedy_codes(wrapper, speaker, sentence):
    request = {
        "text": sentence,
        "speaker": speaker,
        "language": "auto",
        "instruct": None,
        "non_streaming_text": True,
    }
    recorder, _ = official.speak(wrapper, request, FRAMES)
    return recorder.codes.tolist()


def main():
    out, checkpoint = Path(sys.argv[1]), sys.argv[2]
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    wrapper = official.load(checkpoint)
    listed = []
    for folder in map(Path, sys.argv[3:]):
        sentences = json.loads((folder / "sentences.json").read_text())["sentences"]
        for index in KEPT:
            samples, rate = soundfile.read(folder / "teacher" / f"{index:03}.wav")
            name = f"{folder.name}-{index}.flac"
            soundfile.write(out / name, samples, rate)
            listed.append(
                {
                    "speaker": folder.name,
                    "text": sentences[index],
                    "file": name,
                    "n_frames": len(samples) // grid.FRAME,
                    "greedy_codes": greedy_codes(wrapper, folder.name, sentences[index]),
                }
            )
    lines = ",\n".join(json.dumps(one) for one in listed)
    (out / "sentences.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
