"""Files of `torch.save` with every kind of tensor in a state dict, and the same values in safetensors.

Can also be run separately: `python goldens_pickle.py FOLDER`.
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file


def write(goldens):
    goldens = Path(goldens)
    goldens.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(4)
    weights = torch.randn(6, 10, generator=random)
    tensors = OrderedDict(
        float32=weights,
        bfloat16=weights.bfloat16(),
        float16=weights.half(),
        parameter=torch.nn.Parameter(weights[0].clone()),
        scalar=torch.tensor(0.75),
        empty=torch.zeros(0, 3),
        # Views of one storage: all of it, from the middle on, transposed, and every second element.
        shared=weights,
        rows=weights[2:4],
        transposed=weights.t(),
        strided=weights[1::2, 3::2],
        turned=torch.randn(2, 3, 4, generator=random).bfloat16().permute(2, 0, 1),
    )
    state = OrderedDict(tensors)
    state._metadata = OrderedDict({"": {"version": 1}})
    torch.save(state, goldens / "state_dict.bin")
    torch.save(dict(tensors), goldens / "state_dict_4.bin", pickle_protocol=4)
    plain = {name: tensor.detach().float().contiguous().clone() for name, tensor in tensors.items()}
    save_file(plain, goldens / "state_dict.safetensors")
    facts = {
        "torch": torch.__version__,
        "dtypes": {n: str(t.dtype).rsplit(".", 1)[-1] for n, t in tensors.items()},
    }
    (goldens / "state_dict.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    write(sys.argv[1])
