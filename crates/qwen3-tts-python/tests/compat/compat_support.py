"""Fixtures of the repository, and the interpreter with the official package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[3]
CHECKPOINTS = REPOSITORY / "fixtures/checkpoints"
GOLDENS = REPOSITORY / "fixtures/goldens"

TOLERANCE = 1e-4
"""Largest difference of samples between two implementations in float32."""
GREEDY = {"do_sample": False, "subtalker_dosample": False}

ORACLE = os.environ.get("QWEN3_TTS_ORACLE_PYTHON")
"""Interpreter with the official package."""
NO_ORACLE = "QWEN3_TTS_ORACLE_PYTHON names no interpreter with the official package"

_TYPES = {"F32": np.float32, "I32": np.int32, "I64": np.int64, "F64": np.float64}


def golden(path: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Returns the facts and the tensors of a golden."""
    facts = json.loads((GOLDENS / f"{path}.json").read_text("utf-8"))
    content = (GOLDENS / f"{path}.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        array = np.frombuffer(data[first:last], _TYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"])
    return facts, tensors


def names(folder: str) -> list[str]:
    """Returns the names of the goldens in a folder."""
    return sorted(path.stem for path in (GOLDENS / folder).glob("*.json"))


def signal(n_samples: int) -> np.ndarray:
    """Returns the recording of the goldens (`signal` of `xtask/python/goldens_encoder.py`)."""
    n = np.arange(n_samples, dtype=np.int64)
    phase = (n * 400 + (n * n) // 900) % 65536
    triangle = np.abs(phase - 32768) - 16384
    envelope = np.abs((n * 3) % 65536 - 32768) // 256
    noise = ((n * 1103515245 + 12345) % 2147483648 * 69069 % 2147483648) // 131072 - 8192
    return (((triangle * envelope) // 128 + noise // 8) / 65536).astype(np.float32)


def run(script: str, *arguments: str) -> str:
    """Runs a script with this package and returns what it prints."""
    known = [path for path in [os.environ.get("PYTHONPATH")] if path]
    return _run(sys.executable, "qwen3_tts.compat", [str(HERE), *known], script, *arguments)


def run_official(script: str, *arguments: str) -> str:
    """Runs a script with the official package and returns what it prints."""
    assert ORACLE is not None
    return _run(ORACLE, "qwen_tts", [str(HERE)], script, *arguments)


def run_with_torch(script: str, folder: Path) -> str:
    """Runs a script with this package and the official one's torch; returns what it prints."""
    import qwen3_tts  # Missing where the official package runs.

    assert ORACLE is not None
    # This package alone, without the others that are installed beside it.
    (folder / "qwen3_tts").symlink_to(Path(qwen3_tts.__file__).parent)
    return _run(ORACLE, "qwen3_tts.compat", [str(HERE), str(folder)], script)


def _run(interpreter: str, module: str, paths: list[str], script: str, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "QWEN_TTS_MODULE": module,
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [interpreter, str(HERE / script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, f"{script} with {module} failed:\n{done.stderr[-3000:]}"
    return done.stdout
