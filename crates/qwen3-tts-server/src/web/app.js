// Wires the controls of the page.

import { apiKey, setApiKey } from "./api.js";
import { attempt } from "./errors.js";
import { chooseVoice, fillChoices, showMode } from "./form.js";
import { forgetVoice, keepVoice } from "./keeping.js";
import { $, chosenMode, value } from "./page.js";
import { setUpRecording } from "./recording.js";
import { download, seek, setUpSpeaking, speak, stop, togglePlay } from "./speaking.js";

function setUpButtons() {
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(speak);
  });
  $("stop").addEventListener("click", stop);
  $("play").addEventListener("click", togglePlay);
  $("position").addEventListener("input", seek);
  $("download").addEventListener("click", () => attempt(download));
  $("register").addEventListener("click", () => attempt(keepVoice));
  $("delete-voice").addEventListener("click", () => attempt(forgetVoice));
  document.addEventListener("keydown", shortcut);
}

function setUpFields() {
  $("input").addEventListener("input", countText);
  $("key").value = apiKey();
  $("key").addEventListener("input", () => setApiKey($("key").value));
  $("speed").addEventListener("input", showSpeed);
  $("voice").addEventListener("change", () => chooseVoice($("voice").value));
  for (const radio of document.querySelectorAll('input[name="mode"]')) {
    radio.addEventListener("change", () => showMode(radio.value));
  }
}

function shortcut(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    attempt(speak);
  } else if (event.key === "Escape") {
    stop();
  }
}

function countText() {
  const count = [...value("input")].length;
  $("count").textContent = count === 1 ? "1 character" : `${count} characters`;
}

function showSpeed() {
  $("speed-shown").textContent = `${$("speed").valueAsNumber}×`;
}

setUpButtons();
setUpFields();
setUpRecording(() => showMode("recording"));
setUpSpeaking();
// Browsers restore fields when a page is opened again.
countText();
showSpeed();
showMode(chosenMode());
attempt(fillChoices);
