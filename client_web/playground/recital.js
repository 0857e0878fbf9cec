const CHUNK_S = 0.5; // 32 kB of base64 at 24 kHz: a data channel takes 262 kB at once
const AHEAD_S = 6; // of what is heard; the server lets at most 60 s wait

/**
 * Speaks with a recording: sends it in chunks, a little ahead of the time it takes to
 * say, so that neither the connection nor the server is flooded.
 */
export class Recital {
  #send;
  /** @type {AbortController | null} */
  #running = null;

  /** @param {(command: {type: string} & Record<string, unknown>) => void} send */
  constructor(send) {
    this.#send = send;
  }

  get isRunning() {
    return this.#running !== null;
  }

  /**
   * @param {Int16Array} samples one channel
   * @param {number} rateHz
   * @returns {Promise<boolean>} whether all of it was sent
   */
  async begin(samples, rateHz) {
    this.stop();
    const running = (this.#running = new AbortController());
    const stream_id = `file-${Date.now()}`; // what comes late for an interrupted one is dropped
    const step = Math.round(CHUNK_S * rateHz);
    const beganMs = performance.now();
    for (let first = 0; first < samples.length; first += step) {
      const dueMs = beganMs + 1000 * (first / rateHz - AHEAD_S);
      await rest(Math.max(20, dueMs - performance.now()));
      if (running.signal.aborted) return false;
      const audio = base64(samples.subarray(first, first + step));
      this.#send({ type: "avatar.speak_audio", stream_id, sample_rate: rateHz, audio });
    }
    this.#send({ type: "avatar.speak_end" });
    this.#running = null;
    return true;
  }

  /** Send no more of it. */
  stop() {
    this.#running?.abort();
    this.#running = null;
  }
}

/** @param {number} ms */
function rest(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @param {Int16Array} samples -> base64 of them, little endian */
export function base64(samples) {
  const bytes = new Uint8Array(2 * samples.length);
  const view = new DataView(bytes.buffer);
  samples.forEach((each, index) => view.setInt16(2 * index, each, true));
  let text = "";
  for (let i = 0; i < bytes.length; i += 8_192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  }
  return btoa(text);
}
