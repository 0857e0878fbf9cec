const FIRST_MS = 400;
const LONGEST_MS = 5_000; // who waits in front of a dark screen waits no longer

/**
 * Jittered exponential waits, so that a server that comes back is not met by all its
 * visitors in the same instant. The jitter keeps at least half of each wait.
 */
export class Backoff {
  #attempt = 0;
  #random;

  /** @param {() => number} [random] 0 to 1 */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /** The wait before the next attempt, in milliseconds. */
  next() {
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    return ceiling * (0.5 + 0.5 * this.#random());
  }

  reset() {
    this.#attempt = 0;
  }
}
