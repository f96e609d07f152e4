"""Affine groups quantised and dequantised by MLX; needs `mlx` and numpy, not the official package.

Can also be run separately: `python goldens_quantized.py FOLDER`.
"""

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from safetensors.numpy import save_file

BITS = {"quantized": (4, 6, 8), "quantized_narrow": (2, 3, 5)}
GROUP_SIZES = (32, 64, 128)
ROWS, COLS = 5, 256


def write(goldens):
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    for name, widths in BITS.items():
        write_widths(goldens / name, widths)


def write_widths(path, widths):
    values = weights()
    tensors = {"weights": values}
    for dtype in (mx.float32, mx.bfloat16):
        for bits in widths:
            for group_size in GROUP_SIZES:
                name = f"{str(dtype).rsplit('.', 1)[-1]}.{bits}.{group_size}"
                tensors |= case(name, mx.array(values).astype(dtype), bits, group_size)
    save_file(tensors, path.with_suffix(".safetensors"))
    facts = {
        "mlx": mx.__version__, "rows": ROWS, "cols": COLS,
        "dtypes": ["float32", "bfloat16"], "bits": widths, "group_sizes": GROUP_SIZES,
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")


def weights():
    """Returns rows of noise, rows of one sign, with an outlier, and constant rows."""
    random = np.random.Generator(np.random.PCG64(6))
    values = random.normal(size=(ROWS, COLS)).astype(np.float32) / 16
    values[1] = np.abs(values[1])
    values[2] = -np.abs(values[2])
    values[3, 70] = 3
    values[4, :128] = 0
    values[4, 128:] = 0.5
    return values


def case(name, values, bits, group_size):
    packed, scales, biases = mx.quantize(values, group_size=group_size, bits=bits)
    wide = [x.astype(mx.float32) for x in (scales, biases)]
    back = mx.dequantize(packed, *wide, group_size=group_size, bits=bits)
    return {
        f"{name}.packed": np.array(packed).astype(np.int64),
        f"{name}.scales": np.array(wide[0]),
        f"{name}.biases": np.array(wide[1]),
        f"{name}.dequantized": np.array(back),
    }


if __name__ == "__main__":
    write(sys.argv[1])
