"""The service's web page in headless Chromium, driven by ChromeDriver."""

import json
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

# No request but the page's own, and a microphone that gives a beep.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def start_browser(downloads: Path, *flags: str) -> webdriver.Chrome:
    """Debian's Chromium with an empty profile; downloads go to a folder."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in [*FLAGS, *flags]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


class Page:
    """The page, by what a user sees of it."""

    def __init__(self, browser: webdriver.Chrome, address: str):
        self.browser = browser
        self.address = address
        #: Answers of the service that the console reports, and that the test expects.
        self.expected_statuses = ()

    def open(self):
        self.browser.get(self.address)
        self.wait(lambda: len(Select(self["voice"]).options) > 1, "the list of voices")

    def __getitem__(self, name):
        return self.browser.find_element(By.ID, name)

    def wait(self, condition, what, seconds=60):
        WebDriverWait(self.browser, seconds, 0.02).until(lambda _: condition(), f"waited for {what}")

    def speak(self, text):
        """Types the text and presses Ctrl+Enter."""
        self["input"].clear()
        self["input"].send_keys(text)
        self["input"].send_keys(Keys.CONTROL, Keys.ENTER)

    def mode(self, name):
        self.browser.find_element(By.CSS_SELECTOR, f'input[name="mode"][value="{name}"]').click()

    @property
    def status(self):
        return self["status"].text

    @property
    def error(self):
        return self["error"].text

    def spoken(self):
        """Waits for the end of the sound, and returns the loudest level that the meter showed."""
        loudest = 0.0
        deadline = time.monotonic() + 60
        while not self.status.startswith("Spoken"):
            assert time.monotonic() < deadline, f"status: {self.status}, error: {self.error}"
            loudest = max(loudest, self.level)
        return loudest

    @property
    def level(self):
        """The peak of the samples in the audio graph, as the page's meter shows it."""
        return float(self["level"].get_property("value"))

    def drawn(self):
        """Number of columns of the waveform that hold ink."""
        return self.browser.execute_script(
            """
            const wave = document.getElementById("wave");
            const { width, height } = wave;
            const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(wave, 0, 0);
            const { data } = copy.getImageData(0, 0, width, height);
            const inked = new Set();
            for (let i = 3; i < data.length; i += 4) if (data[i]) inked.add((i >> 2) % width);
            return inked.size;
            """
        )

    def downloaded(self, name, folder):
        """Waits for a downloaded file, and returns its bytes."""
        path = folder / name
        self.wait(lambda: path.exists() and path.stat().st_size > 0, name)
        return path.read_bytes()

    def expects(self, *statuses):
        """The console reports refused requests; these statuses are no problem."""
        self.expected_statuses = statuses

    def problems(self):
        """Warnings and errors of the console since the last call."""
        messages = [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] != "INFO"]
        expected = [f"responded with a status of {status}" for status in self.expected_statuses]
        return [message for message in messages if not any(text in message for text in expected)]

    def run_module(self, name, body):
        """Runs asynchronous code with a script of the page as `module`, and returns its result."""
        code = """
            const [name, done] = arguments;
            import(`./assets/${name}`)
                .then(async (module) => { BODY })
                .then((result) => done({ result }), (error) => done({ error: String(error) }));
        """
        answer = self.browser.execute_async_script(code.replace("BODY", body), name)
        assert "error" not in answer, answer
        return answer["result"]

    def requests(self):
        """Requests on the network, since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        sent = [m["params"]["request"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [request for request in sent if not request["url"].startswith(("blob:", "data:", "chrome:", "about:"))]
