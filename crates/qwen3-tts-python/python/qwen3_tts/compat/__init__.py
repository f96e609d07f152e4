"""The classes of the package ``qwen_tts``, with the same methods, arguments and results.

A program that uses the official package changes one line::

    from qwen3_tts.compat import Qwen3TTSModel

    model = Qwen3TTSModel.from_pretrained("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice")
    wavs, sample_rate = model.generate_custom_voice("Good morning.", speaker="ryan")

``docs/python-compat.md`` lists the differences.
"""

from .model import Qwen3TTSModel
from .prompt import VoiceClonePromptItem
from .tokenizer import EncoderOutput, Qwen3TTSTokenizer
from .warning import CompatWarning

__all__ = [
    "CompatWarning",
    "EncoderOutput",
    "Qwen3TTSModel",
    "Qwen3TTSTokenizer",
    "VoiceClonePromptItem",
]
