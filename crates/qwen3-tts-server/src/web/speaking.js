// Speaks, stops and plays, and shows the sound and its figures.

import { showError } from "./errors.js";
import { readFields } from "./form.js";
import { $, clock, setStatus } from "./page.js";
import { Player } from "./player.js";
import { Take } from "./take.js";
import { drawWaveform, shownSeconds } from "./waveform.js";

/** Milliseconds in which a browser begins to play. */
const PATIENCE = 3000;

const player = new Player();
/** What was spoken last. */
let take = null;

export async function speak() {
  player.unlock(); // while the browser still knows that the user acted
  const fields = await readFields();
  stop();
  const current = new Take(fields);
  take = current;
  clearFigures();
  player.onbegin = (delay) => showBegin(current, delay);
  player.start(current.sound);
  setStatus("Waiting for the first sound…");
  showButtons();
  setTimeout(checkDevice, PATIENCE);
  try {
    await current.receive(arrived);
  } finally {
    if (take === current) ended();
  }
}

/** Ends the request and the playback. What was received stays. */
export function stop() {
  if (!take?.running && !player.playing) return;
  take.cancel();
  halt("Stopped");
}

export function togglePlay() {
  if (player.playing) halt("Paused");
  else play(take.position >= take.sound.seconds ? 0 : take.position);
}

export function seek() {
  take.position = Math.min($("position").valueAsNumber, take.sound.seconds);
  if (player.playing) play(take.position);
}

export async function download() {
  const format = $("format").value;
  const name = format.toUpperCase();
  $("download").disabled = true;
  try {
    if (format !== "wav") setStatus(`Making ${name}…`);
    save(format === "wav" ? take.sound.wav() : await take.encoded(format), `speech-${take.fields.seed}.${format}`);
    setStatus(`${name} is ready.`);
  } finally {
    showButtons();
  }
}

/** Feeds the player and draws, from now on. */
export function setUpSpeaking() {
  player.onend = finishedPlaying;
  player.onwait = () => setStatus("Waiting for more sound…");
  // Animation frames stop in a hidden tab; the sound goes on.
  setInterval(() => player.feed(), 100);
  requestAnimationFrame(draw);
}

function checkDevice() {
  if (!player.refused) return;
  showError(new Error("The browser plays no sound. It needs a device for sound, and permission for this page."));
}

function arrived() {
  player.feed();
  if ($("play").disabled) showButtons();
}

/** The request has ended: as it should, by a failure, or by `stop`. */
function ended() {
  player.feed();
  const { sound, computed, broken } = take;
  if (broken) setStatus(sound.length ? `Broken off after ${sound.seconds.toFixed(1)} s.` : "Nothing was spoken.");
  if (broken && !sound.length) player.stop();
  if (sound.length && !broken && computed) {
    $("length").textContent = `${sound.seconds.toFixed(1)} s`;
    $("factor").textContent = (computed / sound.seconds).toFixed(2);
  }
  showButtons();
}

async function play(position) {
  await player.unlock();
  player.onbegin = () => setStatus("Playing.");
  player.start(take.sound, position);
  showButtons();
}

function halt(how) {
  if (player.playing) take.position = Math.min(player.position, take.sound.seconds);
  player.stop();
  setStatus(`${how} at ${clock(take.position)}.`);
  showButtons();
}

function finishedPlaying() {
  take.position = take.sound.seconds;
  const pauses = player.pauses ? `, with ${player.pauses} waits for the service` : "";
  if (!take.broken) setStatus(`Spoken: ${take.sound.seconds.toFixed(1)} s${pauses}.`);
  showButtons();
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function showBegin(current, delay) {
  if (player.pauses === 0) $("first-sound").textContent = `${(current.age + delay).toFixed(2)} s`;
  setStatus("Speaking.");
}

function clearFigures() {
  for (const id of ["first-sound", "factor", "length"]) $(id).textContent = "–";
  $("used-seed").textContent = take.fields.seed;
}

function showButtons() {
  const audible = take.sound.length > 0;
  $("stop").disabled = !take.running && !player.playing;
  $("play").disabled = !audible;
  $("play").textContent = player.playing ? "Pause" : "Play";
  $("download").disabled = !audible || take.running;
  $("position").disabled = !audible;
}

function draw() {
  $("level").value = player.playing ? player.level : 0;
  if (take) drawSound();
  requestAnimationFrame(draw);
}

function drawSound() {
  const { peaks, seconds } = take.sound;
  const position = player.playing ? player.position : take.position;
  const times = `${clock(position)} / ${clock(seconds)}`;
  $("time").textContent = times;
  $("position").max = shownSeconds(seconds);
  $("position").value = position;
  $("position").setAttribute("aria-valuetext", times.replace("/", "of"));
  drawWaveform($("wave"), peaks, position);
}
