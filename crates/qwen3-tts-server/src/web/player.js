// Plays a `Sound` while it grows. Segments are scheduled sample after sample on the clock of the audio
// graph. `AudioBuffer`s rather than an `AudioWorklet`, which browsers offer on HTTPS and localhost only.

import { RATE } from "./sound.js";

/** Seconds of sound that must be there before playback begins; doubled after every pause. */
const START = 0.16;
/** Seconds that are scheduled ahead of the clock. */
const AHEAD = 4;
/** Longest segment in seconds. */
const SEGMENT = 0.5;
const FADE = 0.015;

export class Player {
  #context = null;
  #analyser = null;
  #gain = null;
  #sound = null;
  #segments = [];
  /** Index of the next sample to schedule. */
  #next = 0;
  /** Time at which that sample is heard, or null while too little has arrived. */
  #clock = null;
  #needed = START;
  /** Number of times that playback had to wait for the service. */
  pauses = 0;
  /** Called when playback begins, or goes on after a pause, with the seconds until it is heard. */
  onbegin = () => {};
  /** Called when playback has to wait for the service. */
  onwait = () => {};
  onend = () => {};

  /** Wakes the audio graph. Browsers allow it during a click or a key press only. */
  async unlock() {
    this.#context ??= this.#graph();
    await this.#context.resume();
  }

  start(sound, seconds = 0) {
    this.stop();
    this.#sound = sound;
    this.#next = Math.round(seconds * RATE);
    this.#needed = START;
    this.pauses = 0;
    this.#gain = new GainNode(this.#context);
    this.#gain.connect(this.#analyser);
    this.feed();
  }

  /** Schedules what has arrived. Call it for every chunk and some times per second. */
  feed() {
    if (!this.#sound) return;
    const now = this.#context.currentTime;
    this.#segments = this.#segments.filter((segment) => segment.end > now - 1);
    if (this.#clock !== null && this.#clock < now) this.#starved();
    if (this.#clock === null && this.#enough()) this.#begin(now);
    while (this.#maySchedule(now)) this.#schedule();
  }

  stop() {
    if (!this.#sound) return;
    const now = this.#context.currentTime;
    this.#gain.gain.setTargetAtTime(0, now, FADE / 3);
    for (const { source } of this.#segments) source.stop(now + FADE);
    this.#segments = [];
    this.#sound = null;
    this.#clock = null;
  }

  get playing() {
    return this.#sound !== null;
  }

  /** True while the browser refuses to play: no device, or no permission. */
  get refused() {
    return this.#sound !== null && this.#context.state !== "running";
  }

  /** The position that is heard, in seconds. */
  get position() {
    const now = this.#context?.currentTime ?? 0;
    const heard = this.#segments.findLast((segment) => segment.begin <= now) ?? this.#segments[0];
    if (!heard) return this.#next / RATE;
    return heard.first / RATE + Math.min(Math.max(now - heard.begin, 0), heard.end - heard.begin);
  }

  /** The peak of what is heard, from 0 to 1. */
  get level() {
    if (!this.#analyser) return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  }

  #graph() {
    const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    this.#analyser = new AnalyserNode(context, { fftSize: 2048 });
    this.#analyser.connect(context.destination);
    return context;
  }

  #maySchedule(now) {
    return this.#clock !== null && this.#clock < now + AHEAD && this.#next < this.#sound.length;
  }

  #enough() {
    if (!this.#sound) return false;
    const there = (this.#sound.length - this.#next) / RATE;
    return there >= this.#needed || (this.#sound.complete && there > 0);
  }

  #begin(now) {
    const delay = 0.02;
    this.#clock = now + delay;
    this.onbegin(delay + (this.#context.outputLatency || 0));
  }

  /** Everything scheduled has been heard: the end, or the service is slower than the playback. */
  #starved() {
    this.#clock = null;
    if (this.#sound.complete && this.#next >= this.#sound.length) {
      this.#sound = null;
      this.#segments = [];
      this.onend();
    } else {
      this.pauses += 1;
      this.#needed *= 2;
      this.onwait();
    }
  }

  #schedule() {
    const first = this.#next;
    const last = Math.min(first + SEGMENT * RATE, this.#sound.length);
    const buffer = new AudioBuffer({ length: last - first, sampleRate: RATE });
    buffer.copyToChannel(this.#sound.floats(first, last), 0);
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#gain);
    source.start(this.#clock);
    const end = this.#clock + buffer.duration;
    this.#segments.push({ first, begin: this.#clock, end, source });
    this.#clock = end;
    this.#next = last;
  }
}
