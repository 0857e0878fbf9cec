export const STALL_MS = 5_000;

/** Notices that a picture has stopped: no new frame for more than 5 s. */
export class StallWatch {
  #frames = -1;
  #sinceMs = 0;

  /**
   * @param {number} frames decoded so far
   * @param {number} nowMs
   * @returns {boolean} whether the picture stands still
   */
  observe(frames, nowMs) {
    if (frames !== this.#frames) {
      this.#frames = frames;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs > STALL_MS;
  }

  /** Begin anew, when standing still was expected (a hidden page decodes nothing). */
  reset() {
    this.#frames = -1;
  }
}
