"""Alignment of each phoneme to a letter of the text, learnt from the words.

A monotone alignment by expectation and maximisation over word types (Viterbi), as in grapheme to
phoneme models: every phoneme belongs to one letter; letters may be silent or have several.
"""

import math
from collections import Counter, defaultdict

_SILENT = ""
_ROUNDS = 5


class Alignment:
    def __init__(self, words):
        """`words`: `{(letters, phonemes): times}` with phonemes a tuple."""
        self._cost = None
        self._known = {}
        for _ in range(_ROUNDS):
            counts = defaultdict(Counter)
            for (letters, phonemes), times in words.items():
                weight = 1 + math.log(times)
                places = self._best(letters, phonemes)
                for letter in set(range(len(letters))) - set(places):
                    counts[letters[letter]][_SILENT] += weight
                for place, phoneme in zip(places, phonemes):
                    counts[letters[place]][phoneme] += weight
            self._cost = {
                letter: {
                    phoneme: -math.log(times / sum(table.values()))
                    for phoneme, times in table.items()
                }
                for letter, table in counts.items()
            }
        self._known = {}

    def places(self, letters, phonemes):
        """Returns the letter of each phoneme, never decreasing."""
        key = (letters, phonemes)
        if key not in self._known:
            self._known[key] = self._best(letters, phonemes)
        return self._known[key]

    def _best(self, letters, phonemes):
        if self._cost is None:
            last, count = len(letters) - 1, max(len(phonemes), 1)
            return [min(last, int((at + 0.5) * len(letters) / count)) for at in range(count)][
                : len(phonemes)
            ]
        n, m = len(letters), len(phonemes)
        rare = 9.0
        silent = [self._cost.get(letter, {}).get(_SILENT, rare) for letter in letters]
        # best[i][j]: cost with the first i letters used up and the first j phonemes placed.
        best = [[math.inf] * (m + 1) for _ in range(n + 1)]
        origin = [[0] * (m + 1) for _ in range(n + 1)]
        best[0][0] = 0.0
        for i in range(n):
            table = self._cost.get(letters[i], {})
            for j in range(m + 1):
                if best[i][j] == math.inf:
                    continue
                cost = best[i][j] + silent[i]
                if cost < best[i + 1][j]:
                    best[i + 1][j], origin[i + 1][j] = cost, j
                cost = best[i][j]
                for end in range(j + 1, m + 1):
                    cost += table.get(phonemes[end - 1], rare)
                    cost += 0.0 if end == j + 1 else 1.0
                    if cost < best[i + 1][end]:
                        best[i + 1][end], origin[i + 1][end] = cost, j
        places, j = [], m
        for i in range(n, 0, -1):
            places = [i - 1] * (j - origin[i][j]) + places
            j = origin[i][j]
        return places
