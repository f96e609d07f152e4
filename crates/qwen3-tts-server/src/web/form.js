// What the page asks for: choices filled from the service, and the fields of a request.

import { models, voices } from "./api.js";
import { $, chosenMode, fillSelect, option, optionGroup, value } from "./page.js";
import { recording, recordingUrl } from "./recording.js";

/** Groups of the voices, by their `kind`. */
const GROUPS = { registered: "Registered", speaker: "Speakers", alias: "Other names" };
const LARGEST_SEED = 2 ** 31;

/** A field that cannot be sent as it is. */
export class FieldError extends Error {
  constructor(param, message) {
    super(message);
    this.param = param;
  }
}

/** Fills the choices of models, languages and voices. */
export async function fillChoices() {
  await Promise.all([models().then(fillModels), fillVoices()]);
}

/** Fills the choice of voices. */
export async function fillVoices() {
  fillSelect($("voice"), grouped(await voices()));
}

/** Chooses a voice by its id; the empty one is the model's default. */
export function chooseVoice(id) {
  $("voice").value = id;
  $("delete-voice").hidden = $("voice").selectedOptions[0]?.dataset.kind !== "registered";
}

/** Shows the controls of one way to name a voice. */
export function showMode(mode) {
  document.querySelector(`input[name="mode"][value="${mode}"]`).checked = true;
  for (const panel of document.querySelectorAll("[data-mode]")) panel.hidden = panel.dataset.mode !== mode;
}

/** The fields of `POST /v1/audio/speech`, without the format. */
export async function readFields() {
  const fields = { input: $("input").value, ...(await voiceFields()) };
  if (!value("input")) throw new FieldError("input", "There is no text to speak.");
  for (const name of ["model", "language"]) if (value(name)) fields[name] = value(name);
  if ($("speed").valueAsNumber !== 1) fields.speed = $("speed").valueAsNumber;
  fields.seed = readSeed();
  return fields;
}

async function voiceFields() {
  switch (chosenMode()) {
    case "description":
      return describedVoice();
    case "recording":
      return recordedVoice();
    default:
      return namedVoice();
  }
}

function namedVoice() {
  const fields = {};
  if (value("voice")) fields.voice = value("voice");
  if (value("instructions")) fields.instructions = value("instructions");
  return fields;
}

function describedVoice() {
  if (!value("description")) throw new FieldError("description", "Describe the voice first.");
  return { instructions: value("description"), task_type: "VoiceDesign" };
}

async function recordedVoice() {
  if (!recording()) throw new FieldError("ref_audio", "Choose or record a recording first.");
  const fields = { ref_audio: await recordingUrl(), task_type: "Base" };
  if (value("ref-text")) fields.ref_text = value("ref-text");
  else fields.x_vector_only_mode = true;
  return fields;
}

function readSeed() {
  if (!value("seed")) return Math.floor(Math.random() * LARGEST_SEED);
  if (!/^\d{1,15}$/.test(value("seed"))) throw new FieldError("seed", "The seed is a whole number of at most 15 digits.");
  return Number(value("seed"));
}

function fillModels(list) {
  fillSelect($("model"), list.map(({ id }) => option(id, id)));
  const languages = new Set(list.flatMap((model) => model.languages));
  fillSelect($("language"), [...languages].sort().map((name) => option(capitalised(name), name)));
  const kinds = list.map((model) => model.task_type);
  for (const hint of document.querySelectorAll("[data-needs]")) hint.hidden = kinds.includes(hint.dataset.needs);
}

function capitalised(name) {
  return name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()).replaceAll("_", " ");
}

function grouped(list) {
  const groups = Object.entries(GROUPS).map(([kind, label]) => [label, list.filter((voice) => voice.kind === kind)]);
  const filled = groups.filter(([, members]) => members.length);
  return filled.map(([label, members]) => optionGroup(label, members.map(voiceOption)));
}

function voiceOption({ id, name, kind, stands_for }) {
  const made = option(stands_for ? `${name} (${stands_for})` : name, id);
  made.dataset.kind = kind;
  return made;
}
