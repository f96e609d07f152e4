"""The model."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..voice import Voice
from . import audio
from .batch import as_list, for_all, repeated, speak
from .inner import InnerModel
from .loading import load
from .prompt import VoiceClonePromptItem, items_of, voice_of
from .sampling import merge, seeds, speak_options
from .tensors import to_tensor

Speech = tuple[list[NDArray[np.float32]], int]
"""Audio of each text, and its sample rate in Hz."""


class Qwen3TTSModel:
    """A loaded checkpoint. :meth:`from_pretrained` loads one.

    The methods ``generate_…`` take a text or a list of texts. Other arguments are one for all texts, or
    a list with one for each. They return the audio of each text and the sample rate.

    They share these keyword arguments, whose defaults are the checkpoint's: ``do_sample``,
    ``temperature``, ``top_k``, ``top_p``, ``repetition_penalty``, ``subtalker_dosample``,
    ``subtalker_temperature``, ``subtalker_top_k``, ``subtalker_top_p``, ``max_new_tokens``. ``seed``
    makes a call repeatable: an integer, or a list with one for each text; see
    :func:`qwen3_tts.compat.sampling.seeds`.
    """

    def __init__(
        self,
        model: InnerModel,
        processor: None = None,
        generate_defaults: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        """Attributes of the checkpoint."""
        self.processor = processor
        """Always None: the text tokenizer is not in Python."""
        self.generate_defaults = {} if generate_defaults is None else generate_defaults
        """Settings for arguments that are not given. Can be changed."""

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Qwen3TTSModel:
        """Loads a directory, or a model of the hub by name.

        Of the arguments of transformers, ``revision`` has effect; a :class:`CompatWarning` names the
        others. ``device``, ``threads``, ``quantize``, ``float32_cache`` and ``max_active`` are those of
        :class:`qwen3_tts.Synthesizer`.
        """
        model = InnerModel(load(pretrained_model_name_or_path, kwargs))
        return cls(model, generate_defaults=model.generate_config)

    @property
    def device(self) -> Any:
        """Device that computes."""
        return self.model.device

    def get_supported_speakers(self) -> list[str]:
        """Returns the names of the speakers in lower case, sorted."""
        return sorted({name.lower() for name in self.model.get_supported_speakers()})

    def get_supported_languages(self) -> list[str]:
        """Returns the names of the languages in lower case, sorted, with ``"auto"``."""
        return sorted({name.lower() for name in self.model.get_supported_languages()})

    def generate_custom_voice(
        self,
        text: str | list[str],
        speaker: str | list[str],
        language: str | list[str] | None = None,
        instruct: str | list[str] | None = None,
        non_streaming_mode: bool = True,
        **kwargs: Any,
    ) -> Speech:
        """Speaks with a preset speaker. Models of 0.6B ignore ``instruct``. Without a speaker (None or
        ``""``) the model chooses a voice."""
        self._require("custom_voice", "generate_custom_voice")
        texts = as_list(text)
        count = len(texts)
        languages = for_all(repeated(language, count, "Auto"), count)
        speakers = for_all(as_list(speaker), count)
        if self.model.tts_model_size == "0b6":
            instruct = None
        instructs = for_all(repeated(instruct, count, ""), count)
        _check_lengths(text=texts, language=languages, speaker=speakers, instruct=instructs)
        self._check_languages(languages)
        self._check_speakers(speakers)
        requests = [
            {"speaker": str(speaker) if speaker else None, "instruct": instruct or None}
            for speaker, instruct in zip(speakers, instructs, strict=True)
        ]
        return self._speak(texts, languages, requests, non_streaming_mode, kwargs)

    def generate_voice_design(
        self,
        text: str | list[str],
        instruct: str | list[str],
        language: str | list[str] | None = None,
        non_streaming_mode: bool = True,
        **kwargs: Any,
    ) -> Speech:
        """Speaks with the voice that ``instruct`` describes."""
        self._require("voice_design", "generate_voice_design")
        texts = as_list(text)
        count = len(texts)
        languages = for_all(repeated(language, count, "Auto"), count)
        instructs = for_all(as_list(instruct), count)
        _check_lengths(text=texts, language=languages, instruct=instructs)
        self._check_languages(languages)
        requests = [{"instruct": instruct or None} for instruct in instructs]
        return self._speak(texts, languages, requests, non_streaming_mode, kwargs)

    def generate_voice_clone(
        self,
        text: str | list[str],
        language: str | list[str] | None = None,
        ref_audio: Any = None,
        ref_text: str | list[str | None] | None = None,
        x_vector_only_mode: bool | list[bool] = False,
        voice_clone_prompt: Any = None,
        non_streaming_mode: bool = False,
        **kwargs: Any,
    ) -> Speech:
        """Speaks with the voice of a recording, or with ``voice_clone_prompt``, a result of
        :meth:`create_voice_clone_prompt`."""
        self._require("base", "generate_voice_clone")
        texts = as_list(text)
        count = len(texts)
        languages = for_all(repeated(language, count, "Auto"), count)
        _check_lengths(text=texts, language=languages)
        self._check_languages(languages)
        if voice_clone_prompt is None:
            if ref_audio is None:
                raise ValueError("one of voice_clone_prompt and ref_audio is needed")
            voice_clone_prompt = self.create_voice_clone_prompt(
                ref_audio, ref_text, x_vector_only_mode
            )
        items = items_of(voice_clone_prompt, count)
        # One item may be that of many texts.
        voices: dict[int, Voice] = {}
        for item in items:
            if id(item) not in voices:
                voices[id(item)] = voice_of(item, self._model_size)
        requests = [{"voice": voices[id(item)]} for item in items]
        return self._speak(texts, languages, requests, non_streaming_mode, kwargs)

    def create_voice_clone_prompt(
        self,
        ref_audio: Any,
        ref_text: str | list[str | None] | None = None,
        x_vector_only_mode: bool | list[bool] = False,
    ) -> list[VoiceClonePromptItem]:
        """Returns the voice of a recording, or of each of a list of them.

        A recording is a path, a URL, base64, or a tuple of samples and their rate. ``ref_text`` is its
        transcript, word for word; with ``x_vector_only_mode`` the voice is its speaker embedding only.
        """
        self._require("base", "create_voice_clone_prompt")
        audios = as_list(ref_audio)
        count = len(audios)
        texts = repeated(ref_text, count, None)
        modes = repeated(x_vector_only_mode, count, False)
        _check_lengths(ref_audio=audios, ref_text=texts, x_vector_only_mode=modes)
        recordings = audio.of_audios(audios)
        for index, (transcript, embedding_only) in enumerate(zip(texts, modes, strict=True)):
            if not embedding_only and not transcript:
                raise ValueError(
                    f"ref_text of recording {index} is missing: give its transcript, or set "
                    "x_vector_only_mode=True"
                )
        return [
            self._prompt_item(recording, transcript, bool(embedding_only))
            for recording, transcript, embedding_only in zip(recordings, texts, modes, strict=True)
        ]

    def _prompt_item(
        self, recording: Any, transcript: str | None, embedding_only: bool
    ) -> VoiceClonePromptItem:
        voice = self.model.clone(recording, None if embedding_only else transcript)
        return VoiceClonePromptItem(
            ref_code=None if voice.codes is None else to_tensor(voice.codes),
            ref_spk_embedding=to_tensor(voice.speaker_embedding),
            x_vector_only_mode=embedding_only,
            icl_mode=not embedding_only,
            ref_text=transcript,
        )

    def _speak(
        self,
        texts: list[Any],
        languages: list[str],
        requests: list[dict[str, Any]],
        non_streaming_mode: bool,
        arguments: dict[str, Any],
    ) -> Speech:
        synthesizer = self.model.synthesizer
        arguments = dict(arguments)
        seed = arguments.pop("seed", None)
        settings = merge(self.generate_defaults, arguments)
        options = speak_options(settings)
        if settings["max_new_tokens"] == synthesizer._facts["generation"]["max_new_tokens"]:
            # Then a model with fewer positions uses those that it has.
            options["max_frames"] = None
        common = {
            **options,
            "non_streaming_mode": bool(non_streaming_mode),
            "long_text": False,
        }
        drawn = seeds(seed, len(texts), settings)
        requests = [
            {**common, **request, "language": str(language), "seed": seed}
            for request, language, seed in zip(requests, languages, drawn, strict=True)
        ]
        no_speaker = [not request.get("speaker") and "voice" not in request for request in requests]
        return speak(synthesizer, texts, requests, no_speaker), synthesizer.sample_rate

    @property
    def _model_size(self) -> str:
        size = self.model.tts_model_size
        if size is None:
            raise ValueError("a speech tokenizer alone does not speak: load a checkpoint")
        return size

    def _require(self, kind: str, method: str) -> None:
        model = self.model
        if model.tts_model_type != kind:
            raise ValueError(
                f"{method} needs a {kind} model; this is a {model.tts_model_type} model of size "
                f"{model.tts_model_size} with {model.tokenizer_type}"
            )

    def _check_languages(self, languages: list[Any]) -> None:
        supported = self.get_supported_languages()
        bad = [name for name in languages if str(name).lower() not in supported]
        if bad:
            raise ValueError(f"Unsupported languages: {bad}. Supported: {supported}")

    def _check_speakers(self, speakers: list[Any]) -> None:
        supported = self.get_supported_speakers()
        bad = [name for name in speakers if name and str(name).lower() not in supported]
        if bad:
            raise ValueError(f"Unsupported speakers: {bad}. Supported: {supported}")


def _check_lengths(**lists: list[Any]) -> None:
    if len({len(values) for values in lists.values()}) > 1:
        lengths = ", ".join(f"{name}={len(values)}" for name, values in lists.items())
        raise ValueError(f"Batch size mismatch: {lengths}")
