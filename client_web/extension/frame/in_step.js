const MOST_HELD_MS = 320;
const MOST_HELD = 10; // pictures; a decoder has not many more to lend
const MEMORY = 5; // looks at the lead, of which the median counts

/**
 * Holds pictures back until the sound that they belong to is heard.
 *
 * A browser hands a remote picture on as soon as it is decoded, and leaves it to the
 * element that shows it to wait for the sound. We show it to nobody, so we wait here. No
 * timer tells when: in the background those beat once a second. Chunks of sound do, and
 * they come a hundred times a second.
 */
export class InStep {
  /** @type {{frame: VideoFrame, dueMs: number}[]} */
  #held = [];
  /** @type {number[]} */
  #leads = [];
  #take;

  /** @param {(frame: VideoFrame) => void} take the frame is closed when this returns */
  constructor(take) {
    this.#take = take;
  }

  /** @param {number | null} leadMs by which pictures come before their sound; null: unknown */
  setLead(leadMs) {
    if (leadMs === null) return;
    this.#leads = [...this.#leads, leadMs].slice(-MEMORY);
  }

  get #holdMs() {
    if (!this.#leads.length) return 0;
    const sorted = this.#leads.toSorted((a, b) => a - b);
    return Math.min(Math.max(sorted[sorted.length >> 1], 0), MOST_HELD_MS);
  }

  /**
   * @param {VideoFrame} frame ours from now on
   * @param {number} nowMs
   */
  push(frame, nowMs) {
    this.#held.push({ frame, dueMs: nowMs + this.#holdMs });
    if (this.#held.length > MOST_HELD) this.#release(1);
    this.tick(nowMs);
  }

  /** @param {number} nowMs */
  tick(nowMs) {
    let due = this.#held.findIndex(({ dueMs }) => dueMs > nowMs);
    if (due < 0) due = this.#held.length;
    this.#release(due);
  }

  /** Let go of all that is held. */
  close() {
    for (const { frame } of this.#held.splice(0)) frame.close();
  }

  /** @param {number} count of the oldest */
  #release(count) {
    for (const { frame } of this.#held.splice(0, count)) {
      try {
        this.#take(frame);
      } finally {
        frame.close();
      }
    }
  }
}
