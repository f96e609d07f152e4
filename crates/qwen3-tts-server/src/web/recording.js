// The recording to clone: a file chosen, dropped or recorded with the microphone.

import { showError } from "./errors.js";
import { $ } from "./page.js";

/** Longest recording in seconds that the service uses. */
const LONGEST = 30;

let file = null;
let recorder = null;

/** The recording as a `File`, or null. */
export function recording() {
  return file;
}

/** The recording as a data URL. */
export function recordingUrl() {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
}

/** Wires the controls; `show` brings the panel into view. */
export function setUpRecording(show) {
  $("file").addEventListener("change", () => take($("file").files[0]));
  $("record").addEventListener("click", () => (recorder ? recorder.stop() : record()));
  const possible = Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
  $("record").disabled = !possible;
  $("record-hint").hidden = possible;
  setUpDrop(show);
}

/** Files dropped anywhere on the page are recordings. */
function setUpDrop(show) {
  const dragging = (on) => document.body.classList.toggle("dragging", on);
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    show();
    dragging(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? dragging(false));
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    dragging(false);
    take(event.dataTransfer.files[0]);
  });
}

function take(chosen) {
  if (!chosen) return;
  file = chosen;
  const preview = $("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.hidden = false;
  $("recording-name").textContent = `${file.name}, ${size(file.size)}`;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

async function record() {
  try {
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    recorder = new MediaRecorder(stream);
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => recorded(stream, parts);
    recorder.start();
    showSeconds(performance.now());
  } catch (error) {
    showError(new Error(`The microphone cannot be used: ${error.message}`));
  }
}

function recorded(stream, parts) {
  for (const track of stream.getTracks()) track.stop();
  const type = recorder.mimeType.split(";")[0];
  const extension = type.split("/")[1];
  recorder = null;
  $("record").textContent = "Record";
  $("record").classList.remove("recording");
  take(new File(parts, `recording.${extension}`, { type }));
}

/** Counts on the button, and ends the recording when it is as long as the service uses. */
function showSeconds(begin) {
  if (!recorder) return;
  const seconds = (performance.now() - begin) / 1000;
  $("record").classList.add("recording");
  $("record").textContent = `Stop (${Math.floor(seconds)} s)`;
  if (seconds >= LONGEST) recorder.stop();
  else setTimeout(showSeconds, 250, begin);
}
