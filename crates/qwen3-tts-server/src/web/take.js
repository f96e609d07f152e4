// One speech: its request, the sound that arrives, and its times.

import { speech } from "./api.js";
import { Sound } from "./sound.js";

export class Take {
  #abort = new AbortController();
  #asked = performance.now();
  sound = new Sound();
  /** Position in seconds at which playback goes on. */
  position = 0;
  /** Seconds from the request to the end of the sound. */
  computed = null;
  /** Set when the service broke off. */
  broken = false;

  constructor(fields) {
    this.fields = fields;
  }

  /** True while samples still come. */
  get running() {
    return !this.sound.complete;
  }

  /** Seconds since the request. */
  get age() {
    return (performance.now() - this.#asked) / 1000;
  }

  /** Reads the sound; `arrived` is called for the first samples and all that follow. */
  async receive(arrived) {
    try {
      await this.#read(arrived);
      this.computed = this.age;
      if (!this.sound.length) throw new Error("The service sent no sound.");
    } catch (error) {
      this.broken = error.name !== "AbortError";
      if (this.broken) throw error;
    } finally {
      this.sound.complete = true;
    }
  }

  cancel() {
    this.#abort.abort();
    this.sound.complete = true;
  }

  /** The same speech in another format: spoken again with the same seed. */
  async encoded(format) {
    return (await speech({ ...this.fields, response_format: format })).blob();
  }

  async #read(arrived) {
    const response = await speech({ ...this.fields, response_format: "pcm" }, this.#abort.signal);
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.sound.append(part.value);
      arrived();
    }
  }
}
