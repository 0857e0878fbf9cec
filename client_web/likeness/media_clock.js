// Events kept to estimate the clock's offset: enough to meet a quick delivery, few
// enough to follow two clocks that drift apart by some ppm.
const MEMORY = 24;
const USUAL_DELAY_MS = 80; // a browser's jitter buffer before it has been measured

/**
 * Says when a moment of the session's media time sounds here.
 *
 * The server sends an event as the samples it speaks of are released, so arrival minus
 * media time is the clocks' offset plus the delivery's delay; the least of the last few
 * is the best estimate. Sound then waits in the browser's jitter buffer.
 */
export class MediaClock {
  /** @type {number[]} */
  #offsets = [];
  #delayMs = USUAL_DELAY_MS;
  #played = { waitedS: 0, emitted: 0 };

  /**
   * @param {number} mediaMs what an event speaks of
   * @param {number} arrivalMs when it came
   */
  observe(mediaMs, arrivalMs) {
    this.#offsets.push(arrivalMs - mediaMs);
    if (this.#offsets.length > MEMORY) this.#offsets.shift();
  }

  /** @param {number} delayMs how long sound waits between arrival and loudspeaker */
  setPlayoutDelay(delayMs) {
    this.#delayMs = delayMs;
  }

  /**
   * @param {{waitedS: number, emitted: number}} stats of the connection: what samples have
   *   waited in the jitter buffer, and how many, since it began
   */
  follow({ waitedS, emitted }) {
    const count = emitted - this.#played.emitted;
    if (count > 0) this.setPlayoutDelay((1000 * (waitedS - this.#played.waitedS)) / count);
    this.#played = { waitedS, emitted };
  }

  /**
   * @param {number} mediaMs
   * @returns {number} local time in milliseconds; needs one observation
   */
  soundsAt(mediaMs) {
    return Math.min(...this.#offsets) + mediaMs + this.#delayMs;
  }
}
