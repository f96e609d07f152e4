"""The options of a request."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from .voice import Voice


class SpeakOptions(TypedDict, total=False):
    """The options of :meth:`Synthesizer.speak` and its siblings. ``None`` is the default of each: that
    which the checkpoint publishes, or the one named here."""

    speaker: str | None
    """A preset speaker by name, or a blend such as ``"ryan:0.7,vivian:0.3"``. Default: the first one."""

    voice: Voice | None
    """A cloned voice, for a base checkpoint."""

    language: str | None
    """A language by name or code, or ``"auto"``, the default."""

    instruct: str | None
    """The manner of speaking, or the description of the voice for a voice design checkpoint."""

    seed: int | None
    """Seed of the random choices, from 0 to 2**64 - 1. Default: drawn, see :attr:`Speech.seed`."""

    markup: bool | None
    """True to read marks in the text: ``[pause 500ms]``, ``[speaker NAME]``, ``# heading``."""

    max_frames: int | None
    """The most 80 ms frames, of each piece of a long text."""

    non_streaming_mode: bool | None
    """True to give the model the whole text first, False to give it one token per frame. Default: True,
    but False for a cloned voice."""

    greedy: bool | None
    """True to take the most likely code always."""

    do_sample: bool | None
    """True to draw the codes of the first codebook at random, False to take the most likely ones."""

    subtalker_do_sample: bool | None
    """As ``do_sample``, for the other codebooks."""

    temperature: float | None
    """Divisor of the logits of the first codebook. 0 is greedy, for all codebooks unless
    ``subtalker_temperature`` is given."""

    top_k: int | None
    """Number of candidates of the first codebook; 0 keeps all."""

    top_p: float | None
    """Probability mass of the candidates of the first codebook."""

    repetition_penalty: float | None
    """Penalty on codes of the first codebook that were generated before; 1 for no penalty."""

    subtalker_temperature: float | None
    """As ``temperature``, for the other codebooks."""

    subtalker_top_k: int | None
    """As ``top_k``, for the other codebooks."""

    subtalker_top_p: float | None
    """As ``top_p``, for the other codebooks."""

    long_text: bool | None
    """False to speak the text in one piece up to ``max_frames``, however long it is. By default a long
    text is split into pieces at paragraphs and sentences, and a piece that runs away is spoken again."""

    piece_tokens: int | None
    """The most text tokens of a piece. Default: 256."""

    each_sentence: bool | None
    """True to make each sentence a piece."""

    retries: int | None
    """Number of times that a piece that runs away is spoken again. Default: 2. A stream is cut off
    there instead."""

    together: int | None
    """Number of pieces that are spoken at the same time. Default: 8."""

    clause_pause: float | None
    """Silence in seconds within a sentence that was split. Default: 0.08."""

    sentence_pause: float | None
    """Silence in seconds between sentences that are pieces. Default: 0.25."""

    paragraph_pause: float | None
    """Silence in seconds between paragraphs. Default: 0.65."""

    first_chunk: int | None
    """Length in 80 ms frames of the first chunk of a stream. Default: 1. The following ones double."""

    max_chunk: int | None
    """Length in 80 ms frames of the longest chunk of a stream. Default: 16."""

    buffered_chunks: int | None
    """Number of chunks that are not yet taken at which a stream pauses. Default: 4."""


_NAMES = frozenset(SpeakOptions.__optional_keys__)


def check_names(options: dict[str, Any]) -> None:
    """Raises a ``TypeError`` for an option that does not exist, naming the nearest one."""
    for name in options:
        if name not in _NAMES:
            near = difflib.get_close_matches(name, _NAMES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"there is no option {name!r}{hint} (see qwen3_tts.SpeakOptions)")
