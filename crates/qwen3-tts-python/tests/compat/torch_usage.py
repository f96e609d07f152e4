"""Usage in a program with torch. Run by an interpreter that has it."""

import io
import sys

import numpy as np
from compat_support import CHECKPOINTS, GREEDY, signal

import qwen3_tts.compat

assert "torch" not in sys.modules, "the package imported torch"

import torch

assert qwen3_tts.compat.Qwen3TTSModel
from qwen3_tts.compat import Qwen3TTSModel, Qwen3TTSTokenizer, VoiceClonePromptItem

FRAMES = {"max_new_tokens": 9}
SAMPLES = signal(20 * 1920)


def is_same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def seeds_come_from_torch():
    model = Qwen3TTSModel.from_pretrained(str(CHECKPOINTS / "custom_voice_0b6"))
    assert model.device == torch.device("cpu")
    texts = ["Hello, you.", "Hello, you."]
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(model.generate_custom_voice(texts, "ryan", **FRAMES)[0])
    assert is_same(runs[0], runs[1]) and not is_same(runs[0], runs[2])
    assert not is_same(runs[0][:1], runs[0][1:])
    assert not is_same(runs[2], model.generate_custom_voice(texts, "ryan", **FRAMES)[0])
    state = torch.get_rng_state()
    model.generate_custom_voice(texts, "ryan", **FRAMES, **GREEDY)
    model.generate_custom_voice(texts, "ryan", **FRAMES, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.from_numpy(runs[0][0]).shape == (8 * 1920,)


def prompts_are_tensors():
    model = Qwen3TTSModel.from_pretrained(str(CHECKPOINTS / "base_0b6"))

    def speak(prompt):
        return model.generate_voice_clone("Hi.", voice_clone_prompt=prompt, **FRAMES, **GREEDY)[0]

    items = model.create_voice_clone_prompt((SAMPLES, 24000), "Well met.")
    (item,) = items
    assert item.ref_code.dtype == torch.int64 and item.ref_code.shape == (20, 16)
    assert item.ref_spk_embedding.dtype == torch.float32 and item.ref_spk_embedding.dim() == 1
    arrays = VoiceClonePromptItem(
        item.ref_code.numpy(), item.ref_spk_embedding.numpy(), False, True, item.ref_text
    )
    assert is_same(speak(items), speak([arrays]))

    # As ebook2audiobook keeps them.
    file = io.BytesIO()
    only = model.create_voice_clone_prompt((SAMPLES, 24000), x_vector_only_mode=True)
    fields = ("ref_code", "ref_spk_embedding", "x_vector_only_mode", "icl_mode")
    torch.save({name: [getattr(item, name) for item in only] for name in fields}, file)
    file.seek(0)
    kept = torch.load(file)
    assert is_same(speak(only), speak(kept))

    short = only[0].ref_spk_embedding.to(torch.bfloat16)
    rounded = short.float()
    assert not torch.equal(rounded, only[0].ref_spk_embedding)
    kept["ref_spk_embedding"] = [short.unsqueeze(0)]
    other = VoiceClonePromptItem(None, rounded.requires_grad_(), True, False)
    assert is_same(speak(kept), speak([other]))

    embedding = model.model.extract_speaker_embedding(SAMPLES, 24000)
    assert torch.equal(embedding, only[0].ref_spk_embedding)


def codes_are_tensors():
    tokenizer = Qwen3TTSTokenizer.from_pretrained(str(CHECKPOINTS / "base_0b6/speech_tokenizer"))
    encoded = tokenizer.encode([SAMPLES, SAMPLES[: 5 * 1920]], sr=24000)
    assert [tuple(codes.shape) for codes in encoded.audio_codes] == [(20, 16), (5, 16)]
    assert all(codes.dtype == torch.int64 for codes in encoded.audio_codes)
    padded = torch.nn.utils.rnn.pad_sequence(encoded.audio_codes, True, padding_value=-1)
    wavs, rate = tokenizer.decode(encoded)
    assert rate == 24000 and [len(wav) for wav in wavs] == [20 * 1920, 5 * 1920]
    assert is_same(wavs, tokenizer.decode({"audio_codes": padded})[0])
    assert is_same(wavs[:1], tokenizer.decode({"audio_codes": encoded.audio_codes[0]})[0])


seeds_come_from_torch()
prompts_are_tensors()
codes_are_tensors()
print("done")
