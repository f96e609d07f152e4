"""The package where Ray is missing."""

import subprocess
import sys

HIDE = "import sys; sys.modules['ray'] = None\n"


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_an_error_names_the_package_to_install():
    missing = run(HIDE + "import qwen3_tts.ray")
    assert missing.returncode == 1
    assert missing.stderr.splitlines()[-1].startswith("ImportError: qwen3_tts.ray needs Ray: ")
    assert 'pip install "qwen3-tts[ray]"' in missing.stderr


def test_the_package_does_not_import_ray():
    found = run(
        "import sys, qwen3_tts, qwen3_tts._jobs.book; print('ray' in sys.modules)"
    )
    assert found.stdout == "False\n", found.stderr
