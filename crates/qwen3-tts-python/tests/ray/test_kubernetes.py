"""The manifest of a batch on Kubernetes."""

import os
import subprocess
from pathlib import Path

import pytest

MANIFEST = Path(__file__).parents[4] / "deploy" / "kubernetes-batch.yaml"


def test_each_pod_speaks_a_share(tmp_path):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    (job,) = [part for part in yaml.safe_load_all(MANIFEST.read_text()) if part["kind"] == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    values = {it["name"]: it["value"] for it in container["env"] if "value" in it}
    count = job["spec"]["completions"]
    assert values["SHARES"] == str(count) and job["spec"]["completionMode"] == "Indexed"
    stub = tmp_path / "qwen3-tts"
    stub.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\n')
    stub.chmod(0o755)
    shares = []
    for index in range(count):
        pod = {**values, "PATH": f"{tmp_path}:{os.environ['PATH']}", "THREADS": "8"}
        pod["JOB_COMPLETION_INDEX"] = str(index)
        words = subprocess.run(container["command"], env=pod, capture_output=True, text=True, check=True)
        words = words.stdout.splitlines()
        assert words[:2] == ["batch", "/data/requests.jsonl"] and "--resume" in words
        assert words[words.index("--threads") + 1] == "8"
        shares.append(words[words.index("--shard") + 1])
    assert shares == [f"{index}/{count}" for index in range(1, count + 1)]
