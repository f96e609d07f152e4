"""Speech over HTTP with Ray Serve, streamed while it is generated.

    pip install "qwen3-tts[ray]" "ray[serve]"
    serve run ray_serve:app
    curl -N http://127.0.0.1:8000/ -d '{"text": "Good morning."}' | aplay -f S16_LE -r 24000
"""

from collections.abc import AsyncIterator

import qwen3_tts
from ray import serve
from starlette.requests import Request
from starlette.responses import StreamingResponse

THREADS = 2


@serve.deployment(num_replicas=1, max_ongoing_requests=8, ray_actor_options={"num_cpus": THREADS})
class Speaker:
    def __init__(self, model: str | None = None) -> None:
        self.tts = qwen3_tts.Synthesizer(model, threads=THREADS)

    async def __call__(self, request: Request) -> StreamingResponse:
        options = await request.json()
        # An error is raised here, before the answer begins.
        speech = self.tts.stream(options.pop("text"), **options)
        return StreamingResponse(samples(speech), media_type="audio/pcm")


async def samples(speech: qwen3_tts.SpeechStream) -> AsyncIterator[bytes]:
    """Returns 16-bit samples. A client that hangs up cancels its speech."""
    async with speech:
        async for chunk in speech:
            yield (chunk.audio * 32767).round().astype("<i2").tobytes()


app = Speaker.bind()
