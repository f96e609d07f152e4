"""Evaluates speech with an independent recogniser, compared with the teacher's.

`prepare` writes the held-out sentences and the teacher's recordings of them, `judge` prints the word
accuracy of pocketsphinx for each folder of recordings. Its grammar has the sentences' words, in any
order and number.
"""

import json
import sys
from pathlib import Path

import numpy as np
import soundfile
from pocketsphinx import Config, Decoder, get_model_path
from scipy.signal import resample_poly

import corpus
import grid
import text
from espeak import Espeak

PRONUNCIATIONS = Path(get_model_path()) / "en-us" / "cmudict-en-us.dict"
SECONDS_OF_SILENCE = 0.2
LENGTH_TOLERANCE = 0.3


def recogniser(words):
    # The cost of a word prevents short words in every gap; tuned on the teacher.
    decoder = Decoder(Config(lm=None, loglevel="FATAL", wip=0.005))
    grammar = f"#JSGF V1.0; grammar words; public <sentence> = ( {' | '.join(words)} )+ ;"
    decoder.add_jsgf_string("words", grammar)
    decoder.activate_search("words")
    return decoder


def hear(decoder, samples, sample_rate):
    silence = np.zeros(int(SECONDS_OF_SILENCE * sample_rate))
    padded = np.concatenate([silence, samples, silence])
    at_16_khz = resample_poly(padded, 16_000, sample_rate)
    at_16_khz *= 0.6 / max(np.abs(at_16_khz).max(), 1e-6)
    # A little noise, since the recogniser's features are not made for digital silence.
    at_16_khz += np.random.RandomState(0).randn(len(at_16_khz)) * 1e-4
    decoder.start_utt()
    decoder.process_raw((at_16_khz * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    return decoder.hyp().hypstr.split() if decoder.hyp() else []


def word_errors(wanted, heard):
    row = list(range(len(heard) + 1))
    for i, word in enumerate(wanted, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            above, row[j] = row[j], min(above + (word != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def words_of(sentence):
    return sentence.lower().rstrip(".").split()


KINDS = {"greedy": {"greedy": True}, "sampled": {}, "streamed": {"streaming_text": True}}
REFERENCE = 0  # the sentence whose recording by the teacher a voice is cloned from


def prepare(folder):
    """Writes the sentences, the requests of each kind and the teacher's recordings of a speaker."""
    folder = Path(folder)
    speaker = folder.name
    folder.mkdir(parents=True, exist_ok=True)
    sentences, words = text.test_sentences(text.heard_words(PRONUNCIATIONS))
    (folder / "sentences.json").write_text(json.dumps({"sentences": sentences, "words": words}))
    reference = folder.absolute() / "teacher" / f"{REFERENCE:03}.wav"
    cloned = {"ref_audio": str(reference), "ref_text": sentences[REFERENCE]}
    cloned["streaming_text"] = False
    kinds = {kind: {"speaker": speaker} | more for kind, more in KINDS.items()}
    for kind, more in (kinds | {"cloned": cloned}).items():
        lines = [
            json.dumps({"text": one, "file": f"{at:03}.wav", "seed": at} | more)
            for at, one in enumerate(sentences)
        ]
        (folder / f"{kind}.jsonl").write_text("\n".join(lines) + "\n")
    espeak = Espeak(grid.VOICES[speaker], corpus.RATE)
    for name in ("espeak", "teacher"):
        (folder / name).mkdir(exist_ok=True)
    for index, sentence in enumerate(sentences):
        spoken, parts = corpus.record(espeak, sentence.lower())
        made = {
            "espeak": grid.at_24_khz(spoken),
            "teacher": grid.resynthesised(spoken, parts, grid.PERIOD[speaker], grid.PITCH[speaker]),
        }
        for name, samples in made.items():
            soundfile.write(folder / name / f"{index:03}.wav", samples, grid.SAMPLE_RATE)


def spectral_distance(samples, reference):
    """Returns the mean distance of log-mel vectors, 10 ms apart, along the cheapest warping path."""

    def vectors(wave):
        wave = wave / max(float(np.sqrt((wave**2).mean())), 1e-6) * 0.05
        return grid.log_mel_at(wave, np.arange(0, len(wave) / grid.SAMPLE_RATE, 0.02))

    a, b = vectors(samples), vectors(reference)
    local = np.abs(a[:, None] - b[None]).mean(-1)
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0
    steps = np.zeros_like(total)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            moves = ((i - 1, j - 1), (i - 1, j), (i, j - 1))
            best = min(moves, key=lambda move: total[move])
            total[i, j] = total[best] + local[i - 1, j - 1]
            steps[i, j] = steps[best] + 1
    return total[-1, -1] / steps[-1, -1]


def judge(folder, name):
    """Prints a row: word accuracy, of seen and unseen words, lengths, spectral distance."""
    content = json.loads((folder / "sentences.json").read_text())
    decoder, unseen = recogniser(content["words"]), set(text.unseen_words())
    errors = count = within = 0
    hits = {True: [], False: []}
    distances = []
    for index, sentence in enumerate(content["sentences"]):
        path = folder / name / f"{index:03}.wav"
        samples, rate = soundfile.read(path)
        teacher, _ = soundfile.read(folder / "teacher" / path.name)
        wanted, heard = words_of(sentence), hear(decoder, samples, rate)
        errors += word_errors(wanted, heard)
        count += len(wanted)
        for word in wanted:
            hits[word in unseen].append(word in heard)
        within += abs(len(samples) / len(teacher) - 1) <= LENGTH_TOLERANCE
        if index % 5 == 0:
            distances.append(spectral_distance(samples, teacher))
    print(
        f"| {folder.name} | {name} | {1 - errors / count:.1%} | {np.mean(hits[False]):.1%} | "
        f"{np.mean(hits[True]):.1%} | {within} | {np.mean(distances):.3f} |",
        flush=True,
    )


HEAD = """\
| speaker | speech | word accuracy | seen words | unseen words | lengths within 30 % | spectra |
|---|---|---|---|---|---|---|"""

if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(sys.argv[2])
    else:
        print(HEAD)
        for folder in sys.argv[3:]:
            for name in sys.argv[2].split(","):
                judge(Path(folder), name)
