"""Teacher-forced logits of mlx-audio in bf16, the data type of a CustomVoice checkpoint.

Needs `mlx-audio` from PyPI (0.6.2 was used), and `mlx[cpu]` without Metal. It and the official package
need different versions of transformers, so this script is separate from `fixtures.py`.

usage: goldens_bf16.py CHECKPOINT OUT_FOLDER [FRAMES]
"""

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_audio.tts.utils import load_model
from safetensors.numpy import save_file

TEXT = "Good morning, how are you?"
SPEAKER, LANGUAGE = "serena", "english"


def main():
    checkpoint, folder = Path(sys.argv[1]), Path(sys.argv[2])
    frames = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    mx.set_default_device(mx.cpu)
    model = load_model(checkpoint)
    config = model.config.talker_config
    random = np.random.Generator(np.random.PCG64(8))
    entries = config.code_predictor_config.vocab_size
    codes = random.integers(0, entries, size=(frames, config.num_code_groups))
    inputs, trailing, pad = model._prepare_generation_inputs(
        TEXT, language=LANGUAGE, speaker=SPEAKER
    )
    assert inputs.dtype == mx.bfloat16 and trailing.shape[1] == 1, (inputs.dtype, trailing.shape)

    cache = model.talker.make_cache()
    logits, hidden = model.talker(inputs, cache=cache)
    talker, predicted = [logits[0, -1]], []
    for frame in codes.tolist():
        predicted.append(predictor_logits(model, hidden[:, -1:], frame))
        step = model.talker.get_input_embeddings()(mx.array([[frame[0]]]))
        for table, code in zip(model.talker.code_predictor.codec_embedding, frame[1:]):
            step = step + table(mx.array([[code]]))
        logits, hidden = model.talker(step + pad, cache=cache)
        talker.append(logits[0, -1])

    wrapped = f"<|im_start|>assistant\n{TEXT}<|im_end|>\n<|im_start|>assistant\n"
    tensors = {
        "input_ids": np.array(model.tokenizer.encode(wrapped), dtype=np.int64),
        "codes": codes.astype(np.int64),
        "talker_logits": floats(mx.stack(talker)),
        "code_predictor_logits": floats(mx.stack(predicted)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / f"{checkpoint.name}.safetensors")
    facts = {
        "mlx": mx.__version__, "mlx_audio": "0.6.2", "checkpoint": checkpoint.name, "text": TEXT,
        "speaker": SPEAKER, "language": LANGUAGE, "non_streaming_text": True, "max_frames": frames,
    }  # fmt: skip
    (folder / f"{checkpoint.name}.json").write_text(json.dumps(facts, indent=2) + "\n")


def predictor_logits(model, hidden, frame):
    """Returns the logits of every codebook from 1 on, each given the codes before it."""
    predictor = model.talker.code_predictor
    cache = predictor.make_cache()
    code_0 = model.talker.get_input_embeddings()(mx.array([[frame[0]]]))
    inputs, rows = mx.concatenate([hidden, code_0], axis=1), []
    for group in range(len(frame) - 1):
        logits, _, _ = predictor(inputs, cache=cache, generation_step=group)
        rows.append(logits[0, -1])
        inputs = predictor.codec_embedding[group](mx.array([[frame[group + 1]]]))
    return mx.stack(rows)


def floats(x):
    assert x.dtype == mx.bfloat16, x.dtype
    return np.array(x.astype(mx.float32))


main()
