"""schemathesis: requests made from `/openapi.json`, whose answers must be as it says."""

import pathlib
import subprocess
import sys

import httpx


def test_document_describes_what_there_is(open_address):
    document = httpx.get(f"http://{open_address}/openapi.json").json()
    assert document["openapi"].startswith("3.")
    for path in ["/v1/audio/speech", "/v1/models", "/v1/audio/models", "/v1/audio/voices",
                 "/health", "/ready", "/metrics"]:
        assert path in document["paths"], path


def test_answers_match_the_document(open_address, tmp_path):
    """A bounded number of requests, the same ones every time."""
    script = pathlib.Path(sys.executable).with_name("schemathesis")
    command = [
        str(script), "run", f"http://{open_address}/openapi.json",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
                    "response_schema_conformance",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--seed", "1",
        "--generation-database", "none", "--request-timeout", "30", "--no-color",
    ]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
