const STEP_MS = 10;
const MEMORY_STEPS = 600; // 6 s, of which the last second is what may still come
const LONGEST_STEPS = 100;
const LOUD = 0.01; // of full scale; below it nobody speaks
const LEAST_LIKENESS = 0.6;

/**
 * How much later a voice comes out than it went in: the shift at which the loudness of
 * both, in steps of 10 ms, correlates best. Both are timed by their arrival here.
 */
export class DelayMeter {
  #said = new Loudness();
  #heard = new Loudness();

  /** @param {AudioData} sound */
  said(sound) {
    this.#said.add(rms(sound), performance.now());
  }

  /** @param {AudioData} sound */
  heard(sound) {
    this.#heard.add(rms(sound), performance.now());
  }

  reset() {
    this.#said = new Loudness();
    this.#heard = new Loudness();
  }

  /** @returns {number | null} null while there is too little speech to tell */
  delayMs() {
    return bestShift(this.#said.last(performance.now()), this.#heard.last(performance.now()));
  }
}

/** Loudness in steps of 10 ms of one clock. */
class Loudness {
  /** @type {Map<number, number>} */
  #levels = new Map();

  /**
   * @param {number} level
   * @param {number} nowMs
   */
  add(level, nowMs) {
    const step = Math.round(nowMs / STEP_MS);
    this.#levels.set(step, Math.max(level, this.#levels.get(step) ?? 0));
    for (const old of this.#levels.keys()) {
      if (old > step - MEMORY_STEPS) break;
      this.#levels.delete(old);
    }
  }

  /**
   * @param {number} nowMs
   * @returns {number[]} oldest first; where nothing came, what was before
   */
  last(nowMs) {
    const end = Math.round(nowMs / STEP_MS);
    /** @type {number[]} */
    const levels = [];
    for (let step = end - MEMORY_STEPS + 1; step <= end; step++) {
      levels.push(this.#levels.get(step) ?? levels.at(-1) ?? 0);
    }
    return levels;
  }
}

/**
 * @param {number[]} said loudness in steps of 10 ms
 * @param {number[]} heard
 * @returns {number | null} milliseconds
 */
export function bestShift(said, heard) {
  const first = said.slice(0, said.length - LONGEST_STEPS);
  if (Math.max(...first) < LOUD) return null;
  // As the ear has it, or the loudest syllable alone would count.
  const a = first.map(heardLoudness);
  const b = heard.map(heardLoudness);
  let best = { likeness: LEAST_LIKENESS, shift: -1 };
  for (let shift = 0; shift <= LONGEST_STEPS; shift++) {
    const likeness = correlation(a, b.slice(shift, shift + a.length));
    if (likeness > best.likeness) best = { likeness, shift };
  }
  return best.shift < 0 ? null : best.shift * STEP_MS;
}

/** @param {number} level of full scale */
function heardLoudness(level) {
  return Math.log10(Math.max(level, LOUD / 4));
}

/**
 * Pearson's.
 * @param {number[]} a
 * @param {number[]} b
 */
function correlation(a, b) {
  const meanA = mean(a);
  const meanB = mean(b);
  let both = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    both += (a[i] - meanA) * (b[i] - meanB);
    squareA += (a[i] - meanA) ** 2;
    squareB += (b[i] - meanB) ** 2;
  }
  return squareA && squareB ? both / Math.sqrt(squareA * squareB) : 0;
}

/** @param {number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @param {AudioData} sound */
function rms(sound) {
  const samples = new Float32Array(sound.numberOfFrames);
  sound.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
  return Math.sqrt(mean(Array.from(samples, (value) => value * value)));
}
