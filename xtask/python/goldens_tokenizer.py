"""Token ids of the official loader, for the tiny vocabulary and for the published one.

README.md describes the two splits. `ids` are those of the official loader for the directory. For the
tiny vocabulary, `ids_large_split` are the ids with the split of vocabularies of more than 100 000
entries, so that a test of both splits needs no large file.
"""

import json
import shutil
import tempfile
from pathlib import Path

import tokenizers
from qwen_tts import Qwen3TTSModel  # noqa: F401  registers the processor
from qwen_tts.core.models import Qwen3TTSConfig, Qwen3TTSProcessor
from transformers import AutoConfig, AutoProcessor
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

import official
import tiny_config
from tiny_tokenizer import TinyTokenizer

TEXTS = [
    "", " ", "  ", "\n", "\n\n", "\r\n", "\t", " \n ", "a", "I", "Hello", " Hello", "Hello ", "  Hello  world  ",
    "Hello, world!", "Hello,world!It's", "IT'S WE'LL I'M they've we'Re x'D 'tis", "don’t",
    "camelCase", "HTTPServerError", "getElementById2Times", "XMLHttpRequest iPhone McDonald", "snake_case_name",
    "a/b/c", "and/or", "http://example.com/a/b?c=d&e=f#g", "path/to/file.txt", "...///\n", "wow!\n/x", "yes.\n\n//no", "'twas 'dark", "!!!\n\nNext",
    "1", "12", "123456789", "3.14159", "1,000,000", "2024-11-22T13:05:09Z", "٣٤٥", "½ Ⅷ ²",
    "The quick brown fox jumps over the lazy dog.", "It's nothing to be done.\nWait for the others.\n",
    "line one\nline two\r\nline three\rline four", "trailing newline\n", "trailing spaces   ", "\n\n\nleading newlines",
    "tab\tseparated\tvalues", "  \t mixed \n\t white  \n", "a\u00a0b\u2003c\u3000d", "zero\u200bwidth\ufeffmark",
    "你好，今天天气很好。", "我们一起去公园吧！", "中文English混合123", "。。。", "「引用」『二重』",
    "こんにちは、今日はとても良い天気ですね。", "カタカナとひらがなと漢字", "안녕하세요, 오늘은 날씨가 좋습니다.",
    "สวัสดีครับ วันนี้อากาศดีมาก", "ภาษาไทยไม่มีช่องว่าง", "नमस्ते दुनिया", "हिन्दी में लिखा है", "தமிழ் மொழி",
    "مرحبا بالعالم", "اَلْعَرَبِيَّةُ", "שלום עולם", "שָׁלוֹם", "Привет, мир! Как дела?", "Ελληνικά γράμματα", "ÀÉÎÕÜ",
    "caf\u00e9", "cafe\u0301", "A\u030angstro\u0308m", "\u1100\u1161\u11a8", "e\u0301\u0323 \u1e63\u0307", "ﬁ ligature ſ",
    "Ǆ ǅ ǆ titlecase", "straße STRASSE", "İstanbul ıssız",
    "😀", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽 ok", "❤️ heart", "text😀text 😀 text", "™®©", "→ ← ↑ ↓", "∑∫√∞", "€100 $5 £3 ¥7",
    "<|im_start|>", "<|im_end|>", "a<|im_end|>b", " <|im_start|> spaced <|im_end|> ", "<|im_start|>user\nhi<|im_end|>\n",
    "<tts_pad><tts_text_bos>x<tts_text_eod>", "<think>not special</think>", "<|im_start", "<|IM_START|>", "<|endoftext|><|endoftext|>",
    "cafe\u0301<|im_end|>e\u0301", "<tool_call>{\"a\": 1}</tool_call>",
    "\u0000", "a\u0000b", "\u0001\u0002\u001f", "\u007f\u0085", "\u2028\u2029", "\ufffd", "\U0010ffff", "\U0001d54f\U0001d550",
    "x" * 200, "ab" * 150, "supercalifragilisticexpialidocious" * 5, "好" * 60, "a " * 40, "!?" * 30, " " * 50, "\n" * 20,
    "<|im_start|>assistant\nHello there.<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>assistant\n\nleading<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nSpeak in a calm voice.<|im_end|>\n",
]  # fmt: skip


def write(checkpoints, goldens, published=None):
    goldens = Path(goldens)
    folder = Path(checkpoints) / "custom_voice_0b6"
    tokenizer = load(folder)
    tiny = [{"text": text, "ids": encode(tokenizer, text)} for text in TEXTS]
    large = load(folder, large=True)
    for entry in tiny:
        entry["ids_large_split"] = encode(large, entry["text"])
    differing = sum(entry["ids"] != entry["ids_large_split"] for entry in tiny)
    if differing < 5:
        raise SystemExit("the two splits hardly differ on these texts: add more")
    splits = pre_tokenizers(tokenizer, large)
    write_ids(goldens / "tokenizer_tiny.json", "custom_voice_0b6", tiny, splits)
    print(f"tokenizer: {len(TEXTS)} texts, {differing} differ between the two splits")
    if published is not None:
        write_published(goldens, published)


def write_published(goldens, published):
    """Writes ids of the published vocabulary, loaded from a directory with a published config.json."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
            shutil.copy(Path(published) / name, folder)
        config = tiny_config.model("custom_voice", "0b6", TinyTokenizer())
        (Path(folder) / "config.json").write_text(json.dumps(config))
        preprocessor = json.dumps(tiny_config.PREPROCESSOR)
        (Path(folder) / "preprocessor_config.json").write_text(preprocessor)
        tokenizer = load(folder)
        entries = [{"text": text, "ids": encode(tokenizer, text)} for text in TEXTS]
        splits = {"split": split_of(tokenizer)}
        write_ids(goldens / "tokenizer_published.json", None, entries, splits)


def load(folder, large=False):
    """Runs the official loader; `large` makes it treat the vocabulary as large."""
    AutoConfig.register("qwen3_tts", Qwen3TTSConfig, exist_ok=True)
    AutoProcessor.register(Qwen3TTSConfig, Qwen3TTSProcessor, exist_ok=True)
    processor = AutoProcessor.from_pretrained(str(folder), fix_mistral_regex=True)
    tokenizer = processor.tokenizer
    if large:
        PreTrainedTokenizerBase._patch_mistral_regex(
            tokenizer, str(folder), _is_local=True, local_files_only=True, fix_mistral_regex=True
        )
    return processor


def split_of(processor):
    state = json.loads(processor.tokenizer.backend_tokenizer.to_str())
    return state["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]


def pre_tokenizers(tokenizer, large):
    return {"split": split_of(tokenizer), "large_split": split_of(large)}


def encode(processor, text):
    """Tokenizes like the package's `_tokenize_texts`, but without tensors (they cannot be empty)."""
    return processor(text=text, padding=True)["input_ids"][0]


def write_ids(path, checkpoint, entries, splits):
    lines = ",\n".join("    " + json.dumps(entry, ensure_ascii=True) for entry in entries)
    head = json.dumps({"checkpoint": checkpoint, "tokenizers": tokenizers.__version__} | splits)
    path.write_text(head[:-1] + ',\n  "texts": [\n' + lines + "\n  ]\n}\n")
