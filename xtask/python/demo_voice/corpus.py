"""The training corpus: sentences with the phonemes, the pitch and the loudness of their frames.

The speakers are one teacher, moved to two pitches, so that a sentence has the same frames for both.
"""

import json
import time

import amplitudes
import grid
from teacher import F0_HOP, Teacher


def on_grid(spoken):
    """Returns the frames of each phoneme, and the times of the hops on the grid."""
    counts = grid.frame_counts(spoken.segments)
    return counts, grid.source_times(spoken.segments, counts)


def described(spoken, sentence):
    """Returns what the codes of a sentence are made of."""
    counts, times = on_grid(spoken)
    voices = {}
    for name, speaker in grid.SPEAKERS.items():
        pitch = grid.pitch(spoken.f0, F0_HOP, times, speaker.pitch)
        voices[name] = {"periods": pitch.periods.tolist(), "edges": pitch.edges.tolist()}
    return {
        "text": sentence.lower(),
        "phonemes": [part.phoneme for part in spoken.segments],
        "n_frames": counts,
        "words": [part.word for part in spoken.segments],
        "levels": [round(level, 1) for level in grid.levels(spoken.samples, times).tolist()],
        "voices": voices,
    }


def amplitudes_of(spoken):
    """Returns a sentence on the grid as each voice speaks it, see `amplitudes`."""
    _, times = on_grid(spoken)
    analysis = grid.analysed(spoken.samples, spoken.f0, F0_HOP)
    return {
        name: amplitudes.of(
            grid.envelopes(analysis, times, voice.formants),
            grid.pitch(spoken.f0, F0_HOP, times, voice.pitch),
        )
        for name, voice in grid.SPEAKERS.items()
    }


def moved(spoken, speaker):
    """Returns a sentence in the teacher's own timing, moved to the voice of a speaker by WORLD."""
    voice = grid.SPEAKERS[speaker]
    if voice == grid.Speaker(1.0, 1.0):
        return spoken.samples
    return grid.moved(spoken.samples, spoken.f0, F0_HOP, voice)


def make(sentences, out):
    teacher, started, kept = Teacher(), time.time(), []
    for index, sentence in enumerate(sentences):
        spoken = teacher.speak(sentence)
        if spoken is not None and len(spoken.segments) > 3:
            kept.append(described(spoken, sentence))
        if index % 1000 == 999:
            done = time.time() - started
            print(f"corpus: {index + 1}/{len(sentences)} sentences, {done:.0f} s", flush=True)
    with open(out, "w") as file:
        json.dump(kept, file)


def load(path):
    with open(path) as file:
        return json.load(file)
