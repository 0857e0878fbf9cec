import { Microphone } from "../likeness/microphone.js";

/** @import { Likeness } from "../likeness.js" */

/**
 * off: not listened to. open: listened to until it is switched off. held: as long as a
 * key or the button is held down.
 * @typedef {"off" | "open" | "held"} ListeningState
 */

const LEVEL_MS = 60;
// What the browser says when it gives no microphone -> what the page says.
const PROBLEMS = new Map([
  ["NotAllowedError", "micDenied"],
  ["SecurityError", "micDenied"],
  ["NotFoundError", "micMissing"],
  ["OverconstrainedError", "micMissing"],
  ["NotReadableError", "micBusy"],
  ["AbortError", "micBusy"],
]);

/** Opens and closes the visitor's microphone, and tells the server when to listen. */
export class Listening {
  #likeness;
  #listener;
  #microphone;
  /** @type {ListeningState} */
  #state = "off";
  #wanted = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #meter;

  /**
   * @param {Likeness} likeness
   * @param {{onState: (state: ListeningState) => void, onLevel: (level: number) => void,
   *     onProblem: (key: string) => void}} listener a problem by its message's key
   */
  constructor(likeness, listener) {
    this.#likeness = likeness;
    this.#listener = listener;
    this.#microphone = new Microphone(() => {
      this.stop();
      listener.onProblem("micLost");
    });
  }

  get state() {
    return this.#state;
  }

  /** The button was pressed: listen from now on, or no more. */
  async toggle() {
    if (this.#state === "open") this.stop();
    else await this.#begin("open");
  }

  /** A key is held down: one turn. Not while it listens anyway. */
  async press() {
    if (this.#state === "off") await this.#begin("held");
  }

  /** The key was let go: what was said is answered. */
  release() {
    if (this.#state === "held") this.stop();
    else this.#wanted += 1; // let go before the microphone was there
  }

  stop() {
    this.#wanted += 1;
    if (this.#state === "off") return;
    this.#likeness.stopListening();
    this.#likeness.setMicrophone(null);
    this.#microphone.close(); // the browser's sign that it is on goes out
    this.#set("off");
  }

  /** @param {"open" | "held"} state */
  async #begin(state) {
    const wanted = ++this.#wanted;
    try {
      const track = await this.#microphone.open();
      if (wanted !== this.#wanted) {
        if (this.#state === "off") this.#microphone.close();
        return;
      }
      await this.#likeness.setMicrophone(track);
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      const insecure = !globalThis.isSecureContext;
      this.#listener.onProblem(insecure ? "micInsecure" : (PROBLEMS.get(name) ?? "micMissing"));
      return;
    }
    this.#set(state);
    this.#likeness.startListening(state === "held");
  }

  /** @param {ListeningState} state */
  #set(state) {
    this.#state = state;
    clearInterval(this.#meter);
    if (state === "off") this.#listener.onLevel(0);
    else this.#meter = setInterval(() => this.#listener.onLevel(this.#microphone.level), LEVEL_MS);
    this.#listener.onState(state);
  }
}
