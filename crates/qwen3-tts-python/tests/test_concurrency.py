"""Threads, asyncio, processes, interrupts and memory."""

import asyncio
import gc
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import qwen3_tts

pytestmark = pytest.mark.timeout(120)
TEXTS = [f"This is sentence number {n}." for n in range(16)]


@pytest.fixture(scope="module")
def alone(tts):
    return [tts.speak(text, seed=n).audio for n, text in enumerate(TEXTS)]


def test_eight_threads_share_one_model(tts, alone):
    most_active = 0

    def speak(n):
        nonlocal most_active
        stream = tts.stream(TEXTS[n], seed=n)
        parts = []
        for chunk in stream:
            most_active = max(most_active, tts.active_requests)
            parts.append(chunk.audio)
        return np.concatenate(parts)

    with ThreadPoolExecutor(8) as pool:
        for found, expected in zip(pool.map(speak, range(16)), alone, strict=True):
            np.testing.assert_array_equal(found, expected)
    assert most_active > 1
    assert tts.active_requests == tts.waiting_requests == 0


def test_the_interpreter_is_free_while_it_computes(tts):
    ticks = 0
    done = threading.Event()

    def tick():
        nonlocal ticks
        while not done.wait(0.001):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    speech = tts.speak("A text that takes a while to speak, since it has many words. " * 5, seed=1)
    done.set()
    thread.join()
    # A thread that waits for the interpreter ticks every 5 ms at best, and not at all without it.
    assert ticks > speech.stats.processing / 0.01


def test_asyncio_streams_and_collects(tts, alone):
    async def stream(n):
        return np.concatenate([c.audio async for c in tts.stream(TEXTS[n], seed=n)])

    async def collect(n):
        return (await tts.speak_async(TEXTS[n], seed=n)).audio

    async def main():
        ticks = asyncio.create_task(tick())
        found = await asyncio.gather(*(stream(n) for n in range(8)), *(collect(n) for n in range(8, 16)))
        ticks.cancel()
        return found

    async def tick():
        while True:
            await asyncio.sleep(0.001)

    for found, expected in zip(asyncio.run(main()), alone, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_cancelled_task_cancels_its_speech(tts):
    async def main():
        task = asyncio.create_task(tts.speak_async("A very long text. " * 40))
        while not tts.active_requests:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    wait_until_idle(tts)


def test_a_dropped_stream_frees_its_place(tts):
    stream = tts.stream("A very long text. " * 40)
    next(stream)
    assert tts.active_requests == 1
    del stream
    wait_until_idle(tts)


def test_an_event_loop_may_close_before_its_speech(tts):
    async def main():
        stream = tts.stream("A very long text. " * 40)
        await anext(stream)
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        return stream

    stream = asyncio.run(main())
    stream.cancel()
    list(stream)


def test_threads_may_share_a_stream(tts, alone):
    stream = tts.stream(TEXTS[0], seed=0)
    with ThreadPoolExecutor(4) as pool:
        chunks = sum(pool.map(lambda _: list(stream), range(4)), [])
    chunks.sort(key=lambda chunk: chunk.first_frame)
    np.testing.assert_array_equal(np.concatenate([c.audio for c in chunks]), alone[0])


def in_fork(tts, results):
    try:
        tts.speak("Hello.")
        results.put("spoke")
    except RuntimeError as error:
        results.put(str(error))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_is_told(tts):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    process = context.Process(target=in_fork, args=(tts, results))
    process.start()
    assert "forked" in results.get(timeout=20)
    process.join(20)
    assert process.exitcode == 0


INTERRUPTED = """
import signal, qwen3_tts
# A shell starts its background jobs with the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
tts = qwen3_tts.Synthesizer()
print("ready", flush=True)
try:
    while True:
        {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    "call",
    [
        "tts.speak('A very long text. ' * 400)",
        "list(tts.stream('A very long text. ' * 400))",
        "tts.speak_incremental()[1].collect()",
    ],
)
def test_ctrl_c_interrupts(call):
    if call.startswith("tts.speak_incremental"):
        # The text is kept, so that it never ends.
        call = "text, stream = tts.speak_incremental(); stream.collect()"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED.format(call=call)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    assert process.wait(20) == 0
    assert time.monotonic() - begin < 10


def test_the_program_can_end_at_any_time():
    for ending in ["", "stream = tts.stream('A long text. ' * 40); next(stream)", "import os; tts.speak('Hi.')"]:
        code = f"import qwen3_tts\ntts = qwen3_tts.Synthesizer()\n{ending}"
        assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_model_is_freed_with_its_last_user():
    tts = qwen3_tts.Synthesizer()
    stream = tts.stream("Hello.", seed=1)
    freed = weakref.ref(tts)
    del tts
    gc.collect()
    assert freed() is None
    assert stream.collect().stop_reason == "eos"


def test_memory_is_flat_over_a_thousand_calls(tts, hello):
    def calls(n):
        for _ in range(n):
            tts.speak("Hi.", seed=1, max_frames=4)
            next(tts.stream("Hi.", seed=1))
            tts.decode(hello.codes[:2])
            with pytest.raises(ValueError):
                tts.speak("Hi.", speaker="nemo")
        gc.collect()
        return resident()

    calls(200)
    before = calls(300)
    after = calls(700)
    # A leak of one speech per call (4 frames: 30 KiB of samples) would show as 20 MiB.
    assert after - before < 8 * 2**20, f"{before} bytes, then {after}"


def resident():
    """Returns the resident memory in bytes."""
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def wait_until_idle(tts):
    end = time.monotonic() + 20
    while tts.active_requests or tts.waiting_requests:
        assert time.monotonic() < end, "the speech goes on"
        time.sleep(0.005)
