// Draws the peaks of a `Sound`: a bar for every few pixels, the heard part in the accent colour.

const BAR = 3;
const GAP = 1;
/** Seconds that fill the width until the sound is longer. */
const SHORTEST = 6;

/** Draws `peaks` (one per 10 ms); `position` is in seconds. */
export function drawWaveform(canvas, peaks, position) {
  const { width, height } = fitted(canvas);
  const context = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const scale = devicePixelRatio * (BAR + GAP);
  const bars = Math.floor(width / scale);
  const span = Math.max(100 * SHORTEST, peaks.length);
  context.clearRect(0, 0, width, height);
  for (let bar = 0; bar < bars; bar++) {
    const first = Math.floor((bar * span) / bars);
    const last = Math.max(first + 1, Math.floor(((bar + 1) * span) / bars));
    if (first >= peaks.length) break;
    const heard = first < 100 * position;
    context.fillStyle = style.getPropertyValue(heard ? "--accent" : "--wave");
    const tall = Math.max(0.02, ...peaks.slice(first, last)) * height * 0.94;
    context.fillRect(bar * scale, (height - tall) / 2, devicePixelRatio * BAR, tall);
  }
}

/** Seconds that the width of the canvas shows. */
export function shownSeconds(seconds) {
  return Math.max(SHORTEST, seconds);
}

function fitted(canvas) {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const height = Math.round(canvas.clientHeight * devicePixelRatio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return { width, height };
}
