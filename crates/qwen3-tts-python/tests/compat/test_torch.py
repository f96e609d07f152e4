"""Programs with torch and without."""

import sys

import numpy as np
import pytest
from compat_support import NO_ORACLE, ORACLE, run_with_torch

from qwen3_tts.compat.tensors import Device, device, to_numpy, to_tensor


@pytest.mark.timeout(300)
@pytest.mark.skipif(ORACLE is None, reason=NO_ORACLE)
def test_a_program_with_torch_gets_tensors(tmp_path):
    assert run_with_torch("torch_usage.py", tmp_path).strip() == "done"


def test_a_program_without_torch_gets_arrays(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    array = np.arange(3)
    assert to_tensor(array) is array and to_numpy(array) is array
    found = device("cpu")
    assert found == Device("cpu") and str(found) == "cpu" and found.index is None
    assert "torch" not in sys.modules
