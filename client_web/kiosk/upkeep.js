const RESTED_MS = 5 * 60_000; // nobody has come for so long
const LONG_MS = 20 * 3600_000; // up for so long: at most one reload a night
const FAULTY_MS = 10 * 60_000; // the same after a fault, or one at each start would flicker
const HEAP_GROWTH = 3; // times what it was once all was loaded
const HEAP_LEAST = 150 * 2 ** 20; // bytes; smaller is never too much

/**
 * When a page that runs for weeks should be loaded anew: once a night at a quiet hour,
 * or when its heap has grown too much or a part of it has failed, and only while nobody
 * is here. Pure.
 */
export class Upkeep {
  #quietHour;
  #startedMs;
  #restMs = Infinity; // since when nobody is here
  #heap = 0; // when first measured at rest

  /**
   * @param {number} quietHour local, 0 to 23
   * @param {number} nowMs
   */
  constructor(quietHour, nowMs) {
    this.#quietHour = quietHour;
    this.#startedMs = nowMs;
  }

  /**
   * @param {object} seen
   * @param {boolean} seen.resting whether nobody is here
   * @param {number} seen.hour local, 0 to 23
   * @param {number | null} seen.heapBytes null where the browser does not tell
   * @param {number} seen.faults exceptions that nobody expected
   * @param {number} nowMs
   * @returns {boolean} whether to load the page anew now
   */
  isDue({ resting, hour, heapBytes, faults }, nowMs) {
    this.#restMs = resting ? Math.min(this.#restMs, nowMs) : Infinity;
    if (nowMs - this.#restMs < RESTED_MS) return false;
    if (heapBytes) this.#heap ||= heapBytes;
    const upMs = nowMs - this.#startedMs;
    const nightly = hour === this.#quietHour && upMs > LONG_MS;
    const grown = (heapBytes ?? 0) > Math.max(HEAP_LEAST, HEAP_GROWTH * this.#heap);
    return nightly || grown || (faults > 0 && upMs > FAULTY_MS);
  }
}
