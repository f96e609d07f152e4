"""Trains the demo voice from scratch: corpus, codes, decoder, encoder, talker, speaker encoder.

Every stage stores its result in the work directory and is skipped if it exists; the two long
trainings resume where they stopped.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch

import codec
import codes
import corpus
import ecapa
import encoder
import export
import talker
import text

SENTENCES = 14_000  # of each speaker
SEEDS = {"arlo": 11, "mina": 12}


def apart(*arguments):
    """Runs a stage in a separate process, since espeak-ng has one voice per process."""
    subprocess.run([sys.executable, str(Path(__file__)), *map(str, arguments)], check=True)


def missing(path):
    if path.exists():
        print(f"{path} is there", flush=True)
    return not path.exists()


def stages(options):
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    corpora = [work / f"corpus-{speaker}.npz" for speaker in text.SPEAKERS]
    waves = [work / f"waves-{speaker}.npz" for speaker in text.SPEAKERS]
    codes_path = work / "codes.pt"
    for speaker, path in zip(text.SPEAKERS, corpora):
        if missing(path):
            apart("corpus", speaker, options.sentences, path)
    if missing(codes_path):
        codes.make(corpora, codes_path)
    for speaker, path in zip(text.SPEAKERS, waves):
        if missing(path):
            apart("recordings", speaker, codes_path, path)
    loaded = codes.load(codes_path)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    codec.train(loaded, waves, work / "codec.pt", options.codec_steps, device)
    encoder.train(loaded, waves, work / "encoder.pt", options.codec_steps, device)
    talker.train(loaded, work / "talker.pt", options.talker_steps, device)
    rows = talker.speaker_rows(work / "talker.pt")
    ecapa.train(loaded, waves, rows, work / "speaker.pt", device=device)
    export.write(options.out, work)


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "corpus":
        speaker, count, path = sys.argv[2:]
        corpus.make(speaker, text.sentences(int(count), SEEDS[speaker]), path)
        return
    if len(sys.argv) > 1 and sys.argv[1] == "recordings":
        speaker, codes_path, path = sys.argv[2:]
        codec.make_recordings(speaker, codes.load(codes_path)["utterances"], path)
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=SENTENCES)
    parser.add_argument("--codec-steps", type=int, default=codec.STEPS)
    parser.add_argument("--talker-steps", type=int, default=talker.STEPS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    stages(options)


if __name__ == "__main__":
    main()
