// The requests of the page. Addresses are relative, so that the page works under any path of a proxy.

const KEY = "api-key";

export class ApiError extends Error {
  constructor(status, body, retryAfter) {
    super(body?.error?.message ?? `The service answered ${status}.`);
    this.status = status;
    this.param = body?.error?.param ?? null;
    this.retryAfter = retryAfter;
  }
}

export function apiKey() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function setApiKey(key) {
  sessionStorage.setItem(KEY, key.trim());
}

export async function models() {
  return (await (await send("v1/models")).json()).data;
}

export async function voices() {
  return (await (await send("v1/audio/voices")).json()).voices;
}

/** The response of `POST /v1/audio/speech`, whose body streams. */
export function speech(fields, signal) {
  const headers = { "Content-Type": "application/json" };
  return send("v1/audio/speech", { method: "POST", headers, body: JSON.stringify(fields), signal });
}

/** Registers a recording under a name and returns the answer of the service. */
export async function addVoice(name, recording, transcript) {
  const body = new FormData();
  body.set("name", name);
  body.set("consent", "true");
  if (transcript) body.set("ref_text", transcript);
  body.set("audio_sample", recording, recording.name);
  return (await send("v1/audio/voices", { method: "POST", body })).json();
}

export function deleteVoice(id) {
  return send(`v1/audio/voices/${encodeURIComponent(id)}`, { method: "DELETE" });
}

async function send(path, options = {}) {
  const headers = { ...options.headers };
  if (apiKey()) headers.Authorization = `Bearer ${apiKey()}`;
  const response = await reached(fetch(path, { ...options, headers, cache: "no-store" }));
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new ApiError(response.status, body, response.headers.get("Retry-After"));
}

async function reached(request) {
  try {
    return await request;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The service cannot be reached.", { cause: error });
  }
}
