"""A small byte-level BPE vocabulary, in the files of a published checkpoint.

It has 256 bytes, some hundred merges learnt from the sentences below, and the special tokens of
Qwen3-TTS in their published order. The prompt code slices `ids[:3]`, so `assistant` and `user`
must each be one token, and are learnt first.
"""

import json
from pathlib import Path

import regex

MERGES = 480

# The two splits that README.md describes. Merges are learnt with both, so that some cross a boundary
# of either and a text with the wrong split gives other ids.
SPLITS = [
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]

CORPUS = """
The quick brown fox jumps over the lazy dog near the quiet river bank every morning.
She said that there was nothing to be done, and that they would have to wait for the others.
It is the first time that anything like this has happened here, and I hope it is the last.
We were walking along the shore when the storm came in from the west, with thunder and rain.
What do you think about the weather today? I'm sure it'll be fine, they've said so on the radio.
Read this sentence slowly, in a calm voice, and then another one with a little more energy.
Speak in a warm and friendly voice, like someone who is telling a story to a child at night.
A young woman with a clear, bright voice. An old man who speaks slowly, with long pauses.
camelCase and snake_case and HTTPServer are names that programmers write in their programs.
Der schnelle braune Fuchs springt über den faulen Hund, und die Sonne scheint über dem Fluss.
Le renard brun saute par-dessus le chien paresseux, et la rivière coule près de la forêt.
El zorro marrón salta sobre el perro perezoso mientras el río corre junto a la montaña.
你好，今天天气很好，我们一起去公园吧。这是一个很好的主意。今天我们去北京。
我们在这里说中文，也说四川话和北京话。天气很好，大家都很高兴。
こんにちは、今日はとても良い天気ですね。一緒に公園へ行きましょう。
안녕하세요, 오늘은 날씨가 아주 좋습니다. 같이 공원에 갑시다.
Сегодня очень хорошая погода, пойдём вместе в парк. Это очень хорошая мысль.
"""

# Text on which the two splits differ, often enough to be learnt.
DISPUTED = (
    "ภาษาไทยไม่มีช่องว่าง ไม่มีที่นี่ สวัสดีครับ วันนี้อากาศดี हिन्दी में दुनिया "
    "camelCase getElementById iPhone McDonald 'tis 'dare !\n/ שָׁלוֹם \n"
) * 8

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", "<tool_call>",
    "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
    "<|audio_start|>", "<|audio_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>",
    "<tts_text_bos_single>", "<|audio_pad|>",
]  # fmt: skip

# Added tokens that are not marked special in the published file.
NOT_SPECIAL = {
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
    "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>",
    "<think>", "</think>",
}  # fmt: skip


def byte_alphabet():
    """Returns GPT-2's printable letter for each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {byte: chr(byte) for byte in printable}
    table |= {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [table[byte] for byte in range(256)]


def learn_merges(count):
    """Learns classic BPE: merges the most frequent pair, the lexically smallest among equals."""
    alphabet = byte_alphabet()
    words = {}
    for split in SPLITS:
        for piece in regex.findall(split, CORPUS + DISPUTED):
            key = tuple(alphabet[byte] for byte in piece.encode())
            words[key] = words.get(key, 0) + 1
    for word in ("assistant", "user"):
        words[tuple(word)] = 10_000
    words[("Ċ", "Ċ")] = 1_000
    merges = []
    while len(merges) < count:
        pairs = {}
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] = pairs.get(pair, 0) + times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {join(word, best): times for word, times in words.items()}
    return merges


def join(word, pair):
    """Replaces every occurrence of `pair` in `word` by one symbol."""
    out, index = [], 0
    while index < len(word):
        if word[index : index + 2] == pair:
            out.append(word[index] + word[index + 1])
            index += 2
        else:
            out.append(word[index])
            index += 1
    return tuple(out)


class TinyTokenizer:
    """The vocabulary and its files; `special(name)` gives the id of a special token."""

    def __init__(self):
        self.merges = learn_merges(MERGES)
        tokens = sorted(byte_alphabet()) + [left + right for left, right in self.merges]
        self.vocab = {token: index for index, token in enumerate(tokens)}
        if len(self.vocab) != len(tokens):
            raise SystemExit("two merges of the tiny tokenizer give one token: change the corpus")

    def special(self, name):
        return len(self.vocab) + SPECIAL.index(name)

    def token(self, text):
        return self.vocab[text]

    @property
    def size(self):
        """Returns the number of ids in use; the text embedding has a few more rows, as published."""
        return len(self.vocab) + len(SPECIAL)

    def write(self, folder):
        folder = Path(folder)
        vocab = json.dumps(self.vocab, ensure_ascii=False, separators=(",", ":"))
        (folder / "vocab.json").write_text(vocab)
        lines = "".join(f"{left} {right}\n" for left, right in self.merges)
        # An empty file would count as damaged.
        (folder / "merges.txt").write_text(lines or "#version: 0.2\n")
        (folder / "tokenizer_config.json").write_text(json.dumps(self.config(), indent=2) + "\n")

    def config(self):
        return {
            "add_bos_token": False,
            "add_prefix_space": False,
            "added_tokens_decoder": {
                str(self.special(name)): {
                    "content": name,
                    "lstrip": False,
                    "normalized": False,
                    "rstrip": False,
                    "single_word": False,
                    "special": name not in NOT_SPECIAL,
                }
                for name in SPECIAL
            },
            "additional_special_tokens": [
                name for name in SPECIAL[1:] if name not in NOT_SPECIAL and name != "<tts_text_eod>"
            ],
            "bos_token": None,
            "clean_up_tokenization_spaces": False,
            "eos_token": "<|im_end|>",
            "errors": "replace",
            "model_max_length": 131072,
            "pad_token": "<|endoftext|>",
            "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": None,
        }
