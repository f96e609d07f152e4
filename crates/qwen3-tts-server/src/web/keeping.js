// Registered voices: keeping a recording under a name, and deleting one.

import { addVoice, deleteVoice } from "./api.js";
import { chooseVoice, FieldError, fillVoices, showMode } from "./form.js";
import { $, setStatus, value } from "./page.js";
import { recording } from "./recording.js";

export async function keepVoice() {
  check();
  const { id, warnings } = await addVoice(value("new-name"), recording(), value("ref-text"));
  await fillVoices();
  showMode("voice");
  chooseVoice(id);
  $("voice").focus();
  setStatus([`The voice ${id} is kept.`, ...warnings].join(" "));
}

export async function forgetVoice() {
  const id = $("voice").value;
  if (!confirm(`Delete the voice ${id} for all users of this service?`)) return;
  await deleteVoice(id);
  await fillVoices();
  chooseVoice("");
  setStatus(`The voice ${id} is deleted.`);
}

function check() {
  if (!recording()) throw new FieldError("audio_sample", "Choose or record a recording first.");
  if (!value("new-name")) throw new FieldError("name", "Give the voice a name.");
  if (!$("consent").checked) throw new FieldError("consent", "A voice is kept only with its speaker’s consent.");
}
