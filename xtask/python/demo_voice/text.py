"""Training text of the demo voice: a vocabulary of ordinary words, and sentences drawn from it.

One word in ten (of those that are not the most frequent) is held out: it occurs in no training
sentence, so speaking it shows that the voice generalises.
"""

import hashlib
import random
from functools import cache
from pathlib import Path

import wordfreq

DICTIONARY = Path("/usr/share/dict/american-english")
VOCABULARY = 36_000
ALWAYS_SEEN = 800
LONGEST_WORD = 14
SPEAKERS = ("arlo", "mina")


@cache
def vocabulary():
    """Returns ordinary English words, the most frequent first."""
    if not DICTIONARY.is_file():
        raise SystemExit(f"{DICTIONARY} is missing; install it (apt install wamerican)")
    known = set(DICTIONARY.read_text().split())
    words = []
    for word in wordfreq.top_n_list("en", 300_000):
        plain = word.replace("'", "")
        if word in known and plain.isascii() and plain.isalpha() and len(word) <= LONGEST_WORD:
            if len(word) > 1 or word == "a":
                words.append(word)
        if len(words) == VOCABULARY:
            break
    return ["i"] + words


def is_held_out(word):
    return int(hashlib.sha256(word.encode()).hexdigest(), 16) % 10 == 0


@cache
def seen_words():
    common, rest = vocabulary()[:ALWAYS_SEEN], vocabulary()[ALWAYS_SEEN:]
    return common + [word for word in rest if not is_held_out(word)]


@cache
def unseen_words():
    return [word for word in vocabulary()[ALWAYS_SEEN:] if is_held_out(word)]


def number(rng):
    """Returns digits as people write them: mostly short numbers, some years and thousands."""
    kind = rng.random()
    if kind < 0.4:
        return str(rng.randint(0, 12))
    if kind < 0.7:
        return str(rng.randint(13, 99))
    if kind < 0.85:
        return str(rng.randint(100, 999))
    return str(rng.randint(1000, 2030))


def sentences(count, seed, most_words=12):
    """Returns random words in the shape of sentences: every seen word in turn, frequent ones often."""
    rng = random.Random(seed)
    common, deck = seen_words()[:3000], []
    weights = [1 / (rank + 12) for rank in range(len(common))]
    result = []
    while len(result) < count:
        words = []
        for _ in range(rng.choice(range(1, most_words + 1))):
            kind = rng.random()
            if kind < 0.05:
                words.append(number(rng))
            elif kind < 0.40:
                words.append(rng.choices(common, weights)[0])
            else:
                if not deck:
                    deck = seen_words().copy()
                    rng.shuffle(deck)
                words.append(deck.pop())
        result.append(punctuated(words, rng))
    return result


def punctuated(words, rng):
    out = []
    for index, word in enumerate(words):
        last = index == len(words) - 1
        if not last and rng.random() < 0.08:
            word += rng.choice([",", ",", ",", ",", ";", ":", ".", "?", "!"])
        if not last and rng.random() < 0.01:
            word += " -"
        out.append(word)
    end = rng.choices([".", "?", "!", ""], [0.6, 0.12, 0.08, 0.2])[0]
    return " ".join(out) + end


def heard_words(dictionary):
    """Returns the words of the recogniser's pronouncing dictionary."""
    return {line.split()[0] for line in Path(dictionary).read_text().splitlines() if line.strip()}


def test_sentences(known, count=100, seed=99):
    """Returns `(sentences, words)`: six words each, half of them unseen, from a closed list.

    `known` are the words that the recogniser can hear. Short words are excluded, since it hears them in
    every gap, also of the teacher.
    """
    rng = random.Random(seed)

    def choose(words, size):
        return rng.sample([word for word in words if word in known and len(word) > 4], size)

    seen, unseen = choose(seen_words()[:4000], 60), choose(unseen_words(), 60)
    result = []
    for _ in range(count):
        words = rng.sample(seen, 3) + rng.sample(unseen, 3)
        rng.shuffle(words)
        result.append((" ".join(words)).capitalize() + ".")
    return result, sorted(seen + unseen)
