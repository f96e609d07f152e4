// The samples of one speech, as they arrive.

export const RATE = 24000;
/** Samples per peak of the waveform: 10 ms. */
const PEAK = 240;
const FULL_SCALE = 32768;

export class Sound {
  #samples = new Int16Array(30 * RATE);
  #oddByte = null;
  length = 0;
  /** Set when no more samples will come. */
  complete = false;
  /** Largest magnitude of every 10 ms, from 0 to 1. */
  peaks = [];

  get seconds() {
    return this.length / RATE;
  }

  /** Appends little-endian 16-bit samples; a chunk may end within a sample. */
  append(bytes) {
    const whole = this.#withOddByte(bytes);
    const count = whole.length >> 1;
    this.#reserve(count);
    const view = new DataView(whole.buffer, whole.byteOffset, 2 * count);
    for (let i = 0; i < count; i++) this.#push(view.getInt16(2 * i, true));
    this.#oddByte = whole.length % 2 ? whole[whole.length - 1] : null;
  }

  /** Samples `from` to `to` as floats. */
  floats(from, to) {
    return Float32Array.from(this.#samples.subarray(from, to), (sample) => sample / FULL_SCALE);
  }

  /** Everything received so far as a WAV file. */
  wav() {
    const data = new DataView(new ArrayBuffer(2 * this.length));
    for (let i = 0; i < this.length; i++) data.setInt16(2 * i, this.#samples[i], true);
    return new Blob([wavHeader(data.byteLength), data], { type: "audio/wav" });
  }

  #withOddByte(bytes) {
    if (this.#oddByte === null) return bytes;
    const whole = new Uint8Array(bytes.length + 1);
    whole[0] = this.#oddByte;
    whole.set(bytes, 1);
    return whole;
  }

  #reserve(count) {
    if (this.length + count <= this.#samples.length) return;
    const larger = new Int16Array(2 * (this.length + count));
    larger.set(this.#samples.subarray(0, this.length));
    this.#samples = larger;
  }

  #push(sample) {
    const index = Math.floor(this.length / PEAK);
    this.peaks[index] = Math.max(this.peaks[index] ?? 0, Math.abs(sample) / FULL_SCALE);
    this.#samples[this.length++] = sample;
  }
}

function wavHeader(dataBytes) {
  const header = new DataView(new ArrayBuffer(44));
  const name = (at, text) => [...text].forEach((c, i) => header.setUint8(at + i, c.charCodeAt(0)));
  name(0, "RIFF");
  header.setUint32(4, 36 + dataBytes, true);
  name(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // PCM
  header.setUint16(22, 1, true); // channels
  header.setUint32(24, RATE, true);
  header.setUint32(28, 2 * RATE, true); // bytes per second
  header.setUint16(32, 2, true); // bytes per frame
  header.setUint16(34, 16, true); // bits per sample
  name(36, "data");
  header.setUint32(40, dataBytes, true);
  return header;
}
