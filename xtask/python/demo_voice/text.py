"""Training text of the demo voice: a vocabulary of ordinary words, and sentences drawn from it.

One word in ten (of those that are not the most frequent) is held out: it occurs in no training
sentence, so speaking it shows that the voice generalises.
"""

import hashlib
import random
import re
from functools import cache
from pathlib import Path

import wordfreq

DICTIONARY = Path("/usr/share/dict/american-english")
VOCABULARY = 36_000
ALWAYS_SEEN = 800
LONGEST_WORD = 14


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


MONTHS = "January February March April May June July August September October November December"
TITLES = "Mr. Mrs. Ms. Dr. St. Prof."


def written(rng):
    """Returns something that is written otherwise than it is spoken: a date, a price, a time."""
    kind, month = rng.randrange(7), rng.choice(MONTHS.split())
    if kind == 0:
        return f"{month} {rng.randint(1, 31)}, {rng.randint(1900, 2030)}"
    if kind == 1:
        return f"the {ordinal(rng.randint(1, 31))} of {month}"
    if kind == 2:
        return f"${rng.choice([rng.randint(1, 30), rng.randint(1, 999)])}"
    if kind == 3:
        return f"${rng.randint(1, 99)}.{rng.randint(1, 99):02}"
    if kind == 4:
        return f"{rng.randint(1, 12)}:{rng.choice([0, 15, 30, 45, rng.randint(1, 59)]):02}"
    if kind == 5:
        return f"{rng.randint(1, 100)}%"
    name = rng.choice(seen_words()[800:9000]).capitalize()
    return f"{rng.choice(TITLES.split())} {name}"


def ordinal(number):
    tail = "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"


WORDNET = Path("/usr/share/wordnet")
PLAIN = re.compile(r"[A-Za-z0-9 '.,;:?!$%-]+")


@cache
def prose():
    """Returns definitions and examples of WordNet: ordinary English, without held-out words."""
    if not WORDNET.is_dir():
        raise SystemExit(f"{WORDNET} is missing; install it (apt install wordnet-base)")
    held_out, examples, definitions = set(unseen_words()), [], []
    for part in ("noun", "verb", "adj", "adv"):
        for line in (WORDNET / f"data.{part}").read_text().splitlines():
            _, bar, gloss = line.partition(" | ")
            if not bar:
                continue
            examples += re.findall(r'"([^"]+)"', gloss)
            definitions += [part.strip() for part in gloss.split('"')[0].split(";")]

    def fits(sentence):
        words = re.findall(r"[a-z']+", sentence.lower())
        plain = PLAIN.fullmatch(sentence) and "--" not in sentence
        return plain and 3 <= len(words) <= 14 and not held_out.intersection(words)

    # Examples are closer to speech; of the definitions a part is enough.
    kept = [one for one in definitions if fits(one)]
    return [one for one in examples if fits(one)], kept


def from_prose(rng):
    examples, definitions = prose()
    sentence = rng.choice(examples if rng.random() < 0.75 else definitions).strip(" ,;:-")
    if sentence[-1] not in ".?!":
        sentence += rng.choices([".", "!", ""], [0.85, 0.05, 0.1])[0]
    return sentence


def sentences(count, seed):
    """Returns sentences: prose, and random words, every seen word in turn, frequent ones often."""
    rng = random.Random(seed)
    common, deck = seen_words()[:3000], []
    weights = [1 / (rank + 12) for rank in range(len(common))]
    result = []
    while len(result) < count:
        if rng.random() < 0.6:
            result.append(from_prose(rng))
            continue
        words = []
        for _ in range(rng.choice(range(1, 11))):
            kind = rng.random()
            if kind < 0.03:
                words.append(number(rng))
            elif kind < 0.08:
                words.append(written(rng))
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
