// Small helpers for the elements of the page.

export const $ = (id) => document.getElementById(id);

/** The trimmed value of a field. */
export const value = (id) => $(id).value.trim();

/** The chosen way to name a voice: `voice`, `description` or `recording`. */
export const chosenMode = () => document.querySelector('input[name="mode"]:checked').value;

/** Tells users, and screen readers, what is going on. */
export function setStatus(text) {
  $("status").textContent = text;
}

export function option(text, optionValue) {
  return new Option(text, optionValue);
}

/** Replaces the options after the first, and keeps the choice if it is still there. */
export function fillSelect(select, children) {
  const chosen = select.value;
  while (select.children.length > 1) select.lastElementChild.remove();
  select.append(...children);
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

export function optionGroup(label, options) {
  const group = document.createElement("optgroup");
  group.label = label;
  group.append(...options);
  return group;
}

/** `m:ss` */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
