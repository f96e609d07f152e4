"""The shape of the demo checkpoint: the published configuration files with smaller numbers.

The last 1024 ids of the talker's vocabulary cannot be sampled (except the end of speech), so the
vocabulary is the codes and 1024 more; the special codec ids follow the codes.
"""

import copy
import sys
from pathlib import Path

from codes import ALPHABET, ASSISTANT, BOOK_SIZE, N_BOOKS
from grid import NAMES

sys.path.append(str(Path(__file__).resolve().parent.parent))
import tiny_config  # noqa: E402
from tiny_tokenizer import SPECIAL, TinyTokenizer, byte_alphabet  # noqa: E402

HIDDEN, LAYERS, INTERMEDIATE = 256, 5, 544
PREDICTOR_HIDDEN, PREDICTOR_LAYERS = 128, 2
DIMENSIONS = 64  # of a codebook
DECODER_DIM, LATENT, LATENT_LAYERS = 224, 128, 3
UPSAMPLING_RATIOS, UPSAMPLE_RATES = [4, 4], [5, 24]
ENCODER_FILTERS, ENCODER_HIDDEN, ENCODER_HEADS = 6, 72, 6
FIRST_SPECIAL_CODE = BOOK_SIZE


# Characters of a text that are not in the training, and what each is read as. Those of more than
# one byte are separate tokens.
UPPER = {letter.upper(): letter for letter in "abcdefghijklmnopqrstuvwxyz"}
PUNCTUATION = {"’": "'", "‘": "'", "`": "'", "—": "-", "–": "-", "…": ".", "“": " ", "”": " "}
LIKE_COMMA = "()[]{}"
ADDED = ["assistant", *(mark for mark in PUNCTUATION if not mark.isascii())]


class ByteTokenizer(TinyTokenizer):
    """One token per byte, so that a letter is a token; those of `ADDED` are tokens too."""

    def __init__(self):
        self.merges = []
        self.alphabet = byte_alphabet()
        self.vocab = {token: index for index, token in enumerate(sorted(self.alphabet))}

    def added(self, content):
        return self.size + ADDED.index(content)

    @property
    def assistant(self):
        return self.added("assistant")

    @property
    def text_vocab_size(self):
        return (self.size + len(ADDED) + 15) // 16 * 16

    def letter(self, letter):
        """Returns the token of a symbol of a training text, or of an ASCII character."""
        if letter == ASSISTANT:
            return self.assistant
        return self.vocab[self.alphabet[ord(letter)]]

    def stand_ins(self):
        """Returns `{token: token}`: what each token that is not in the training is read as."""
        space = self.letter(" ")
        result = {token: space for token in range(self.text_vocab_size)}
        for letter, like in UPPER.items():
            result[self.letter(letter)] = self.letter(like)
        for mark, like in PUNCTUATION.items():
            token = self.letter(mark) if mark.isascii() else self.added(mark)
            result[token] = self.letter(like)
        for mark in LIKE_COMMA:
            result[self.letter(mark)] = self.letter(",")
        trained = [self.letter(letter) for letter in ALPHABET]
        # The prompt's newline and special tokens keep their own rows.
        trained += [self.letter("\n"), *(self.special(name) for name in SPECIAL)]
        return {token: like for token, like in result.items() if token not in trained}

    def config(self):
        content = super().config()
        for name in ADDED:
            content["added_tokens_decoder"][str(self.added(name))] = {
                "content": name,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": False,
            }
        return content


def model(tokenizer, kind="custom_voice"):
    """Returns config.json; a `base` has the same weights and takes its voice from a recording."""
    config = copy.deepcopy(tiny_config.model(kind, "0b6", TinyTokenizer()))
    talker = config["talker_config"]
    config.update(
        assistant_token_id=tokenizer.assistant,
        im_start_token_id=tokenizer.special("<|im_start|>"),
        im_end_token_id=tokenizer.special("<|im_end|>"),
        tts_pad_token_id=tokenizer.special("<tts_pad>"),
        tts_bos_token_id=tokenizer.special("<tts_text_bos>"),
        tts_eos_token_id=tokenizer.special("<tts_text_eod>"),
    )
    first = FIRST_SPECIAL_CODE
    talker.update(
        hidden_size=HIDDEN,
        intermediate_size=INTERMEDIATE,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        text_hidden_size=128,
        text_vocab_size=tokenizer.text_vocab_size,
        vocab_size=BOOK_SIZE + 1024,
        rope_theta=10_000,
        codec_pad_id=first,
        pad_token_id=first,
        codec_bos_id=first + 1,
        codec_eos_token_id=first + 2,
        codec_think_id=first + 3,
        codec_nothink_id=first + 4,
        codec_think_bos_id=first + 5,
        codec_think_eos_id=first + 6,
        codec_language_id={"english": first + 7},
    )
    if kind == "base":
        config["speaker_encoder_config"] = speaker_encoder()
    else:
        talker["spk_id"] = {name: first + 8 + index for index, name in enumerate(NAMES)}
        talker["spk_is_dialect"] = {name: False for name in NAMES}
    talker["rope_scaling"]["mrope_section"] = [12, 10, 10]
    talker["code_predictor_config"].update(
        hidden_size=PREDICTOR_HIDDEN,
        intermediate_size=PREDICTOR_HIDDEN,
        num_hidden_layers=PREDICTOR_LAYERS,
        layer_types=["full_attention"] * PREDICTOR_LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=PREDICTOR_HIDDEN // 4,
        vocab_size=BOOK_SIZE,
        rope_theta=10_000,
    )
    return config


def speaker_encoder():
    return {
        "enc_dim": HIDDEN,
        "sample_rate": 24_000,
        "enc_channels": [24, 24, 24, 24, 72],
        "enc_kernel_sizes": [5, 3, 3, 3, 1],
        "enc_dilations": [1, 2, 3, 4, 1],
        "enc_res2net_scale": 8,
        "enc_attention_channels": 16,
        "enc_se_channels": 12,
    }


def speech_tokenizer():
    config = copy.deepcopy(tiny_config.SPEECH_TOKENIZER)
    config["decoder_config"].update(
        latent_dim=LATENT,
        codebook_dim=2 * DIMENSIONS,
        codebook_size=BOOK_SIZE,
        decoder_dim=DECODER_DIM,
        upsample_rates=UPSAMPLE_RATES,
        upsampling_ratios=UPSAMPLING_RATIOS,
        hidden_size=LATENT,
        intermediate_size=2 * LATENT,
        head_dim=LATENT // 4,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_hidden_layers=LATENT_LAYERS,
        num_quantizers=N_BOOKS,
        sliding_window=12,
        vector_quantization_hidden_dimension=2 * DIMENSIONS,
    )
    config["encoder_config"].update(
        codebook_dim=DIMENSIONS,
        codebook_size=BOOK_SIZE,
        head_dim=ENCODER_HIDDEN // ENCODER_HEADS,
        hidden_size=ENCODER_HIDDEN,
        intermediate_size=2 * ENCODER_HIDDEN,
        num_attention_heads=ENCODER_HEADS,
        num_filters=ENCODER_FILTERS,
        num_key_value_heads=ENCODER_HEADS,
        num_quantizers=N_BOOKS,
        upsample_groups=ENCODER_HIDDEN,
        vector_quantization_hidden_dimension=DIMENSIONS,
    )
    return config
