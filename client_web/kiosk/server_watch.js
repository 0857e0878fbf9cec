const EVERY_MS = 1_000;
const DEADLINE_MS = 2_500;

/**
 * While the portrait is away: asks the server whether it is there again, so that nobody
 * waits out a long back-off in front of the screen.
 */
export class ServerWatch {
  #address;
  #onAnswer;
  /** @type {AbortController | null} */
  #life = null;

  /**
   * @param {string} address that answers when the server is there
   * @param {() => void} onAnswer it is
   */
  constructor(address, onAnswer) {
    this.#address = address;
    this.#onAnswer = onAnswer;
  }

  start() {
    if (this.#life) return;
    this.#life = new AbortController();
    this.#ask(this.#life.signal);
  }

  stop() {
    this.#life?.abort();
    this.#life = null;
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    while (!signal.aborted) {
      if (await answers(this.#address, signal)) this.#onAnswer();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 */
export async function answers(address, signal) {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    return (await fetch(address, { cache: "no-store", signal: either })).ok;
  } catch {
    return false;
  }
}
