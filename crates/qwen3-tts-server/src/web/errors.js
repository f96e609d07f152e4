// Errors, shown below the text and at the control that they are about.

import { $, chosenMode } from "./page.js";

/** Controls of fields of the API that have another name. */
const CONTROLS = { ref_audio: "file", ref_text: "ref-text", audio_sample: "file", name: "new-name" };

export function showError(error) {
  const wait = error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "";
  $("error").textContent = error.message + wait;
  $("error").hidden = false;
  if (error.status === 401) {
    $("key-row").hidden = false;
    $("key").focus();
    return;
  }
  const control = controlOf(error.param);
  control?.setAttribute("aria-invalid", "true");
  control?.focus();
}

export function clearError() {
  $("error").hidden = true;
  for (const control of document.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

/** Runs an action of the user, and shows the error with which it fails. */
export async function attempt(action) {
  clearError();
  try {
    await action();
  } catch (error) {
    showError(error);
  }
}

/** The control that a field of the API belongs to, or null. */
function controlOf(param) {
  if (param === "instructions" && chosenMode() === "description") return $("description");
  return param ? $(CONTROLS[param] ?? param) : null;
}
