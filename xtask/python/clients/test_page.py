"""The web page in headless Chromium: what a user does, and what reaches the audio graph."""

import json
import shutil
import struct
import time
import urllib.error
import urllib.request

import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from page import Page, start_browser

pytestmark = pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium and chromium-driver")

SENTENCE = "The page speaks this sentence."
LONG = "This sentence is spoken again and again. " * 30
HEARD = 0.05  # of full scale; silence is 0


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads):
    browser = start_browser(downloads)
    yield browser
    browser.quit()


@pytest.fixture
def page(browser, open_address):
    """The page of the open service. At the end nothing has gone wrong unnoticed or left the host."""
    yield from watched(Page(browser, f"http://{open_address}/"))


@pytest.fixture
def guarded_page(browser, guarded_address):
    """The page of a service with keys."""
    yield from watched(Page(browser, f"http://{guarded_address}/"))


def watched(page):
    page.problems(), page.requests()
    page.open()
    yield page
    assert page.problems() == []
    assert [request["url"] for request in page.requests() if not request["url"].startswith(page.address)] == []


def test_sound_is_heard_while_it_is_made(page):
    page.speak(SENTENCE)
    assert page.spoken() > HEARD
    assert page.drawn() > 20
    assert float(page["first-sound"].text.removesuffix(" s")) < 30
    assert float(page["factor"].text) > 0
    assert float(page["length"].text.removesuffix(" s")) > 0.5
    assert page["play"].text == "Play" and page["play"].is_enabled()


def test_playback_begins_before_the_end_of_a_long_text(page):
    page.speak(LONG)
    page.wait(lambda: page.level > HEARD, "sound")
    assert not page["download"].is_enabled(), "the sound was complete before it was heard"
    assert page["length"].text == "–"


def test_escape_stops(page):
    page.speak(LONG)
    page.wait(lambda: page.level > HEARD, "sound")
    page["input"].send_keys(Keys.ESCAPE)
    assert page.status.startswith("Stopped")
    page.wait(lambda: page.level == 0, "silence")
    drawn = page.drawn()
    time.sleep(0.5)
    assert page.drawn() == drawn, "the page still receives sound"
    # The part that was received can be heard again.
    page["play"].click()
    page.wait(lambda: page.level > HEARD, "sound")


def test_speaking_again_ends_what_was_spoken(page):
    page.speak(LONG)
    page.wait(lambda: page.level > HEARD, "sound")
    page.speak(SENTENCE)
    page.spoken()
    assert float(page["length"].text.removesuffix(" s")) < 10


def test_the_download_is_what_the_service_sends(page, downloads):
    page["seed"].send_keys("31")
    page.speak(SENTENCE)
    page.spoken()
    page["download"].click()
    wav = page.downloaded("speech-31.wav", downloads)
    assert wav[:4] == b"RIFF" and wav[8:16] == b"WAVEfmt "
    assert struct.unpack("<HHI", wav[20:28]) == (1, 1, 24000)
    assert wav[44:] == pcm(page.address, input=SENTENCE, seed=31)


@pytest.mark.parametrize(("form", "start"), [("flac", b"fLaC"), ("opus", b"OggS"), ("mp3", b"")])
def test_downloads_in_other_formats(page, downloads, form, start):
    page["seed"].send_keys("32")
    page.speak("Hello.")
    page.spoken()
    Select(page["format"]).select_by_value(form)
    page["download"].click()
    assert page.downloaded(f"speech-32.{form}", downloads).startswith(start)


def test_a_refusal_is_shown_at_its_field(page):
    page.mode("description")
    page["description"].send_keys("A calm voice.")
    page.expects(400, 404)
    page.speak(SENTENCE)
    page.wait(lambda: page.error, "the error")
    assert page.status == "Nothing was spoken."
    page.mode("voice")
    page.speak(SENTENCE)
    page.spoken()
    assert not page["error"].is_displayed()


def test_missing_text_is_an_error_before_a_request(page):
    page["speak"].click()
    assert page.error == "There is no text to speak."
    assert page["input"].get_attribute("aria-invalid") == "true"
    assert page.browser.switch_to.active_element == page["input"]


def test_a_key_is_asked_for(guarded_page, key):
    page = guarded_page
    assert not page["key"].is_displayed()
    page.expects(401)
    page.speak(SENTENCE)
    page.wait(lambda: page["key"].is_displayed(), "the field of the key")
    assert page.browser.switch_to.active_element == page["key"]
    page["key"].send_keys(key, Keys.CONTROL, Keys.ENTER)
    assert page.spoken() > HEARD


def test_a_recording_is_cloned(page, downloads):
    page.mode("recording")
    page["file"].send_keys(str(spoken_file(page, downloads)))
    page["ref-text"].send_keys(SENTENCE)
    page.speak("The same voice says something else.")
    assert page.spoken() > HEARD


def test_a_dropped_file_is_the_recording(page):
    page.browser.execute_script(
        """
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(2000)], "ann.wav", { type: "audio/wav" }));
        for (const type of ["dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        """
    )
    assert page["recording-name"].is_displayed()
    assert page["recording-name"].text == "ann.wav, 2 kB"


def test_the_microphone_is_recorded(page):
    page.mode("recording")
    page["record"].click()
    page.wait(lambda: "Stop (3 s)" in page["record"].text, "three seconds of recording")
    page["record"].click()
    page.wait(lambda: "kB" in page["recording-name"].text, "the recording")
    page.speak("Somebody speaks.")
    page.spoken()


def test_a_recording_is_kept_as_a_voice(page, downloads):
    page.mode("recording")
    page["file"].send_keys(str(spoken_file(page, downloads)))
    page.browser.find_element("css selector", "summary").click()
    page["new-name"].send_keys("page-test")
    page["register"].click()
    assert "consent" in page.error
    page["consent"].click()
    page["register"].click()
    page.wait(lambda: page["voice"].get_property("value") == "page-test", "the new voice")
    page.speak(SENTENCE)
    assert page.spoken() > HEARD
    page["delete-voice"].click()
    page.browser.switch_to.alert.accept()
    page.wait(lambda: "page-test is deleted" in page.status, "the deletion")
    assert "page-test" not in [option.text for option in Select(page["voice"]).options]


def test_the_keyboard_reaches_everything(page):
    page["input"].send_keys(SENTENCE, Keys.TAB, Keys.NULL)
    keys(page, Keys.ENTER)
    page.spoken()
    reached = []
    while (focused := page.browser.switch_to.active_element.get_attribute("id")) not in reached:
        reached.append(focused)
        keys(page, Keys.TAB)
        assert len(reached) < 40
    for name in ["speak", "position", "play", "format", "download", "voice", "instructions", "model", "speed", "seed"]:
        assert name in reached, f"{name} is not among {reached}"


def test_the_sound_can_be_searched_and_paused(page):
    page.speak(LONG[:200])
    page.spoken()
    page["position"].send_keys(Keys.HOME)
    page["play"].send_keys(Keys.SPACE)
    page.wait(lambda: page.level > HEARD, "sound")
    page["play"].send_keys(Keys.SPACE)
    assert page.status.startswith("Paused at 0:0")
    page.wait(lambda: page.level == 0, "silence")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("mode", ["voice", "description", "recording"])
def test_accessibility(page, scheme, mode):
    # Colours that are still changing have another contrast.
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in features.items()]
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    page.mode(mode)
    page["speak"].click()  # shows an error
    violations = Axe().run(page.browser)["violations"]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations] == []


def test_the_api_is_described(browser, open_address):
    page = Page(browser, f"http://{open_address}/docs")
    page.problems()
    browser.get(page.address)
    page.wait(lambda: browser.find_elements("css selector", "summary"), "the operations")
    for summary in browser.find_elements("css selector", "summary"):
        summary.click()
    text = browser.find_element("id", "docs").text
    for expected in ["POST /v1/audio/speech", "input\nstring, required", "GET /ready"]:
        assert expected.replace("\n", " ") in text.replace("\n", " ")
    assert [violation["id"] for violation in Axe().run(browser)["violations"]] == []
    assert page.problems() == []


@pytest.mark.parametrize("width", [320, 390, 800, 1400])
def test_nothing_is_wider_than_the_screen(page, width):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for mode in ["voice", "description", "recording"]:
        page.mode(mode)
        assert page.browser.execute_script("return document.documentElement.scrollWidth") <= width
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_samples_that_are_cut_by_a_chunk_are_joined(page):
    peaks, length = page.run_module(
        "sound.js",
        """
        const sound = new module.Sound();
        for (const bytes of [[0], [64, 0, 192, 255], [127]]) sound.append(Uint8Array.from(bytes));
        return [[...sound.floats(0, 3)], sound.length];
        """,
    )
    assert (peaks, length) == ([0.5, -0.5, 32767 / 32768], 3)


def test_segments_follow_each_other_without_a_gap(page):
    page.browser.execute_script(
        """
        window.segments = [];
        const { start } = AudioBufferSourceNode.prototype;
        AudioBufferSourceNode.prototype.start = function (when) {
            segments.push([when, this.buffer.duration]);
            start.call(this, when);
        };
        """
    )
    page.speak(LONG[:160])
    page.spoken()
    segments = page.browser.execute_script("return segments")
    assert len(segments) > 4
    for (begin, length), (following, _) in zip(segments, segments[1:]):
        assert following == pytest.approx(begin + length, abs=1e-9)
        assert begin * 24000 == pytest.approx(round(begin * 24000), abs=1e-3), "between two samples"


def test_playback_waits_for_a_slow_service_and_goes_on(page):
    page["speak"].click()  # a click of the user, without which browsers stay silent
    pauses, position = page.run_module(
        "player.js",
        """
        const { Sound, RATE } = await import("./assets/sound.js");
        const [player, sound] = [new module.Player(), new Sound()];
        await player.unlock();
        player.start(sound);
        const timer = setInterval(() => player.feed(), 20);
        for (let i = 0; i < 8; i++) {
            sound.append(new Uint8Array(2 * 0.2 * RATE));
            await new Promise((done) => setTimeout(done, 300));
        }
        const ended = new Promise((done) => (player.onend = done));
        sound.complete = true;
        await ended;
        clearInterval(timer);
        return [player.pauses, player.position];
        """,
    )
    assert pauses >= 1 and position == pytest.approx(1.6)


@pytest.mark.parametrize(("origin", "status"), [("https://evil.example", 403), (None, 200)])
def test_pages_of_other_sites_are_refused(open_address, origin, status):
    body = b'{"input": "Hello."}'
    own = f"http://{open_address}"
    request = urllib.request.Request(f"{own}/v1/audio/speech", body, {"Origin": origin or own})
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as response:
            found = response.status
    except urllib.error.HTTPError as error:
        found = error.code
    assert found == status


def spoken_file(page, folder):
    """A WAV file of speech, made by the page itself."""
    path = folder / "speech-33.wav"
    if not path.exists():
        mode = page.browser.execute_script("return new FormData(document.getElementById('form')).get('mode')")
        page.mode("voice")
        page["seed"].send_keys("33")
        page.speak(SENTENCE)
        page.spoken()
        page["download"].click()
        page.downloaded(path.name, folder)
        page.mode(mode)
    return path


def keys(page, *pressed):
    ActionChains(page.browser).send_keys(*pressed).perform()


def pcm(address, **fields):
    """The samples of a request without the page."""
    body = json.dumps({**fields, "response_format": "pcm"}).encode()
    request = urllib.request.Request(f"{address}v1/audio/speech", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return response.read()
