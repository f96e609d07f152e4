"""Tensors of torch, for programs that use it. This package never imports torch itself."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Device:
    """A device, for programs without torch."""

    type: str
    """Name of the device."""
    index: int | None = None
    """Always None: there is one device of a kind."""

    def __str__(self) -> str:
        return self.type


def torch() -> ModuleType | None:
    """Returns torch if the program has imported it."""
    module = sys.modules.get("torch")
    return module if hasattr(module, "from_numpy") else None


def device(name: str) -> Any:
    """Returns a device: torch's if the program uses torch, which has no device called ``mlx``."""
    module = torch()
    return Device(name) if module is None or name != "cpu" else module.device(name)


def to_tensor(array: NDArray[Any]) -> Any:
    """Returns an array as a tensor if the program uses torch, else as it is."""
    module = torch()
    return array if module is None else module.from_numpy(np.ascontiguousarray(array))


def is_tensor(value: Any) -> bool:
    """Returns true for a tensor of torch."""
    module = torch()
    return module is not None and isinstance(value, module.Tensor)


def to_numpy(value: Any) -> NDArray[Any]:
    """Returns an array or a tensor, of any type and on any device, as an array."""
    if is_tensor(value):
        value = value.detach().cpu()
        # NumPy has no bfloat16.
        value = (value.float() if value.is_floating_point() else value).numpy()
    return np.asarray(value)
