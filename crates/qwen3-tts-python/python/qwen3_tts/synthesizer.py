"""A loaded model."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native, recording as recordings
from .audio_file import AudioFile, settings
from .options import check_names
from .recording import Recording
from .speech import Speech
from .stream import IncrementalText, Progress, SpeechStream
from .voice import Voice, as_codes

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import SpeakOptions


class Synthesizer:
    """A loaded model, to be shared by all threads.

    ``model`` is a directory, or a name on the Hugging Face hub such as
    ``"Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"``, which is downloaded once. Without it the built-in demo
    voice speaks. ``quantize`` is 8, 6 or 4 bits, or parts by name such as ``"talker=4,code-predictor=8"``.

    Requests of several threads or tasks are computed together and share each read of the weights; each
    has the samples that it has alone. The interpreter is free meanwhile, and Ctrl-C interrupts::

        tts = qwen3_tts.Synthesizer()
        tts.speak("Good morning.").save("morning.flac")
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        threads: int | None = None,
        quantize: int | str | None = None,
        *,
        float32_cache: bool = False,
        talker: bool = True,
        max_active: int | None = None,
        max_waiting: int | None = None,
    ) -> None:
        """Loads a model.

        ``device`` is ``"cpu"``, or ``"mlx"`` in a build for Apple GPUs. ``threads`` is the number of
        threads that compute, by default that of the cores. ``talker=False`` loads the speech tokenizer
        alone, to encode and decode. ``max_active`` (8) pieces of text are spoken at the same time;
        beyond ``max_waiting`` (64) more, requests raise :class:`BusyError`.
        """
        self._load = {
            "device": device,
            "threads": threads,
            "quantize": None if quantize is None else str(quantize),
            "float32_cache": float32_cache,
            "talker": talker,
            "max_active": max_active,
            "max_waiting": max_waiting,
        }
        self._name = None if model is None else os.fspath(model)
        self._main = _native.Model(self._name, False, self._load)
        self._facts = self._main.facts()
        self._base: _native.Model | None = None
        self._base_lock = threading.Lock()

    # Speaking.

    def speak(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """Speaks a text and returns the whole speech.

        Options are those of :class:`SpeakOptions`, among them ``speaker``, ``voice``, ``language``,
        ``instruct`` and ``seed``. Long texts are spoken in pieces, several at a time.
        """
        return self._start(text, dict(options), whole_pieces=True).collect()

    async def speak_async(self, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """As :meth:`speak`, without blocking the event loop. A cancelled task cancels its speech."""
        async with self._start(text, dict(options), whole_pieces=True) as stream:
            return await stream.collect_async()

    def stream(self, text: str, **options: Unpack[SpeakOptions]) -> SpeechStream:
        """Speaks a text and returns its audio in chunks, while it is generated.

        The samples are those of :meth:`speak`, unless a piece of a long text had to be spoken again.
        """
        return self._start(text, dict(options))

    def speak_incremental(
        self, **options: Unpack[SpeakOptions]
    ) -> tuple[IncrementalText, SpeechStream]:
        """Speaks a text while it is being written::

            text, speech = tts.speak_incremental(speaker="ryan")
            threading.Thread(target=write, args=[text]).start()
            for chunk in speech:
                play(chunk.audio)
        """
        checked = self._checked(dict(options))
        text, stream = self._model(checked).speak_incremental(checked)
        return IncrementalText(text), SpeechStream(stream)

    def narrate(
        self,
        text: str,
        path: str | os.PathLike[str],
        *,
        progress: Callable[[Progress], object] | None = None,
        format: str | None = None,
        sample_format: str | None = None,
        sample_rate: int | None = None,
        bitrate: int | None = None,
        title: str | None = None,
        **options: Unpack[SpeakOptions],
    ) -> Speech:
        """Speaks a text of any length to an audio file, which is written while it is spoken.

        The memory needed does not grow with the length. The file appears under its name when it is
        complete. ``progress`` is called after each piece. The file's options are those of
        :meth:`Speech.save`. Returns the speech without its audio.
        """
        how = settings(format, sample_format, sample_rate, bitrate, title)
        reported = 0

        def report(stream: SpeechStream) -> None:
            nonlocal reported
            if progress is not None and stream.n_complete > reported:
                reported = stream.n_complete
                progress(stream.progress)

        with (
            AudioFile(path, self.sample_rate, how) as file,
            self._start(text, dict(options), whole_pieces=True) as stream,
        ):
            for chunk in stream:
                file.write(chunk.audio)
                report(stream)
            report(stream)
            speech = stream.collect()
            file.complete()
        return speech

    def check(self, text: str, **options: Unpack[SpeakOptions]) -> None:
        """Checks that the model can honour a request, without speaking. Raises what :meth:`speak` would
        raise."""
        checked = self._checked(dict(options))
        self._model(checked).check(text, checked)

    def split_text(
        self,
        text: str,
        language: str = "auto",
        *,
        piece_tokens: int = 256,
        each_sentence: bool = False,
    ) -> list[str]:
        """Splits a text into pieces of at most ``piece_tokens`` tokens, as :meth:`speak` does."""
        options = {
            "language": language,
            "piece_tokens": piece_tokens,
            "each_sentence": each_sentence,
        }
        return [piece for piece, _ in self._split(text, options)]

    # Voices and codes.

    def clone_voice(
        self,
        recording: Recording,
        ref_text: str | None = None,
        *,
        sample_rate: int | None = None,
        max_seconds: float = 30.0,
        trailing_silence: float = 0.0,
    ) -> Voice:
        """Clones the voice of a recording, with a base checkpoint.

        ``recording`` is a path, the bytes of a file, or samples with ``sample_rate``. ``ref_text`` is its
        transcript, word for word: speech then continues the recording; without it, speech has its
        speaker embedding only. The rest after ``max_seconds`` is cut off. ``trailing_silence`` in
        seconds helps if the recording stops within a word.
        """
        audio = recordings.read(
            recording, sample_rate, max_seconds=max_seconds, for_cloning=True
        )
        if trailing_silence:
            audio = audio.with_trailing_silence(trailing_silence)
        return Voice._of(self._cloning_model().clone_voice(audio, ref_text))

    def encode(
        self,
        recording: Recording,
        *,
        sample_rate: int | None = None,
        max_seconds: float = 3600.0,
    ) -> NDArray[np.int64]:
        """Encodes a recording to codes (frames, codebooks), a frame for each 80 ms."""
        audio = recordings.read(
            recording, sample_rate, max_seconds=max_seconds, for_cloning=False
        )
        return self._main.encode(audio)

    def decode(self, codes: ArrayLike) -> NDArray[np.float32]:
        """Decodes codes (frames, codebooks) to mono samples in [-1, 1] at :attr:`sample_rate`."""
        return self._main.decode(as_codes(codes))

    # The model.

    @property
    def speakers(self) -> list[str]:
        """Names of the preset speakers."""
        return list(self._facts.get("speakers", []))

    @property
    def languages(self) -> list[str]:
        """Names of the languages, besides ``"auto"``."""
        return list(self._facts.get("languages", []))

    @property
    def model_type(self) -> str | None:
        """``"custom_voice"``, ``"voice_design"`` or ``"base"``; None for a speech tokenizer alone."""
        return self._facts.get("model_type")

    @property
    def model_size(self) -> str | None:
        """``"0b6"`` or ``"1b7"``; None for a speech tokenizer alone."""
        return self._facts.get("model_size")

    @property
    def sample_rate(self) -> int:
        """Sample rate of all speech in Hz."""
        return self._facts["sample_rate"]

    @property
    def device(self) -> str:
        """Device that computes."""
        return self._facts["device"]

    @property
    def threads(self) -> int:
        """Number of threads that compute."""
        return self._facts["threads"]

    @property
    def weight_types(self) -> str | None:
        """Data types of the weights, such as ``"bf16"`` or ``"q4, code predictor q8"``."""
        return self._facts["weight_types"]

    @property
    def load_seconds(self) -> float:
        """Time that loading took."""
        return self._facts["load_seconds"]

    @property
    def active_requests(self) -> int:
        """Number of speeches that have begun."""
        return sum(model.requests()[0] for model in self._models())

    @property
    def waiting_requests(self) -> int:
        """Number of requests that wait for their turn."""
        return sum(model.requests()[1] for model in self._models())

    def close(self) -> None:
        """Cancels all requests and frees the model. Later requests raise :class:`CancelledError`."""
        for model in self._models():
            model.shutdown()

    def __enter__(self) -> Synthesizer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        name = "built-in voice" if self._name is None else self._name
        return f"<qwen3_tts.Synthesizer, {name}, {self.weight_types}, {self.device}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a loaded model cannot be pickled: load it in each process, for example in an actor's "
            "__init__"
        )

    def _split(self, text: str, options: dict[str, Any]) -> list[tuple[str, float]]:
        """Returns the pieces of a text, and the silence after each in seconds."""
        pieces = self._main.split_text(text, options)
        return [(text[start:end], pause) for start, end, pause in pieces]

    def _start(
        self,
        text: str,
        options: dict[str, Any],
        *,
        whole_pieces: bool = False,
        no_speaker: bool = False,
    ) -> SpeechStream:
        checked = self._checked(options)
        checked["whole_pieces"] = whole_pieces
        checked["no_speaker"] = no_speaker
        return SpeechStream(self._model(checked).speak(text, checked))

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        """Returns the options for the native half."""
        check_names(options)
        voice = options.get("voice")
        if voice is not None:
            if not isinstance(voice, Voice):
                raise TypeError(f"voice: expected a Voice, not {voice!r}; names go to speaker")
            options["voice"] = voice._native
        return options

    def _model(self, options: dict[str, Any]) -> _native.Model:
        """Returns the model for a request: the built-in voice clones with a checkpoint of its own."""
        if self._name is not None or options.get("voice") is None:
            return self._main
        # The built-in voice loses its place in the text unless it gets the whole text first.
        if options.get("non_streaming_mode") is None:
            options["non_streaming_mode"] = True
        return self._cloning_model()

    def _cloning_model(self) -> _native.Model:
        if self._name is not None or not self._load["talker"]:
            return self._main
        with self._base_lock:
            if self._base is None:
                self._base = _native.Model(None, True, self._load)
            return self._base

    def _models(self) -> list[_native.Model]:
        return [model for model in (self._main, self._base) if model is not None]
