"""Trains the demo voice: corpus, recordings, decoder, encoder, talker, speaker encoder.

Every stage stores its result in the work directory and is skipped if it exists; the two long
trainings resume where they stopped.
"""

import argparse
from pathlib import Path

import torch

import codec
import codes
import corpus
import ecapa
import encoder
import export
import recordings
import talker
import text

SENTENCES = 24_000
SEEDS = {"talker": 31, "codec": 21}


def missing(path):
    if path.exists():
        print(f"{path} is there", flush=True)
    return not path.exists()


def stages(options):
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    sentences, recorded, sounds = (
        work / name for name in ("corpus.json", "recordings.npz", "sounds.npz")
    )
    if missing(recorded):
        recordings.make(text.sentences(recordings.SENTENCES, SEEDS["codec"]), recorded)
    if missing(sentences):
        corpus.make(text.sentences(options.sentences, SEEDS["talker"]), sentences)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    steps = options.codec_steps, options.critic_steps
    codec.train(recorded, work / "codec.pt", *steps, device, options.start)
    if missing(sounds):
        recordings.make_sounds(recorded, sounds)
    encoder.train(sounds, work / "encoder.pt", device=device)
    told = corpus.load(sentences)
    utterances = codes.utterances(told, codes.align(told))
    talker.train(utterances, work / "talker.pt", options.talker_steps, device, options.start)
    rows = talker.speaker_rows(work / "talker.pt")
    ecapa.train(sounds, rows, work / "speaker.pt", device=device)
    export.write(options.out, work)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=SENTENCES)
    parser.add_argument("--codec-steps", type=int, default=codec.STEPS)
    parser.add_argument("--critic-steps", type=int, default=codec.CRITIC_STEPS)
    parser.add_argument("--talker-steps", type=int, default=talker.STEPS)
    parser.add_argument("--start", help="folder with parameters to begin with, see parameters.py")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    stages(options)


if __name__ == "__main__":
    main()
